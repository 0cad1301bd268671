"""An rclone in which some requests go wrong: a proxy in front of the real one.

Started as rclone is, it starts the real one on another socket. A request is told as the
command line that means the same, such as ``rcat /remote/db/x.zst``; one that fits a
pattern is answered by a script of the shell. Its stdin is what is uploaded, its stdout is
the answer, its exit status says whether that is an error (3: there is no such thing). In
it ``"$REAL" "$@"`` asks the real rclone. If it is killed, the whole rclone is.

A pattern that fits ``obscure``, the command of the one process, is about the process itself.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from http.client import HTTPConnection
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_PIECE = 1 << 16
_NOT_FOUND = 3
_SERVER = "--rc-addr=unix://"
_VERBS: dict[str, Callable[[dict[str, str]], list[str]]] = {
    "/operations/list": lambda of: ["lsjson", f"{of['fs']}{of['remote']}/"],
    "/operations/stat": lambda of: ["lsjson", f"{of['fs']}{of['remote']}"],
    "/operations/deletefile": lambda of: ["deletefile", f"{of['fs']}{of['remote']}"],
    "/operations/uploadfile": lambda of: ["rcat", of["fs"]],
    "/operations/size": lambda of: ["size", of["fs"]],
    "/operations/fsinfo": lambda of: ["backend", "features", of["fs"]],
    "/sync/sync": lambda of: ["sync", of["srcFs"], of["dstFs"]],
    "/sync/copy": lambda of: ["copy", of["srcFs"], of["dstFs"]],
    "/config/dump": lambda of: ["config", "dump"],
}


class Request:
    """One request, read from a connection, whose bytes are kept as they came."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.raw = b""
        self._read = 0
        self.method, self.address, _ = self.line().split(" ")
        lines = iter(self.line, "")
        pairs = (line.partition(":") for line in lines)
        self.headers = {name.lower(): value.strip() for name, _, value in pairs}
        parts = urlsplit(self.address)
        if self.method == "GET":
            fs, _, path = unquote(parts.path)[2:].partition("]/")
            self.words = ["cat", f"{fs}{path}"]
        else:
            values = {name: found[0] for name, found in parse_qs(parts.query).items()}
            known = _VERBS.get(parts.path, lambda _: [parts.path[1:]])
            self.words = known({"fs": "", "remote": "", "srcFs": "", "dstFs": "", **values})
        self.name, self.begin = "", b""
        if self.words[0] == "rcat":
            # What is stored is named in the body.
            self.begin = next(self.pieces())
            head, _, self.begin = self.begin.partition(b"\r\n\r\n")
            self.name = unquote(head.partition(b"UTF-8''")[2].decode())
            self.words[1] += self.name

    def line(self) -> str:
        return self._until(b"\r\n").decode()

    def _until(self, end: bytes) -> bytes:
        while end not in self.raw[self._read :]:
            self._more()
        at = self.raw.index(end, self._read)
        found, self._read = self.raw[self._read : at], at + len(end)
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self.raw) - self._read < size:
            self._more()
        found, self._read = self.raw[self._read : self._read + size], self._read + size
        return found

    def _more(self) -> None:
        data = self._connection.recv(_PIECE)
        if not data:
            raise OSError("the connection ended")
        self.raw += data

    def pieces(self) -> Iterator[bytes]:
        """Yield the body."""
        if self.headers.get("transfer-encoding") == "chunked":
            while size := int(self._until(b"\r\n"), 16):
                yield self._exactly(size)
                self._until(b"\r\n")
                if self.name:
                    self.raw, self._read = self.raw[self._read :], 0
        elif length := int(self.headers.get("content-length", 0)):
            yield self._exactly(length)

    def uploaded(self) -> Iterator[bytes]:
        """Yield the file in a multipart body."""
        boundary = self.headers["content-type"].partition("boundary=")[2]
        end = f"\r\n--{boundary}--\r\n".encode()
        held = self.begin
        self._until(b"\r\n")
        for piece in self.pieces():
            held += piece
            yield held[: -len(end)]
            held = held[-len(end) :]
        assert held == end


class Proxy:
    """Passes requests on to the real rclone, or lets a script answer."""

    def __init__(self, address: str, real: str, calls: list[str], body: str) -> None:
        self._address, self._real, self._calls, self._body = address, real, calls, body
        self._scripts = Path(tempfile.mkdtemp(dir=Path(address).parent))

    def serve(self, program: "subprocess.Popen[bytes]") -> None:
        self._program = program
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self._address)
        listener.listen(64)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self._handle, args=(connection,), daemon=True).start()

    def _handle(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            request = Request(connection)
            if fits(request.words, self._calls):
                self._script(connection, request)
            else:
                self._pass_on(connection, request)
            # Another thread may still read from it: to close it would not end it.
            connection.shutdown(socket.SHUT_RDWR)

    def _pass_on(self, connection: socket.socket, request: Request) -> None:
        with socket.socket(socket.AF_UNIX) as real:
            real.connect(self._real)
            real.sendall(request.raw)
            threading.Thread(target=_pump, args=(connection, real), daemon=True).start()
            _pump(real, connection)

    def _script(self, connection: socket.socket, request: Request) -> None:
        """Let the script answer; its process is named after the verb."""
        folder = Path(tempfile.mkdtemp(dir=self._scripts))
        script = folder / request.words[0]
        script.write_text(f'{self._body}\nexec "$REAL" "$@"\n')
        rcat = request.words[0] == "rcat"
        told: dict[str, Any] = {
            "socket": self._real,
            "method": request.method,
            "address": request.address,
            "headers": request.headers,
            "name": request.name,
            "aborted": str(folder / "aborted"),
            "body": "" if rcat else b"".join(request.pieces()).decode(),
        }
        forward = [sys.executable, "-E", "-S", __file__, "--forward"]
        real = folder / "real"
        real.write_text(f"#!/bin/sh\nexec {' '.join(forward)}\n")
        real.chmod(0o755)
        # In files: a script that writes much must not wait for one who reads.
        said, cried = folder / "stdout", folder / "stderr"
        process = subprocess.Popen(
            ["sh", script, *request.words],
            env={
                **os.environ,
                "REAL": str(real),
                "FORWARDED": json.dumps(told),
                "RCLONE_PID": str(self._program.pid),
                "RCLONE_SOCKET": self._address,
            },
            stdin=subprocess.PIPE,
            stdout=said.open("wb"),
            stderr=cried.open("wb"),
        )
        assert process.stdin
        if rcat:
            try:
                for piece in request.uploaded():
                    with suppress(BrokenPipeError):
                        process.stdin.write(piece)
            except OSError:
                (folder / "aborted").touch()
                process.terminate()
                raise
        else:
            threading.Thread(target=_kill_at_end, args=(connection, process), daemon=True).start()
        process.communicate()
        out, err = said.read_bytes(), cried.read_bytes()
        if process.returncode < 0:
            self._program.send_signal(-process.returncode)
            self._program.wait()
            os.kill(os.getpid(), -process.returncode)
        sys.stderr.buffer.write(err)
        sys.stderr.flush()
        connection.sendall(_response(request, process.returncode, out, err))


def _response(request: Request, status: int, out: bytes, err: bytes) -> bytes:
    code, kind, length = "200 OK", "application/octet-stream", len(out)
    if status and request.words[0] == "cat" and out and "range" not in request.headers:
        length += 1  # it breaks off, and cannot be continued
    elif status:
        words = "\n".join(map(_message, err.decode().splitlines())) or "it failed"
        code = "404 Not Found" if status == _NOT_FOUND else "500 Internal Server Error"
        out, kind = (
            json.dumps({"error": words, "status": int(code[:3])}).encode(),
            "application/json",
        )
        length = len(out)
    elif request.words[0] in ("rcat", "deletefile") and not out:
        out = b"{}"
        length = 2
    head = f"HTTP/1.1 {code}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
    return head.encode() + out


def _message(line: str) -> str:
    with suppress(ValueError, KeyError, TypeError):
        return str(json.loads(line)["msg"])
    return line


def fits(words: list[str], calls: list[str]) -> bool:
    return any(fnmatchcase(" ".join(words), pattern) for pattern in calls)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(_PIECE):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


def _kill_at_end(connection: socket.socket, process: "subprocess.Popen[bytes]") -> None:
    """Kill a script whose request was cancelled."""
    with suppress(OSError):
        while connection.recv(1):
            pass
    process.terminate()


def forward() -> int:
    """Ask the real rclone what was asked, and print its answer."""
    told = json.loads(os.environ["FORWARDED"])
    connection = HTTPConnection("rclone")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(told["socket"])
    if told["name"]:
        connection.putrequest(told["method"], told["address"], skip_host=True)
        for name, value in told["headers"].items():
            connection.putheader(name, value)
        connection.endheaders()
        boundary = told["headers"]["content-type"].partition("boundary=")[2]
        name = "".join(f"%{byte:02x}" for byte in told["name"].encode())
        limit = os.environ.get("RCLONE_BWLIMIT")
        head = f"--{boundary}\r\nContent-Disposition: form-data; name=file; filename*=UTF-8''{name}"
        pieces = iter(lambda: sys.stdin.buffer.read(_PIECE >> 3), b"")
        whole = chain([f"{head}\r\n\r\n".encode()], pieces, _end(boundary, Path(told["aborted"])))
        for piece in whole:
            if limit:
                time.sleep(len(piece) / 100_000)
            connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))
    else:
        connection.request(told["method"], told["address"], told["body"], told["headers"])
    response = connection.getresponse()
    data = response.read()
    if response.status in (200, 206):
        with suppress(BrokenPipeError):
            sys.stdout.buffer.write(data)
            sys.stdout.flush()
        return 0
    print(json.loads(data)["error"], file=sys.stderr)
    return _NOT_FOUND if response.status == 404 else 1


def _end(boundary: str, aborted: Path) -> Iterator[bytes]:
    """Yield the end of an upload, unless that was aborted."""
    if aborted.exists():
        os._exit(1)
    yield f"\r\n--{boundary}--\r\n".encode()
    yield b""


def _listens(address: str) -> bool:
    # A socket has its name a moment before it takes connections.
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(address) == 0


def main() -> int:
    """Be the rclone that is started."""
    if sys.argv[1:2] == ["--forward"]:
        return forward()
    settings = json.loads(Path(sys.argv[1]).read_text())
    arguments = sys.argv[2:]
    real, calls, body = settings["real"], settings["calls"].split("|"), settings["body"]
    address = next((a.removeprefix(_SERVER) for a in arguments if a.startswith(_SERVER)), "")
    if fits(arguments, calls):
        os.environ["REAL"] = real
        os.execvp("sh", ["sh", "-c", f'{body}\nexec "$REAL" "$@"', "sh", *arguments])
    if not address:
        os.execv(real, [real, *arguments])
    # A shorter name, which fits where the other does.
    aside = str(Path(address).with_name("r"))
    program = subprocess.Popen(
        [real, *(f"{_SERVER}{aside}" if a == _SERVER + address else a for a in arguments)]
    )
    signal.signal(signal.SIGTERM, lambda *_: program.terminate())
    while not _listens(aside) and program.poll() is None:
        time.sleep(0.002)
    serving = threading.Thread(
        target=Proxy(address, aside, calls, body).serve, args=(program,), daemon=True
    )
    serving.start()
    return program.wait()


if __name__ == "__main__":
    status = main()
    with suppress(BrokenPipeError):
        sys.stdout.flush()
    if status < 0:
        os.kill(os.getpid(), -status)
    os._exit(status)
