"""A real HTTP server on loopback that records what it gets and answers as told.

::

    with LoopbackServer() as server:
        server.answer_with(500, 200)            # then 200 for everything else
        ...                                      # talk to server.url
        assert [request.path for request in server.requests] == ["/hook", "/hook"]

Leaving the block closes the port, ends hanging answers and joins every thread.
"""

import contextlib
import json
import socket
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, slots=True)
class Received:
    """One request, as it arrived."""

    method: str
    target: str
    """Path and query, as on the wire."""
    headers: Mapping[str, str]
    """The names are in lower case."""
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query)

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What to answer to one request."""

    status: int = 200
    body: bytes = b"OK"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    """Seconds to wait before answering; cut short when the server closes."""
    hang: bool = False
    """Never answer: the connection stays open until the server closes."""


class LoopbackServer:
    """The server; use it as a context manager. ``url`` has no slash at its end."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._requests: list[Received] = []
        self._planned: deque[Answer] = deque()
        self._decide: Callable[[Received], Answer] = lambda request: Answer()
        self._closing = threading.Event()
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.recorder = self
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, name="loopback"
        )

    @property
    def port(self) -> int:
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[Received]:
        """Every request so far, the oldest first."""
        with self._changed:
            return list(self._requests)

    def answer_with(self, *answers: Answer | int) -> None:
        """Answer the next requests with ``answers``, in order; an ``int`` is a status."""
        with self._changed:
            self._planned.extend(_as_answer(answer) for answer in answers)

    def always_answer(self, answer: "Answer | int | Callable[[Received], Answer]") -> None:
        """Answer with ``answer`` whenever nothing is planned. Without this it is 200, ``OK``.

        A function decides by the request, as a service with rules does.
        """
        with self._changed:
            self._decide = answer if callable(answer) else lambda request: _as_answer(answer)

    def wait_for(self, count: int, *, timeout: float = 10.0) -> list[Received]:
        """Return the requests as soon as there are ``count`` of them.

        Raises ``AssertionError`` when they have not come after ``timeout`` seconds.
        """
        with self._changed:
            arrived = self._changed.wait_for(lambda: len(self._requests) >= count, timeout)
            assert arrived, f"{len(self._requests)} of {count} requests came in {timeout} s"
            return list(self._requests)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._http.shutdown()
        self._thread.join()
        # Joins the threads of the open connections too.
        self._http.server_close()

    def _record(self, request: Received) -> Answer:
        with self._changed:
            self._requests.append(request)
            self._changed.notify_all()
            if self._planned:
                return self._planned.popleft()
            decide = self._decide
        return decide(request)

    def _wait(self, seconds: float | None) -> None:
        self._closing.wait(seconds)


@contextlib.contextmanager
def refusing_url() -> Iterator[str]:
    """Yield an address that refuses connections; nobody else gets its port meanwhile."""
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{unheard.getsockname()[1]}"


def _as_answer(answer: Answer | int) -> Answer:
    return Answer(status=answer) if isinstance(answer, int) else answer


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    recorder: LoopbackServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that has run out of patience hangs up: that is what is tested.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Received(self.command, self.path, headers, self.rfile.read(length))
        recorder = self.server.recorder
        answer = recorder._record(request)
        if answer.hang:
            recorder._wait(None)
            return
        if answer.delay:
            recorder._wait(answer.delay)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_DELETE = do_HEAD = do_PATCH = do_POST = do_PUT = do_GET

    def log_message(self, *args: Any) -> None:
        """Say nothing: the requests are recorded."""
