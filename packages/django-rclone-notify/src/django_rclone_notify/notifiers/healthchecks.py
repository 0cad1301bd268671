"""healthchecks.io and its self-hosted twins, through the pinging API.

https://healthchecks.io/docs/http_api/
"""

import re
import uuid
from collections.abc import Callable, Mapping
from typing import ClassVar
from urllib.parse import urlencode, urlsplit, urlunsplit

from django_rclone.events import OperationEvent, State

from ..exceptions import InvalidOption, NotifierError
from ..messages import cleaned, cut, facts, tail, title
from ..notifications import Notice
from ..options import require_database, require_flag, require_secret, require_url
from ..secrets import Secret
from ..transport import http
from .base import BACKUPS, Notifier
from .slugs import MEDIA, filled, require_slug

HOSTED = "https://hc-ping.com"

_FACT_LIMIT = 500
_ERROR_LIMIT = 2_000
_SUFFIXES = {State.STARTED: "/start", State.SUCCEEDED: "", State.FAILED: "/fail"}
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_KEY = re.compile(r"[A-Za-z0-9_-]{22}")
_CHECK_PATH = re.compile(rf".*/(?:{_UUID}|{_KEY.pattern}/[a-z0-9_-]+)/?")
_SIGNAL = re.compile(r".*/(?:start|fail|log|\d{1,3})/?")

Url = str | Secret
FindCheck = Callable[[OperationEvent], Secret | None]


class HealthchecksNotifier(Notifier):
    """Pings a check: start, success and failure of backups, with a short text.

    Name the check by ``ping_url``, or by ``ping_key`` and ``slug`` on the server
    ``base_url``; addresses and keys are secrets. For a check per database give
    ``ping_url`` as a dictionary from aliases (and ``"media"``), or put
    ``{database}`` into ``slug``. ``create`` lets the server make a missing check of
    a slug. ``include_error`` adds the end of the error's words, which can hold what
    the database tool said last; without it only the error's class is sent.

    Raises ``NotifierError`` when the ping is refused or does not count.
    """

    default_operations: ClassVar[frozenset[str]] = BACKUPS
    secret_options: ClassVar[frozenset[str]] = frozenset({"ping_url", "ping_key"})

    def __init__(
        self,
        *,
        ping_url: Url | Mapping[str, Url] | None = None,
        ping_key: Url | None = None,
        slug: str | None = None,
        base_url: str = HOSTED,
        create: bool = False,
        include_error: bool = False,
    ) -> None:
        http.require_requests("healthchecks")
        self._include_error = require_flag("include_error", include_error)
        if ping_url is None:
            self._check = _by_slug(ping_key, slug, base_url, require_flag("create", create))
            return
        if ping_key is not None or slug is not None or create:
            hint = "Keep ping_url, or ping_key and slug."
            raise InvalidOption("ping_url", "names the check a second time", hint)
        self._check = _by_url(ping_url)

    def notify(self, notice: Notice) -> str:
        """Ping for ``notice``; states that the service does not know are left out."""
        event = notice.event
        suffix = _SUFFIXES.get(event.state)
        check = self._check(event)
        if suffix is None or check is None:
            return "no check to ping"
        answer = http.post(
            signal_url(check, suffix, event.operation_id),
            body(notice, include_error=self._include_error).encode(),
            content_type="text/plain; charset=utf-8",
        )
        _require_counted(answer.text)
        return str(answer)


def signal_url(check: Secret, suffix: str, operation_id: str) -> Secret:
    """Return the address to ping: ``rid`` ties the pings of one run together.

    A query that the address already has, such as ``create=1``, stays.
    """
    parts = urlsplit(check.reveal())
    # The service takes a UUID in its canonical form only.
    run = urlencode({"rid": str(uuid.UUID(operation_id))})
    query = f"{parts.query}&{run}" if parts.query else run
    return Secret(urlunsplit(parts._replace(path=parts.path.rstrip("/") + suffix, query=query)))


def body(notice: Notice, *, include_error: bool) -> str:
    """Return the text shown with the ping, within the 10 kB that small servers keep."""
    event = notice.event
    lines = [cut(line, _FACT_LIMIT) for line in (title(notice), *facts(event))]
    if include_error and event.error_message:
        lines.append(tail(cleaned(event.error_message), _ERROR_LIMIT))
    return "\n".join(lines)


def _by_url(ping_url: object) -> FindCheck:
    if not isinstance(ping_url, Mapping):
        only = _check_url(ping_url)
        return lambda event: only
    checks = {
        require_database("ping_url", database, MEDIA): _check_url(url)
        for database, url in ping_url.items()
    }
    return lambda event: checks.get(MEDIA if event.database is None else event.database)


def _check_url(value: object) -> Secret:
    url = require_url("ping_url", value)
    path = urlsplit(url.reveal()).path
    if _SIGNAL.fullmatch(path):
        hint = "Leave /start, /fail, /log or the number away."
        raise InvalidOption("ping_url", "names a signal of the check", hint)
    if not _CHECK_PATH.fullmatch(path) or "/checks/" in path:
        hint = "Copy the ping address: it ends in a UUID, or in the ping key and a slug."
        raise InvalidOption("ping_url", "names no check", hint)
    return url


def _by_slug(ping_key: object, slug: object, base_url: object, create: bool) -> FindCheck:
    if ping_key is None and slug is None:
        hint = "Set it to the address that the check's page shows, or set ping_key and slug."
        raise InvalidOption("ping_url", "is missing", hint)
    base = require_url("base_url", base_url)
    key = require_secret("ping_key", ping_key)
    if not _KEY.fullmatch(key.reveal()):
        hint = "Copy the ping key from the project's settings; an API key is something else."
        raise InvalidOption("ping_key", "must be 22 letters, digits, - or _", hint)
    name = require_slug("slug", slug)
    query = "?create=1" if create else ""

    def find(event: OperationEvent) -> Secret:
        return Secret(f"{base.reveal().rstrip('/')}/{key.reveal()}/{filled(name, event)}{query}")

    return find


def _require_counted(answer: str) -> None:
    # Both come with status 200, and in both cases the ping was thrown away.
    if "not found" in answer:
        raise NotifierError("The server knows no check at this address", permanent=True)
    if "rate limited" in answer:
        raise NotifierError("The server ignored the ping: too many for this check in a minute")
