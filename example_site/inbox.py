"""A local web server that keeps the requests that Slack and a health check would receive."""

import json
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Self


@dataclass(frozen=True, slots=True)
class Message:
    """One request that arrived."""

    service: str
    text: str


class Inbox:
    """Listen on a free port of the loopback interface while the ``with`` block runs."""

    def __init__(self) -> None:
        self._messages: SimpleQueue[Message] = SimpleQueue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler_for(self._messages))
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def address(self, path: str) -> str:
        """Return the URL at which this inbox receives messages for ``path``."""
        return f"http://127.0.0.1:{self._server.server_port}/{path}"

    def take_all(self) -> list[Message]:
        """Return, and forget, the messages that arrived since the last call."""
        messages = []
        while True:
            try:
                messages.append(self._messages.get_nowait())
            except Empty:
                return messages


def handler_for(messages: "SimpleQueue[Message]") -> type[BaseHTTPRequestHandler]:
    """Return a request handler that answers "ok" and stores each request in ``messages``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.store("ping")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.store(readable(body.decode("utf-8", "replace")))

        def store(self, text: str) -> None:
            messages.put(Message(service=self.path.lstrip("/"), text=text))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *args: object) -> None:
            """Keep the server's own log out of the demo's output."""

    return Handler


def readable(body: str) -> str:
    """Return the first line of a Slack message, or of any other body."""
    with suppress(ValueError, KeyError, TypeError):
        body = json.loads(body)["text"]
    return (body.splitlines() or ["ping"])[0]
