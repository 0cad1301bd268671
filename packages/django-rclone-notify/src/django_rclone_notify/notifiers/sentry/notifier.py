"""The Sentry notifier.

https://docs.sentry.io/platforms/python/crons/
"""

import uuid
from functools import partial
from typing import ClassVar

from django_rclone.events import OperationEvent, State

from ...exceptions import InvalidOption, MissingExtra
from ...notifications import Notification
from ...options import require_flag, require_secret, require_text
from ...secrets import Secret
from ..base import BACKUP_OPERATIONS, Notifier
from ..slugs import render_slug, require_slug
from . import sender
from .payload import Schedule, environment_name, issue, monitor_config

_STATUSES = {State.STARTED: "in_progress", State.SUCCEEDED: "ok", State.FAILED: "error"}


class SentryNotifier(Notifier):
    """Checks in at a cron monitor, and reports failures as issues.

    ``monitor_slug`` names the monitor; ``{database}`` in it creates one per database.
    ``schedule`` creates or updates the monitor: a crontab line in ``timezone``, or a
    pair such as ``(1, "day")``; ``checkin_margin`` and ``max_runtime`` are in minutes.
    Without ``dsn``, the site's SDK sends; with ``dsn``, a secret, a separate client
    does. ``capture_failures`` creates issues; ``include_error`` sends the text of the
    error in them, which may quote the output of the database tool.

    Raises ``NotifierError`` if Sentry does not accept the check-in or the issue.
    """

    default_operations: ClassVar[frozenset[str]] = BACKUP_OPERATIONS
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
        if not sender.is_installed():
            raise MissingExtra("sentry-sdk", "sentry")
        self._slug = None if monitor_slug is None else require_slug("monitor_slug", monitor_slug)
        self._capture_failures = require_flag("capture_failures", capture_failures)
        if self._slug is None and not capture_failures:
            hint = "Without a monitor and without capture_failures, nothing is ever sent."
            raise InvalidOption("monitor_slug", "is missing", hint)
        self._config = monitor_config(
            schedule, require_text("timezone", timezone), checkin_margin, max_runtime
        )
        self._dsn = None if dsn is None else _require_dsn(dsn)
        self._include_error = require_flag("include_error", include_error)

    def notify(self, notification: Notification) -> str:
        """Send the check-in and, for a failure, the issue."""
        event = notification.event
        slug = None if self._slug is None else render_slug(self._slug, event)
        send = sender.Sender(self._dsn, environment_name(event)).send
        sent = []
        if slug is not None and event.state in _STATUSES:
            sent.append(send(partial(sender.capture_check_in, **self._check_in(event, slug))))
        if self._capture_failures and event.state == State.FAILED:
            content = issue(event, monitor_slug=slug, include_error=self._include_error)
            sent.append(send(partial(sender.capture_issue, content)))
        return ", ".join(sent) or "nothing to send"

    def _check_in(self, event: OperationEvent, slug: str) -> dict[str, object]:
        return {
            "monitor_slug": slug,
            "status": _STATUSES[event.state],
            "check_in_id": uuid.UUID(event.operation_id).hex,
            "duration": event.duration,
            "monitor_config": self._config,
        }


def _require_dsn(value: object) -> Secret:
    dsn = require_secret("dsn", value)
    if not sender.is_dsn(dsn):
        hint = "Copy it from the project's settings in Sentry, under Client Keys."
        raise InvalidOption("dsn", "is not a DSN", hint)
    return dsn
