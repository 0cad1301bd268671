"""HTTP over a unix socket, with a watch on how long rclone does nothing."""

import http.client
import io
import select
import socket
import time
from collections.abc import Callable
from typing import Any

from ..interrupts import look, time_left
from ..processes import StallTimeout

_BUFFER = 1 << 16
_TICK = 1.0  # seconds between two looks at what rclone does


class Stalled(Exception):
    """rclone made no progress for longer than it may."""


class AnsweredEarly(Exception):
    """rclone answers, though it has not been sent everything: it has failed."""


class Watch:
    """Waits for a socket, and gives up when rclone makes no progress."""

    def __init__(self, limit: StallTimeout | None, activity: Callable[[], object]) -> None:
        """``activity`` returns a value that changes whenever rclone has made progress.

        It is called about once a second while nothing else happens.
        """
        self._limit = limit.seconds if limit else None
        self._tick = _TICK if limit is None else min(_TICK, limit.seconds / 4)
        self._activity = activity
        self._last: object = None
        self._moved = self._looked = time.monotonic()

    def wait(self, connection: socket.socket, what: int) -> int:
        """Wait until one of the events ``what`` happens, and return it. Raises ``Stalled``."""
        poll = select.poll()
        poll.register(connection, what)
        while not (ready := poll.poll(self._pause() * 1000)):
            look()
            self.look()
            if time_left() == 0:
                raise Stalled
        self._moved = time.monotonic()
        return ready[0][1]

    def _pause(self) -> float:
        left = time_left()
        return self._tick if left is None else min(self._tick, left)

    def look(self) -> None:
        """Look at what rclone does. Raises ``Stalled``."""
        self._looked = now = time.monotonic()
        if self._last != (found := self._activity()):
            self._last, self._moved = found, now
        elif self._limit is not None and now - self._moved >= self._limit:
            raise Stalled

    def look_at_times(self) -> None:
        """Look, unless that was only a moment ago."""
        if time.monotonic() - self._looked >= _TICK:
            self.look()


class _Socket:
    """What ``http.client`` needs of a socket: it waits as the watch says."""

    def __init__(self, address: str, watch: Watch) -> None:
        self._watch = watch
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
            self._socket.connect(address)
        except BaseException:
            self._socket.close()
            raise
        self._socket.setblocking(False)

    def sendall(self, data: bytes) -> None:
        """Send everything. Raises ``AnsweredEarly``, ``Stalled`` or ``OSError``."""
        view = memoryview(data)
        while view:
            event = self._watch.wait(self._socket, select.POLLOUT | select.POLLIN)
            if event & ~select.POLLOUT:
                raise AnsweredEarly
            try:
                view = view[self._socket.sendmsg([view]) :]
            except ConnectionError:
                raise AnsweredEarly from None

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._socket, self._watch), _BUFFER)

    def close(self) -> None:
        self._socket.close()


class _Reader(io.RawIOBase):
    def __init__(self, connection: socket.socket, watch: Watch) -> None:
        self._socket = connection
        self._watch = watch

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._watch.wait(self._socket, select.POLLIN)
        return self._socket.recv_into(buffer)


class Connection(http.client.HTTPConnection):
    """A connection to a unix socket. Besides errors of ``http.client`` its methods raise ``Stalled``."""

    def __init__(self, address: str, watch: Watch) -> None:
        super().__init__("rclone")
        self._address = address
        self.watch = watch

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock: Any = _Socket(self._address, self.watch)


def listens(address: str) -> bool:
    """Return whether somebody takes connections at a unix socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(address)
        except OSError:
            return False
    return True
