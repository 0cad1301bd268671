"""healthchecks.io and its self-hosted twins, through the pinging API.

https://healthchecks.io/docs/http_api/
"""

import uuid
from typing import ClassVar
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from django_rclone.events import State
from django_rclone_notify import http
from django_rclone_notify.exceptions import InvalidOption, NotifierError
from django_rclone_notify.messages import cleaned, cut, facts, title
from django_rclone_notify.notices import Notice
from django_rclone_notify.notifiers.base import BACKUPS, Notifier
from django_rclone_notify.notifiers.options import (
    require_flag,
    require_text,
    require_url,
)
from django_rclone_notify.secret import Secret

HOSTED = "https://hc-ping.com"

_ERROR_LIMIT = 2_000
_SUFFIXES = {State.STARTED: "/start", State.SUCCEEDED: "", State.FAILED: "/fail"}


class HealthchecksNotifier(Notifier):
    """Pings one check: start, success and failure of backups, with a short text.

    Name the check either by ``ping_url`` or by ``ping_key`` and ``slug``; the
    address and the key are secrets. ``base_url`` is the server that the key and
    the slug belong to. ``include_error`` adds the words of the error, which can hold what the database
    tool said last; without it only the error's class is sent.

    Raises ``NotifierError`` when the ping is refused or does not count.
    """

    default_operations: ClassVar[frozenset[str]] = BACKUPS

    def __init__(
        self,
        *,
        ping_url: str | None = None,
        ping_key: str | None = None,
        slug: str | None = None,
        base_url: str = HOSTED,
        include_error: bool = False,
    ) -> None:
        http.require_requests("healthchecks")
        self._url = _check_url(ping_url, ping_key, slug, base_url)
        self._include_error = require_flag("include_error", include_error)

    def notify(self, notice: Notice) -> str:
        """Ping for ``notice``; states that the service does not know are left out."""
        event = notice.event
        suffix = _SUFFIXES.get(event.state)
        if suffix is None:
            return "nothing to ping"
        answer = http.post(
            signal_url(self._url, suffix, event.operation_id),
            body(notice, include_error=self._include_error).encode(),
            content_type="text/plain; charset=utf-8",
        )
        _require_counted(answer.text)
        return str(answer)


def signal_url(check_url: Secret, suffix: str, operation_id: str) -> Secret:
    """Return the address to ping: ``rid`` ties the pings of one run together.

    A query that the address already has, such as ``create=1``, stays.
    """
    parts = urlsplit(check_url.reveal())
    # The service takes a UUID in its canonical form only.
    run = urlencode({"rid": str(uuid.UUID(operation_id))})
    query = f"{parts.query}&{run}" if parts.query else run
    return Secret(urlunsplit(parts._replace(path=parts.path.rstrip("/") + suffix, query=query)))


def body(notice: Notice, *, include_error: bool) -> str:
    """Return the text shown with the ping, within the 10 kB that small servers keep."""
    event = notice.event
    lines = [title(notice), *facts(event)]
    if include_error and event.error_message:
        lines.append(cleaned(event.error_message))
    return cut("\n".join(lines), _ERROR_LIMIT)


def _check_url(
    ping_url: str | None, ping_key: str | None, slug: str | None, base_url: str
) -> Secret:
    if ping_url is not None:
        if ping_key is not None or slug is not None:
            hint = "Keep ping_url, or ping_key and slug."
            raise InvalidOption("ping_url", "names the check a second time", hint)
        return require_url("ping_url", ping_url)
    if ping_key is None and slug is None:
        hint = "Set it to the address that the check's page shows, or set ping_key and slug."
        raise InvalidOption("ping_url", "is missing", hint)
    base = require_url("base_url", base_url).reveal().rstrip("/")
    key = quote(require_text("ping_key", ping_key), safe="")
    return Secret(f"{base}/{key}/{quote(require_text('slug', slug), safe='')}")


def _require_counted(answer: str) -> None:
    # Both come with status 200, and in both cases the ping was thrown away.
    if "not found" in answer:
        raise NotifierError("The server knows no check at this address", permanent=True)
    if "rate limited" in answer:
        raise NotifierError("The server ignored the ping: too many for this check in a minute")
