"""healthchecks.io and self-hosted Healthchecks servers, through the pinging API.

https://healthchecks.io/docs/http_api/
"""

import re
import uuid
from collections.abc import Callable, Mapping
from typing import ClassVar
from urllib.parse import urlencode, urlsplit, urlunsplit

from django_rclone.events import OperationEvent, State

from ..exceptions import InvalidOption, NotifierError
from ..messages import details, error_text, title, truncate
from ..notifications import Notification
from ..options import require_database, require_flag, require_secret, require_url
from ..secrets import Secret
from ..transport import http
from .base import BACKUP_OPERATIONS, Notifier
from .slugs import MEDIA, database_label, render_slug, require_slug

HOSTED = "https://hc-ping.com"

_LINE_LIMIT = 500
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

    Identify the check with ``ping_url``, or with ``ping_key`` and ``slug`` on the
    server ``base_url``; URLs and keys are secret. For one check per database, make
    ``ping_url`` a dictionary from aliases (and ``"media"``) to URLs, or put
    ``{database}`` into ``slug``. ``create`` lets the server create a missing check
    for a slug. ``include_error`` sends the text of the error, which may quote the
    output of the database tool; without it only the error's class is sent.

    Raises ``NotifierError`` if the ping is refused or ignored.
    """

    default_operations: ClassVar[frozenset[str]] = BACKUP_OPERATIONS
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
            raise InvalidOption("ping_url", "identifies the check a second time", hint)
        self._check = _by_url(ping_url)

    def notify(self, notification: Notification) -> str:
        """Ping for ``notification``; states that the service does not know are skipped."""
        event = notification.event
        suffix = _SUFFIXES.get(event.state)
        check = self._check(event)
        if suffix is None or check is None:
            return "no check to ping"
        response = http.post(
            signal_url(check, suffix, event.operation_id),
            body(notification, include_error=self._include_error).encode(),
            content_type="text/plain; charset=utf-8",
        )
        _require_counted(response.text)
        return str(response)


def signal_url(check: Secret, suffix: str, operation_id: str) -> Secret:
    """Return the URL to ping: ``rid`` connects the pings of one operation.

    A query that the URL already has, such as ``create=1``, is kept.
    """
    parts = urlsplit(check.reveal())
    # The service accepts a UUID in its canonical form only.
    rid = urlencode({"rid": str(uuid.UUID(operation_id))})
    query = f"{parts.query}&{rid}" if parts.query else rid
    return Secret(urlunsplit(parts._replace(path=parts.path.rstrip("/") + suffix, query=query)))


def body(notification: Notification, *, include_error: bool) -> str:
    """Return the text shown with the ping, within the 10 kB that small servers keep."""
    event = notification.event
    lines = [truncate(line, _LINE_LIMIT) for line in (title(notification), *details(event))]
    error = error_text(event, _ERROR_LIMIT) if include_error else ""
    return "\n".join(filter(None, [*lines, error]))


def _by_url(ping_url: object) -> FindCheck:
    if not isinstance(ping_url, Mapping):
        url = _check_url(ping_url)
        return lambda event: url
    checks = {
        require_database("ping_url", database, MEDIA): _check_url(url)
        for database, url in ping_url.items()
    }
    return lambda event: checks.get(database_label(event))


def _check_url(value: object) -> Secret:
    url = require_url("ping_url", value)
    path = urlsplit(url.reveal()).path
    if _SIGNAL.fullmatch(path):
        hint = "Remove /start, /fail, /log or the number at the end."
        raise InvalidOption("ping_url", "must not include a signal", hint)
    if not _CHECK_PATH.fullmatch(path) or "/checks/" in path:
        hint = "Copy the ping URL: it ends in a UUID, or in the ping key and a slug."
        raise InvalidOption("ping_url", "is not the ping URL of a check", hint)
    return url


def _by_slug(ping_key: object, slug: object, base_url: object, create: bool) -> FindCheck:
    if ping_key is None and slug is None:
        hint = "Copy the URL from the check's page, or set ping_key and slug instead."
        raise InvalidOption("ping_url", "is missing", hint)
    base = require_url("base_url", base_url)
    key = require_secret("ping_key", ping_key)
    if not _KEY.fullmatch(key.reveal()):
        hint = "Copy the ping key, not an API key, from the project's settings."
        raise InvalidOption("ping_key", "must be 22 letters, digits, - or _", hint)
    name = require_slug("slug", slug)
    query = "?create=1" if create else ""

    def find(event: OperationEvent) -> Secret:
        path = f"{key.reveal()}/{render_slug(name, event)}{query}"
        return Secret(f"{base.reveal().rstrip('/')}/{path}")

    return find


def _require_counted(answer: str) -> None:
    # Both answers come with status 200, although the ping was discarded.
    if "not found" in answer:
        raise NotifierError("The server has no check with this ping URL", permanent=True)
    if "rate limited" in answer:
        raise NotifierError("The server ignored the ping: too many for this check in a minute")
