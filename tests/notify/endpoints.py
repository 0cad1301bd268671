"""Where notifiers deliver: real endpoints on this machine that can be made to fail."""

import contextlib
import gzip
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tests.support.http_server import Answer, LoopbackServer, Received, refusing_url

SECRET = "T0PsECReT-9f8e7d"

PASSING_FAULTS = {
    "500 once": Answer(status=500),
    "503 once": Answer(status=503, headers={"Retry-After": "0"}),
    "429 once": Answer(status=429, headers={"Retry-After": "1"}),
}
"""Faults that end within the time limit: the notification is delivered."""

LASTING_FAULTS = {
    "500": Answer(status=500),
    "404": Answer(status=404),
    "403 that echoes": Answer(status=403, body=SECRET.encode()),
    "429 for an hour": Answer(status=429, headers={"Retry-After": "3600"}),
    "hangs": Answer(hang=True),
}
"""Faults that last: the notification is lost, and that is reported. So is ``GONE``."""

GONE = "refuses connections"
HTTP_FAULTS = frozenset({*PASSING_FAULTS, *LASTING_FAULTS, GONE})

_STATE = re.compile(r" (started|succeeded again|succeeded|failed) on ")


class Endpoint(Protocol):
    """Where one notifier delivers during one test."""

    @property
    def options(self) -> dict[str, Any]:
        """The notifier's ``OPTIONS`` to deliver here."""

    @property
    def settings(self) -> str:
        """Python code for the settings of a site in a process of its own."""

    def states(self) -> list[str]:
        """Return the states received so far, oldest first."""

    def received(self) -> bytes:
        """Return everything received so far, decoded."""

    def fail_with(self, fault: str) -> None:
        """Have this fault from now on."""


OpenEndpoint = Callable[[Path], contextlib.AbstractContextManager[Endpoint]]
"""Opens an endpoint; the argument is a folder of the test's own."""


@dataclass
class HttpEndpoint:
    """A fake web service."""

    server: LoopbackServer
    cleanup: contextlib.ExitStack
    options_for: Callable[[str], dict[str, Any]]
    state_of: Callable[[Received], str | None]
    url: str
    settings: str = ""

    @property
    def options(self) -> dict[str, Any]:
        return self.options_for(self.url)

    def states(self) -> list[str]:
        return [state for state in map(self.state_of, self.server.requests) if state]

    def received(self) -> bytes:
        return b"\n".join(map(decoded, self.server.requests))

    def fail_with(self, fault: str) -> None:
        if fault in PASSING_FAULTS:
            self.server.answer_with(PASSING_FAULTS[fault])
        elif fault in LASTING_FAULTS:
            self.server.always_answer(LASTING_FAULTS[fault])
        else:
            self.url = self.cleanup.enter_context(refusing_url())


def state_in_title(title: str) -> str | None:
    state = _STATE.search(title)
    return state and ("recovered" if state[1].endswith("again") else state[1])


def decoded(request: Received) -> bytes:
    is_compressed = request.headers.get("content-encoding") == "gzip"
    return gzip.decompress(request.body) if is_compressed else request.body


def web_service(
    options_for: Callable[[str], dict[str, Any]],
    state_of: Callable[[Received], str | None],
    answer: Callable[[Received], Answer] = lambda request: Answer(),
) -> OpenEndpoint:
    """Return a function that opens a fake web service.

    ``options_for`` returns the ``OPTIONS`` for a URL, ``state_of`` the state that a
    request reports, if any, and ``answer`` the answer to a request.
    """

    @contextlib.contextmanager
    def open_service(folder: Path) -> Iterator[Endpoint]:
        with LoopbackServer() as server, contextlib.ExitStack() as cleanup:
            server.always_answer(answer)
            yield HttpEndpoint(server, cleanup, options_for, state_of, server.url)

    return open_service


LOGGING = """
LOGGING = {{
    "version": 1,
    "formatters": {{"state": {{"format": "%(state)s %(message)s"}}}},
    "handlers": {{
        "file": {{
            "class": "logging.FileHandler", "filename": {path!r}, "formatter": "state",
            "encoding": "utf-8",
        }},
    }},
    "loggers": {{"django_rclone_notify.operations": {{"handlers": ["file"], "level": "INFO"}}}},
}}
"""


class LogFile:
    """The log file of a site in a process of its own."""

    options: dict[str, Any] = {}

    def __init__(self, path: Path) -> None:
        self._path = path
        self.settings = LOGGING.format(path=str(path))

    def states(self) -> list[str]:
        return [line.split()[0] for line in self.received().decode().splitlines()]

    def received(self) -> bytes:
        return self._path.read_bytes() if self._path.exists() else b""

    def fail_with(self, fault: str) -> None:
        raise AssertionError(f"a log file cannot fail with {fault}")


@contextlib.contextmanager
def open_log_file(folder: Path) -> Iterator[Endpoint]:
    yield LogFile(folder / "operations.log")
