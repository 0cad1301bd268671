"""An rclone that breaks off amid a dump: a program that stands between it and who asks it.

It starts the real rclone on another socket and passes everything on, but for the first
bytes of a dump: after these it ends both, by an exit status or by SIGKILL. Manifests and
other small objects, whose names end in ``.json``, pass.
"""

import contextlib
import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

DOWNLOAD, UPLOAD = "download", "upload"
_ADDRESS = "--rc-addr=unix://"
_BYTES = 500  # of a dump that pass
_START = {DOWNLOAD: b"GET /", UPLOAD: b"POST /operations/uploadfile"}
# At the end of the address of a download, or of the name in an upload.
_SMALL = re.compile(rb"\.json( HTTP/|\r\n)")
_PIECE = 1 << 16


def main(real: str, what: str, how: str, arguments: Sequence[str]) -> None:
    """Run ``real`` with these arguments; ``how`` is ``exit`` or ``kill``."""
    at = next((n for n, word in enumerate(arguments) if word.startswith(_ADDRESS)), None)
    if at is None:
        os.execv(real, [real, *arguments])  # noqa: S606
    address = arguments[at].removeprefix(_ADDRESS)
    behind = f"{address}~"
    changed = [*arguments[:at], _ADDRESS + behind, *arguments[at + 1 :]]
    child = os.posix_spawn(real, [real, *changed], os.environ)
    threading.Thread(target=_serve, args=(address, behind, what, how, child), daemon=True).start()
    _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _serve(address: str, behind: str, what: str, how: str, child: int) -> None:
    while not Path(behind).exists():
        time.sleep(0.005)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(16)
        while True:
            client, _ = listener.accept()
            threading.Thread(
                target=_pass_on, args=(client, behind, what, how, child), daemon=True
            ).start()


def _pass_on(client: socket.socket, behind: str, what: str, how: str, child: int) -> None:
    with client, socket.socket(socket.AF_UNIX) as real, contextlib.suppress(OSError):
        real.connect(behind)
        head = _received(client, b"\r\n\r\n")
        if head.startswith(_START[UPLOAD]):
            # The name is in the body: see Upload in django_rclone.rclone.transfers.
            head += _received(client, b"\r\n\r\n")
        broken = head.startswith(_START[what]) and not _SMALL.search(head)
        real.sendall(head)
        if broken and what == UPLOAD:
            real.sendall(client.recv(_BYTES))
            _break_off(how, child)
        threading.Thread(target=_pump, args=(client, real), daemon=True).start()
        if broken:
            client.sendall(_received(real, b"\r\n\r\n"))
            client.sendall(real.recv(_BYTES))
            _break_off(how, child)
        _pump(real, client)


def _received(connection: socket.socket, end: bytes) -> bytes:
    """Return what comes up to ``end``, to the byte."""
    found = b""
    while not found.endswith(end) and (byte := connection.recv(1)):
        found += byte
    return found


def _pump(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(_PIECE):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)


def _break_off(how: str, child: int) -> None:
    os.kill(child, signal.SIGKILL)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
