"""Sentry: cron monitors and issues, through the Sentry SDK.

https://docs.sentry.io/platforms/python/crons/
"""

import uuid
from functools import partial
from typing import ClassVar

from django_rclone.events import OperationEvent, State

from ...exceptions import InvalidOption, MissingExtra
from ...notifications import Notice
from ...options import require_flag, require_secret, require_text
from ...secrets import Secret
from ..base import BACKUPS, Notifier
from ..slugs import filled, require_slug
from . import sender as sentry_sending
from .payload import Schedule, environment_name, issue, monitor_config

_STATUSES = {State.STARTED: "in_progress", State.SUCCEEDED: "ok", State.FAILED: "error"}


class SentryNotifier(Notifier):
    """Checks in at a cron monitor, in progress, ok, error, and makes failures issues.

    ``monitor_slug`` names the monitor; ``{database}`` in it makes one per database.
    ``schedule`` creates or updates it: a crontab line in ``timezone``, or a pair such
    as ``(1, "day")``; ``checkin_margin`` and ``max_runtime`` are in minutes. Without
    ``dsn`` the SDK that the site has set up sends; with ``dsn``, a secret, a client of
    our own does, and the site's SDK is left alone. ``capture_failures`` makes issues;
    ``include_error`` shows the words of the error in them.

    What is sent is waited for, because the SDK sends in the background and a
    command ends before that. Raises ``NotifierError`` when Sentry does not take it.
    """

    default_operations: ClassVar[frozenset[str]] = BACKUPS
    secret_options: ClassVar[frozenset[str]] = frozenset({"dsn"})

    def __init__(
        self,
        *,
        monitor_slug: str | None = None,
        schedule: Schedule | None = None,
        timezone: str = "UTC",
        checkin_margin: int | None = None,
        max_runtime: int | None = None,
        dsn: str | Secret | None = None,
        capture_failures: bool = True,
        include_error: bool = True,
    ) -> None:
        if not sentry_sending.is_installed():
            raise MissingExtra("sentry-sdk", "sentry")
        self._slug = None if monitor_slug is None else require_slug("monitor_slug", monitor_slug)
        self._capture_failures = require_flag("capture_failures", capture_failures)
        if self._slug is None and not capture_failures:
            hint = "Without a monitor and without capture_failures nothing is ever sent."
            raise InvalidOption("monitor_slug", "is missing", hint)
        self._config = monitor_config(
            schedule, require_text("timezone", timezone), checkin_margin, max_runtime
        )
        self._dsn = None if dsn is None else _require_dsn(dsn)
        self._include_error = require_flag("include_error", include_error)

    def notify(self, notice: Notice) -> str:
        """Send the check-in of ``notice`` and, for a failure, the issue."""
        event = notice.event
        sender = sentry_sending.Sender(self._dsn, environment_name(event))
        said = [self._check_in(sender, event)]
        if self._capture_failures and event.state == State.FAILED:
            slug = None if self._slug is None else filled(self._slug, event)
            words = issue(event, monitor_slug=slug, include_error=self._include_error)
            said.append(sender.send("error", partial(sentry_sending.capture_issue, words)))
        return ", ".join(filter(None, said)) or "nothing to send"

    def _check_in(self, sender: sentry_sending.Sender, event: OperationEvent) -> str:
        status = _STATUSES.get(event.state)
        if status is None or self._slug is None:
            return ""
        check_in = partial(
            sentry_sending.capture_check_in,
            monitor_slug=filled(self._slug, event),
            status=status,
            check_in_id=uuid.UUID(event.operation_id).hex,
            duration=event.duration,
            monitor_config=self._config,
        )
        return sender.send("monitor", check_in)


def _require_dsn(value: object) -> Secret:
    dsn = require_secret("dsn", value)
    if not sentry_sending.is_dsn(dsn):
        hint = "Copy it from the project's settings in Sentry, under Client Keys."
        raise InvalidOption("dsn", "is no DSN", hint)
    return dsn
