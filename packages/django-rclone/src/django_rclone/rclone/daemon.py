"""The one rclone that answers all requests of a command: how it starts, and how it ends.

It listens on a socket in a private folder, and reads a pipe from this process. When this
process ends, however it is killed, the pipe ends, and with it rclone.
"""

import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from math import inf
from pathlib import Path
from typing import Any

from ..exceptions import RcloneError
from ..interrupts import interruptible
from ..scratch import scratch_directory
from .api import Api
from .binary import RcloneBinary
from .log import message_of
from .options import Options
from .output import sections
from .own_remotes import require_apart
from .sockets import listens

_ADDRESS_LIMIT = 107  # bytes: https://man7.org/linux/man-pages/man7/unix.7.html
_SOCKET = "rclone"
_LONGEST_PAUSE = 0.01  # seconds between two looks whether rclone listens
_STARTING = 60.0  # seconds that it may take to start on a busy machine, at least
_GRACE = 2.0  # seconds that an rclone which broke off a connection has to end

_KEPT_OPEN = 60.0
"""Seconds. rclone keeps a storage open for 300 that are not used:
https://rclone.org/docs/#fs-cache-expire-duration-duration.
"""

Listener = Callable[[str], object]


class Daemon:
    """A running rclone that takes requests."""

    def __init__(self, binary: RcloneBinary) -> None:
        """Start it. It takes requests after ``wait_until_ready()``."""
        self._binary = binary
        self._listeners: list[Listener] = []
        self._storages: dict[str, dict[str, Any]] = {}
        self._shown: dict[str, float] = {}
        self._lock = threading.Lock()
        self._is_ready = False
        self._stack = ExitStack()
        with self._stack:
            folder = self._stack.enter_context(_private_folder())
            self.folder = folder
            self._address = str(folder / _SOCKET)
            self._process = self._stack.enter_context(binary.server(self._address, self._listen))
            self.api = Api(self._address, binary.stall_timeout, self)
            self._stack = self._stack.pop_all()

    def wait_until_ready(self) -> None:
        """Wait until it takes requests. Raises ``RcloneError`` if it does not, or is too old."""
        if self._is_ready:
            return
        self._wait_until_listening()
        # It created the socket for whoever may enter the folder: that is nobody else.
        Path(self._address).chmod(0o600)
        self.version = self.api.version()
        binary = self._binary
        binary.require_supported(self.version)
        if binary.remotes:
            found = self.api.answer("config/dump", "read its configuration")
            require_apart(binary.remotes, sections(found))
        self.options = Options(self.api, binary.flags)
        self._is_ready = True

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        with self._lock:
            return not self._process.has_ended()

    def stop(self) -> None:
        """End it, whatever it does."""
        with self._lock:
            self._stack.close()

    def kill(self) -> None:
        """Stop one that no longer answers. The next request starts another."""
        with self._lock:
            self._process.terminate()

    def abandon(self) -> None:
        """Leave it to the process that started it."""
        self._process.close_input()

    def failed(self) -> RcloneError | None:
        """Return the error of an rclone that has ended by itself, or is about to; else ``None``."""
        with self._lock:
            if not self._process.has_ended(_GRACE):
                return None
            error = self._process.failed()
        assert isinstance(error, RcloneError)
        return error

    def last_words(self) -> str:
        """Return the end of its log."""
        return "\n".join(self._process.tail()[-3:])

    def storage(self, fs: str, **config: Any) -> Mapping[str, Any]:
        """Return what rclone knows of a storage without asking it.

        rclone keeps it as it is created here: with as many retries as ``config`` says.
        """
        if fs not in self._storages:
            what = f"open {fs}"
            self._storages[fs] = self.api.call("operations/fsinfo", what, fs=fs, _config=config)
        return self._storages[fs]

    def has_shown(self, fs: str) -> None:
        """Take note that something was found in a storage: it is open as what it is."""
        self._shown[fs] = time.monotonic()

    def is_doubtful(self, fs: str) -> bool:
        """Whether a storage in which something is not found may be open as what it is not."""
        # One with a bracket is not opened by the same name for every request.
        return "]" in fs or time.monotonic() - self._shown.get(fs, -inf) > _KEPT_OPEN

    def forget_storages(self) -> None:
        """Let rclone open every storage again.

        It keeps what it opened, also a folder that it took for a file since the remote did
        not answer which of them it is.
        """
        self._storages.clear()
        self._shown.clear()
        if self._is_ready:
            self.api.call("fscache/clear", "open its storages again")

    def is_transferring(self, group: str) -> bool:
        """Whether it still works at what was asked for under the name ``group``."""
        return bool(self.api.stats(group, short=False).get("transferring"))

    @contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        """Let ``listener`` get every line of the log within the block."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def _listen(self, line: str) -> str | None:
        for listener in tuple(self._listeners):
            listener(line)
        return message_of(line)

    def _wait_until_listening(self) -> None:
        limit = self._binary.stall_timeout
        started = time.monotonic()
        pause = 0.001
        with interruptible():
            while not listens(self._address):
                if self._process.has_ended(pause):
                    self._binary.require_supported()
                    raise self._process.failed()
                if limit and time.monotonic() - started > max(limit.seconds, _STARTING):
                    self._process.terminate()
                    raise limit.error(self._process.command, self._process.failed())
                pause = min(2 * pause, _LONGEST_PAUSE)


@contextmanager
def _private_folder() -> Iterator[Path]:
    """Yield a folder for a socket, whose address may have few bytes."""
    for candidate in _short_lived_places():
        with ExitStack() as stack:
            try:
                folder = stack.enter_context(scratch_directory(Path(candidate)))
            except OSError:
                continue
            if len(os.fsencode(folder / _SOCKET)) > _ADDRESS_LIMIT:
                continue
            yield folder
            return
    raise RcloneError(
        "There is no folder for the socket through which rclone takes requests.",
        hint="Let TMPDIR be a folder with a short name in which this user may write.",
    )


def _short_lived_places() -> Iterator[str]:
    with contextlib.suppress(OSError):
        yield tempfile.gettempdir()
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        yield runtime
    yield from ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - a private folder is made there
