"""Requests to a running rclone: https://rclone.org/rc/."""

import contextlib
import http.client
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import quote

from ..exceptions import RcloneError
from ..interrupts import interruptible, time_left
from ..processes import StallTimeout
from .decoding import json_object
from .log import refusal
from .output import unreadable
from .sockets import AnsweredEarly, Connection, Stalled, Watch

_COUNTERS = ("bytes", "checks", "deletes", "listed", "renames", "transfers")
_JSON = {"Content-Type": "application/json"}
_PATIENT = StallTimeout(60.0, "STALL_TIMEOUT")
_QUICK = StallTimeout(5.0, "")
"""For what rclone answers without asking any storage."""

_numbers = itertools.count(1)


class Program(Protocol):
    """The rclone that is asked."""

    def kill(self) -> None: ...

    def failed(self) -> RcloneError | None: ...


class Api:
    """What one running rclone can be asked for.

    Methods raise ``RcloneError``. ``what`` completes its message: "rclone could not ...".
    Each request has a connection of its own, so that threads may ask at once. To close it
    is to cancel what was asked for.
    """

    def __init__(self, address: str, limit: StallTimeout | None, program: Program) -> None:
        self._address = address
        self._limit = limit
        self._program = program

    def call(self, method: str, what: str, **parameters: object) -> dict[str, Any]:
        """Ask, and return the decoded answer."""
        return decoded(self.answer(method, what, **parameters))

    def answer(self, method: str, what: str, **parameters: object) -> bytes:
        """Ask, and return the answer as it is."""
        with self._response(method, what, new_group(), parameters) as response:
            return checked(response, what).read()

    def succeeds(
        self,
        method: str,
        what: str,
        seen: Callable[[Mapping[str, Any]], None],
        **parameters: object,
    ) -> bool:
        """Ask for work that may take long; return whether all of it was done.

        ``seen`` gets what rclone says of it about once a second.
        """
        group = new_group()
        with self._response(method, what, group, parameters, seen) as response:
            response.read()
        # Of files that it could not even look at, it says nothing in its answer.
        return response.status == HTTPStatus.OK and self.stats(group).get("errors") == 0

    @contextmanager
    def _response(
        self,
        method: str,
        what: str,
        group: str,
        parameters: Mapping[str, object],
        seen: Callable[[Mapping[str, Any]], None] = lambda stats: None,
    ) -> Iterator[http.client.HTTPResponse]:
        # Names need not be UTF-8, which JSON has to be: they go into the address.
        texts = {name: value for name, value in parameters.items() if isinstance(value, str)}
        others = {name: value for name, value in parameters.items() if name not in texts}
        address = f"/{method}?{query(_group=group, **texts)}"

        def activity() -> object:
            stats = self.stats(group)
            seen(stats)
            return progress_marker(stats)

        with self.guarded(what), interruptible(), closing(self.open(activity)) as connection:
            connection.request("POST", address, json.dumps(others).encode(), _JSON)
            yield connection.getresponse()

    def get(self, connection: Connection, fs: str, path: str, offset: int = 0) -> Any:
        """Ask for an object by an open connection, and return the unread response."""
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        connection.request("GET", _address(fs, path), headers=headers)
        return connection.getresponse()

    def read(self, fs: str, path: str, limit: int, what: str) -> bytes:
        """Return the first ``limit`` bytes of a small object."""
        with self.guarded(what), interruptible(), closing(self.open(lambda: None)) as connection:
            response = checked(self.get(connection, fs, path), what)
            data: bytes = response.read(limit)
            if response.length and len(data) < limit:
                raise refusal(what, "unexpected EOF: it broke off")
        return data

    def version(self) -> tuple[int, ...]:
        """Return the version, such as ``(1, 75, 2)``; zero if it is unknown."""
        with (
            self.guarded("take requests"),
            interruptible(),
            # It has only just started, perhaps on a busy machine.
            closing(Connection(self._address, Watch(_PATIENT, lambda: None))) as connection,
        ):
            connection.request("POST", "/rc/noop", b"{}", _JSON)
            response = connection.getresponse()
            response.read()
        numbers = (response.headers.get("Server") or "").partition("/v")[2].partition("-")[0]
        return tuple(int(part) for part in numbers.split(".") if part.isdecimal()) or (0,)

    def stats(self, group: str, *, short: bool = True) -> dict[str, Any]:
        """Return what rclone says of the work of a group; nothing if it does not answer."""
        with contextlib.suppress(
            Stalled, AnsweredEarly, OSError, http.client.HTTPException, ValueError
        ):
            watch = Watch(_QUICK, lambda: None)
            with closing(Connection(self._address, watch)) as connection:
                parameters = {"group": group, "short": short}
                connection.request("POST", "/core/stats", json.dumps(parameters).encode(), _JSON)
                return json_object(connection.getresponse().read())
        return {}

    def open(self, activity: Callable[[], object]) -> Connection:
        """Return a connection for one request. Closing it cancels the request."""
        return Connection(self._address, Watch(self._limit, activity))

    @contextmanager
    def guarded(self, what: str) -> Iterator[None]:
        """Let what goes wrong with a connection be a ``RcloneError``."""
        try:
            yield
        except Stalled:
            raise self._stalled(what) from None
        except (AnsweredEarly, OSError, http.client.HTTPException) as error:
            raise self._broken(what, error) from None

    def _stalled(self, what: str) -> RcloneError:
        if time_left() == 0:
            self._program.kill()
            return RcloneError(f"A signal ended this run before rclone could {what}.")
        limit = self._limit
        assert limit
        if not self.stats("core"):
            # It does not even answer what it can answer at once.
            self._program.kill()
        return RcloneError(
            f"rclone made no progress for {limit.seconds:g} seconds and was stopped. "
            f"It was to {what}.",
            hint=f"Find out what it was waiting for, or raise {limit.setting}.",
        )

    def _broken(self, what: str, error: Exception) -> RcloneError:
        if failed := self._program.failed():
            return failed
        # Its socket is gone, or it is in a state in which nobody can speak with it.
        self._program.kill()
        return refusal(what, f"connection lost: {str(error) or type(error).__name__}")


def new_group() -> str:
    """Return a name under which rclone counts what it does for one request."""
    return f"request-{next(_numbers)}"


def progress_marker(stats: Mapping[str, Any]) -> object:
    """Return a value that changes whenever rclone transferred, checked or listed anything."""
    return [stats.get(name) for name in _COUNTERS] if stats else None


def checked(response: http.client.HTTPResponse, what: str) -> http.client.HTTPResponse:
    """Return a response of success. Raises ``RcloneError`` with rclone's own words for others."""
    if response.status in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
        return response
    data = response.read()
    try:
        words = str(json_object(data)["error"])
    except (ValueError, KeyError):
        words = data.decode("utf-8", "replace").strip()
    raise refusal(what, words, missing=response.status == HTTPStatus.NOT_FOUND)


def decoded(data: bytes) -> dict[str, Any]:
    """Return an answer as an object. Raises ``RcloneError``."""
    try:
        return json_object(data)
    except ValueError as error:
        raise unreadable(str(error)) from None


def _address(fs: str, path: str) -> str:
    """Return the address of an object: https://rclone.org/rc/#api-http.

    The first bracket ends the remote, so that folders with one belong to the path.
    """
    while "]" in fs:
        shorter, slash, folder = fs.rstrip("/").rpartition("/")
        if not slash:
            shorter, slash, folder = fs.rstrip("/").partition(":")
        fs, path = shorter + slash, f"{folder}/{path}"
    return quote(f"/[{fs}]/{path}", errors="surrogateescape")


def query(**parameters: object) -> str:
    """Return parameters as they are written behind the question mark of an address."""
    return "&".join(
        f"{name}={percent_encoded(value if isinstance(value, str) else json.dumps(value))}"
        for name, value in parameters.items()
    )


def percent_encoded(text: str) -> str:
    """Return text with every character escaped that has a meaning; bytes that are not UTF-8 stay."""
    return quote(text, safe="", errors="surrogateescape")
