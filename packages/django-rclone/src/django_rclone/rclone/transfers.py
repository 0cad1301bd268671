"""Objects on their way: streamed to the remote, and from it.

An upload is stored once rclone has seen the end of the request. If the connection breaks
before, whoever died, rclone sees an error and not an end.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, Self

from ..interrupts import interruptible
from .api import checked, new_group, percent_encoded, progress_marker, query
from .binary import RcloneBinary
from .diagnosis import opened, why_not_open
from .log import refusal
from .sessions import running, session
from .sockets import AnsweredEarly

_AT_ONCE = 4 << 20
"""Bytes. What has no more is sent when it is known to be whole, and as one piece."""

_SETTLING = 2.0  # seconds that a canceled upload may take to end
_TRIES = 10  # of a download that breaks off, one after the other without a byte
_PIECE = 1 << 18


class Upload:
    """A new object at a path of a remote, yet to be started. Without ``finish()`` it is not stored.

    Leaving it without that cancels what was begun. Part of it may stay at the path on a
    storage that writes in place: delete it.
    """

    def __init__(
        self,
        binary: RcloneBinary,
        place: tuple[str, str],
        root: str,
        progress: Callable[[int], None],
        *,
        few_retries: bool = False,
    ) -> None:
        self._binary = binary
        self._few_retries = few_retries
        self._fs, self._name = place
        self._root = root
        self._what = f"store {self._fs}{self._name}"
        self._progress = progress
        self._head = bytearray()
        self._connection: Any = None
        self._group = new_group()
        self._stored = False
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with self._stack:
            self._stack.enter_context(session())
            self._daemon = running(self._binary)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        with self._stack:
            if self._connection is not None:
                self._connection.close()
                if not self._stored:
                    self._settle()

    def write(self, data: bytes) -> None:
        """Send ``data``. Raises ``RcloneError``."""
        if self._connection is not None:
            self._send(data)
            self._connection.watch.look_at_times()
            return
        self._head += data
        if len(self._head) > _AT_ONCE:
            self._begin(self._daemon.options.of_stream(self._opened()))

    def finish(self) -> None:
        """Send the end, and wait until everything is stored. Raises ``RcloneError``."""
        with interruptible():
            if self._connection is None:
                self._opened()
                options = self._daemon.options
                self._begin(options.of_piece(len(self._head), few_retries=self._few_retries))
            self._send(f"\r\n--{self._boundary}--\r\n".encode())
            self._send(b"")
            self._read_answer()
            self._stored = True
            self._activity()

    def _opened(self) -> Mapping[str, Any]:
        return opened(self._daemon, self._fs, self._root)

    def _begin(self, config: dict[str, object]) -> None:
        """Start the request: https://rclone.org/rc/#operations-uploadfile."""
        self._boundary = secrets.token_hex(16)
        parameters = query(fs=self._fs, remote="", _group=self._group, _config=config)
        head = (
            f"--{self._boundary}\r\nContent-Disposition: form-data; name=file; "
            f"filename*=UTF-8''{percent_encoded(self._name)}\r\n\r\n"
        ).encode()
        with self._daemon.api.guarded(self._what):
            self._connection = self._daemon.api.open(self._activity)
            self._connection.putrequest("POST", f"/operations/uploadfile?{parameters}")
            self._connection.putheader(
                "Content-Type", f"multipart/form-data; boundary={self._boundary}"
            )
            self._connection.putheader("Transfer-Encoding", "chunked")
            self._connection.endheaders()
        self._send(head + self._head)
        self._head.clear()

    def _send(self, data: bytes) -> None:
        """Send a piece of the body; an empty one is its end."""
        with self._daemon.api.guarded(self._what):
            try:
                self._connection.sock.sendall(b"%x\r\n%b\r\n" % (len(data), data))
            except AnsweredEarly:
                pass
            else:
                return
        self._read_answer()
        raise refusal(self._what, "it ended before everything was sent")

    def _read_answer(self) -> None:
        with self._daemon.api.guarded(self._what):
            checked(self._connection.getresponse(), self._what).read()

    def _activity(self) -> object:
        stats = self._daemon.api.stats(self._group)
        self._progress(int(stats.get("bytes", 0)))
        return progress_marker(stats)

    def _settle(self) -> None:
        """Wait until rclone has stopped what was canceled: it may still write."""
        deadline = time.monotonic() + _SETTLING
        while self._daemon.is_transferring(self._group) and time.monotonic() < deadline:
            time.sleep(0.01)


class Download:
    """The bytes of an object, yet to be asked for. One that breaks off is continued."""

    def __init__(self, binary: RcloneBinary, place: tuple[str, str], root: str) -> None:
        self._binary = binary
        self._root = root
        self._fs, self._name = place
        self._what = f"read {self._fs}{self._name}"
        self._connection: Any = None
        self._response: Any = None
        self._read = 0
        self._size: int | None = None
        self._tries = _TRIES
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with self._stack:
            self._stack.enter_context(session())
            self._daemon = running(self._binary)
            opened(self._daemon, self._fs, self._root)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        with self._stack:
            self._close()

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes, and nothing at the end. Raises ``RcloneError``."""
        while not self.at_end:
            with self._daemon.api.guarded(self._what):
                if self._response is None:
                    self._open()
                data: bytes = self._response.read1(min(size, _PIECE))
            if data or self._size is None:
                self._read += len(data)
                self._tries = _TRIES
                return data
            self._close()
            if not self.at_end:
                self._broke_off()
        return b""

    @property
    def at_end(self) -> bool:
        """Whether all bytes were read."""
        return self._size is not None and self._read >= self._size

    def finish(self) -> None:
        """Raise ``RcloneError`` unless everything there was has been read."""
        if self._size is not None and self._read != self._size:
            raise refusal(self._what, f"{self._read:,} bytes were read of {self._size:,}")

    def _open(self) -> None:
        api = self._daemon.api
        self._connection = api.open(lambda: None)
        response = api.get(self._connection, self._fs, self._name, offset=self._read)
        if response.headers.get_content_type() == "text/plain" and response.status == 404:
            self._close()
            self._tries -= 1
            reason = why_not_open(self._daemon, self._fs, self._name)
            if reason is None and self._tries:
                self._open()
                return
            raise refusal(self._what, reason or "unexpected EOF: it breaks off again and again")
        self._response = checked(response, self._what)
        self._size = self._read + response.length if response.length is not None else None

    def _broke_off(self) -> None:
        if error := self._daemon.failed():
            raise error
        self._tries -= 1
        if not self._tries:
            raise refusal(
                self._what,
                f"unexpected EOF: it broke off after {self._read:,} bytes of {self._size:,}\n"
                f"{self._daemon.last_words()}",
            )

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._response = None
