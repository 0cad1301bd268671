"""Where notifiers deliver: a real place on this machine that can be made to misbehave.

A notifier joins the shared suite by an adapter in ``services.py``: a ``Service``
whose ``open`` yields such a place.
"""

import contextlib
import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tests.support.http_server import Answer, LoopbackServer, Received, refusing_url

SECRET = "T0PsECReT-9f8e7d"

PASSING = {
    "500 once": Answer(status=500),
    "503 once": Answer(status=503, headers={"Retry-After": "0"}),
    "429 once": Answer(status=429, headers={"Retry-After": "1"}),
}
"""Troubles that go away within the time limit: the notice arrives."""

LASTING = {
    "500": Answer(status=500),
    "404": Answer(status=404),
    "403 that echoes": Answer(status=403, body=SECRET.encode()),
    "429 for an hour": Answer(status=429, headers={"Retry-After": "3600"}),
    "hangs": Answer(hang=True),
}
"""Troubles that stay: the notice is lost, and that is told. So is ``GONE``."""

GONE = "refuses connections"
HTTP_TROUBLES = frozenset({*PASSING, *LASTING, GONE})


class Place(Protocol):
    """What an adapter opens for one test."""

    @property
    def options(self) -> dict[str, Any]:
        """The notifier's ``OPTIONS`` to deliver here."""

    @property
    def settings(self) -> str:
        """Python that the settings of a site in a process of its own need beside them."""

    def told(self) -> list[str]:
        """Return which states have been told so far, the oldest first."""

    def arrived(self) -> bytes:
        """Return everything that has arrived so far, unpacked."""

    def suffer(self, trouble: str) -> None:
        """From now on, have this trouble."""


@dataclass(frozen=True)
class Service:
    """One notifier, for the shared suite."""

    name: str
    backend: str
    open: Callable[[Path], contextlib.AbstractContextManager[Place]]
    """From a folder of the test's own to the place."""
    heartbeat: bool = False
    """Gets every state of backups by default; otherwise failures and recoveries of everything."""
    troubles: frozenset[str] = HTTP_TROUBLES
    """What its place can suffer."""
    tells_why: bool = True
    """Whether the cause of a failure arrives."""

    def channel(self, place: Place, **keys: Any) -> dict[str, Any]:
        """Return an entry of ``DJANGO_RCLONE_NOTIFY``; ``OPTIONS`` are added to the place's."""
        options = place.options | keys.pop("OPTIONS", {})
        return {"BACKEND": self.backend, "OPTIONS": options, **keys}


@dataclass
class HttpPlace:
    """A web service that decides by its rules."""

    server: LoopbackServer
    cleanup: contextlib.ExitStack
    make_options: Callable[[str], dict[str, Any]]
    state_of: Callable[[Received], str | None]
    url: str = field(init=False)
    settings: str = ""

    def __post_init__(self) -> None:
        self.url = self.server.url

    @property
    def options(self) -> dict[str, Any]:
        return self.make_options(self.url)

    def told(self) -> list[str]:
        return [state for state in map(self.state_of, self.server.requests) if state]

    def arrived(self) -> bytes:
        return b"\n".join(map(_unpacked, self.server.requests))

    def suffer(self, trouble: str) -> None:
        if trouble in PASSING:
            self.server.answer_with(PASSING[trouble])
        elif trouble in LASTING:
            self.server.always_answer(LASTING[trouble])
        else:
            self.url = self.cleanup.enter_context(refusing_url())


def _unpacked(request: Received) -> bytes:
    packed = request.headers.get("content-encoding") == "gzip"
    return gzip.decompress(request.body) if packed else request.body


def web_service(
    make_options: Callable[[str], dict[str, Any]],
    state_of: Callable[[Received], str | None],
    rules: Callable[[Received], Answer],
) -> Callable[[Path], contextlib.AbstractContextManager[Place]]:
    """Return what opens a web service.

    ``make_options`` goes from its address to ``OPTIONS``, ``state_of`` from a request
    to the state it tells, if it tells one, and ``rules`` from a request to the answer.
    """

    @contextlib.contextmanager
    def opened(folder: Path) -> Iterator[Place]:
        with LoopbackServer() as server, contextlib.ExitStack() as cleanup:
            server.always_answer(rules)
            yield HttpPlace(server, cleanup, make_options, state_of)

    return opened
