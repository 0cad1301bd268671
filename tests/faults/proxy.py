"""A way to a server that can be told to misbehave: on loopback, byte by byte."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Self

_CHUNK = 16_384
_ANSWER = "HTTP/1.1 {} {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass
class Trouble:
    """What happens to connections. Without arguments nothing does."""

    hang: bool = False
    """Connections are taken, and nothing is ever answered."""
    cut_up: int | None = None
    """All connections together are reset after so many bytes to the server."""
    cut_down: int | None = None
    """The same, from the server."""
    delay: float = 0.0
    """Seconds before each piece of 16 KiB is passed on: a slow drip."""
    status: int | None = None
    """HTTP requests are answered by this status ..."""
    times: int | None = None
    """... so many times; ``None`` for always."""
    forbidden: tuple[bytes, ...] = ()
    """HTTP requests that begin like this are refused ..."""
    refusal: int = 403
    """... by this status: what credentials may not do, or what there is no room for."""
    refuse_for: float = 0.0
    """Seconds for which connections are reset at once."""
    reset: range = range(0)
    """The connections of these numbers, counted from 0, are reset at once."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    started: float = field(default_factory=time.monotonic)
    up: int = 0
    down: int = 0
    connections: int = 0

    def resets(self) -> bool:
        with self.lock:
            self.connections += 1
            late = time.monotonic() >= self.started + self.refuse_for
            return not late or self.connections - 1 in self.reset

    def take_status(self) -> int | None:
        with self.lock:
            if self.status is None or self.times == 0:
                return None
            if self.times is not None:
                self.times -= 1
            return self.status

    def passes(self, size: int, *, up: bool) -> bool:
        with self.lock:
            if up:
                self.up += size
                return self.cut_up is None or self.up <= self.cut_up
            self.down += size
            return self.cut_down is None or self.down <= self.cut_down


class Proxy:
    """Passes connections on to ``target``, a port of loopback."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._trouble = Trouble()
        self._open: set[socket.socket] = set()
        self._closing = False
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self.port = 0

    def __enter__(self) -> Self:
        self._listen()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._closing = True
        self._close_listener()
        self._drop_all()

    @contextmanager
    def trouble(self, trouble: Trouble) -> Iterator[None]:
        """Let connections have trouble for the time of the block."""
        self._trouble = trouble
        try:
            yield
        finally:
            self._trouble = Trouble()
            self._drop_all()

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Refuse connections for the time of the block."""
        self._close_listener()
        self._drop_all()
        try:
            yield
        finally:
            self._listen()

    def _listen(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(64)
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._acceptor = threading.Thread(target=self._accept, args=(listener,), daemon=True)
        self._acceptor.start()

    def _close_listener(self) -> None:
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._acceptor.join()
            self._listener.close()

    def _drop_all(self) -> None:
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client, self._trouble), daemon=True).start()

    def _serve(self, client: socket.socket, trouble: Trouble) -> None:
        with client, socket.socket() as server:
            with self._lock:
                self._open |= {client, server}
            try:
                self._pass_on(client, server, trouble)
            except OSError:
                _reset(client)
            finally:
                with self._lock:
                    self._open -= {client, server}

    def _pass_on(self, client: socket.socket, server: socket.socket, trouble: Trouble) -> None:
        if trouble.resets():
            _reset(client)
            return
        if trouble.hang:
            while client.recv(_CHUNK):
                pass
            return
        if (status := trouble.take_status()) is not None:
            _answer(client, status)
            return
        server.connect(("127.0.0.1", self._target))
        back = threading.Thread(
            target=_pump, args=(server, client, trouble), kwargs={"up": False}, daemon=True
        )
        back.start()
        _pump(client, server, trouble, up=True)
        back.join()


def _pump(source: socket.socket, target: socket.socket, trouble: Trouble, *, up: bool) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            if trouble.delay:
                time.sleep(trouble.delay)
            if up and trouble.forbidden and data.startswith(trouble.forbidden):
                source.sendall(_response(trouble.refusal))
                source.shutdown(socket.SHUT_RDWR)
                return
            if not trouble.passes(len(data), up=up):
                _reset(source if up else target)
                _reset(target if up else source)
                return
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _reset(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)


def _answer(client: socket.socket, status: int) -> None:
    request = b""
    while b"\r\n\r\n" not in request:
        data = client.recv(_CHUNK)
        if not data:
            return
        request += data
    client.sendall(_response(status))


def _response(status: int) -> bytes:
    return _ANSWER.format(status, HTTPStatus(status).phrase).encode()
