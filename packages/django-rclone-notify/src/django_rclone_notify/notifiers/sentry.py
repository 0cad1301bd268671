"""Sentry's cron monitors, through the Sentry SDK.

https://docs.sentry.io/platforms/python/crons/
"""

import contextlib
import threading
import time
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from django_rclone.events import OperationEvent, State
from django_rclone_notify import budget
from django_rclone_notify.exceptions import InvalidOption, MissingExtra, NotifierError
from django_rclone_notify.notices import Notice
from django_rclone_notify.notifiers.base import BACKUPS, Notifier
from django_rclone_notify.notifiers.options import require_text
from django_rclone_notify.retries import Failure, persist

if TYPE_CHECKING:
    from sentry_sdk.client import BaseClient

try:
    import sentry_sdk
    from sentry_sdk.crons import capture_checkin
    from sentry_sdk.utils import BadDsn, Dsn
except ImportError:
    sentry_sdk = None  # type: ignore[assignment]

_STATUSES = {State.STARTED: "in_progress", State.SUCCEEDED: "ok", State.FAILED: "error"}
_one_listener = threading.Lock()


class SentryNotifier(Notifier):
    """Sends check-ins of backups to one monitor: in progress, ok, error.

    ``monitor_slug`` names the monitor. Without ``dsn`` the SDK that the site has
    set up sends them; with ``dsn``, a secret, a client of their own does, and the
    site's SDK is left alone. ``timeout`` is in seconds, for all attempts of one
    check-in: each is waited for, because the SDK sends in the background and a
    management command ends before that.

    Raises ``NotifierError`` when Sentry does not take the check-in.
    """

    default_operations: ClassVar[frozenset[str]] = BACKUPS

    def __init__(self, *, monitor_slug: str, dsn: str | None = None) -> None:
        if sentry_sdk is None:
            raise MissingExtra("sentry-sdk", "sentry")
        self._slug = require_text("monitor_slug", monitor_slug)
        self._dsn = None if dsn is None else _require_dsn(dsn)

    def notify(self, notice: Notice) -> str:
        """Send the check-in of ``notice``; states that Sentry does not know are left out."""
        event = notice.event
        status = _STATUSES.get(event.state)
        if status is None:
            return "nothing to check in"
        with _client(self._dsn, event.environment) as client:
            persist(lambda: self._check_in(client, event, status, budget.remaining()))
        return f"checked in: {status}"

    def _check_in(
        self, client: "BaseClient", event: OperationEvent, status: str, timeout: float
    ) -> str | Failure:
        with _drops(client) as drops, sentry_sdk.new_scope() as scope:
            scope.set_client(client)
            captured = capture_checkin(
                monitor_slug=self._slug,
                status=status,
                check_in_id=uuid.UUID(event.operation_id).hex,
                duration=event.duration,
            )
            begun = time.monotonic()
            client.flush(timeout=timeout)
            waited = time.monotonic() - begun
        if captured is None:
            return Failure(message="The Sentry SDK discarded the check-in", permanent=True)
        if drops:
            return _refusal(drops[0])
        # flush() does not tell whether it was done in time.
        if waited >= timeout:
            return Failure(message="No answer from Sentry in time")
        return captured


def _refusal(reason: str) -> Failure:
    again = reason.startswith(("network", "status_5"))
    return Failure(
        message=f"Sentry did not take the check-in ({reason})",
        again=again,
        permanent=reason.startswith("status_4") and reason != "status_429",
    )


def _require_dsn(dsn: object) -> str:
    text = require_text("dsn", dsn)
    try:
        Dsn(text)
    except (BadDsn, ValueError):
        usable = False
    else:
        usable = True
    if not usable:
        hint = "Copy it from the project's settings in Sentry, under Client Keys."
        raise InvalidOption("dsn", "is no DSN", hint)
    return text


@contextlib.contextmanager
def _client(dsn: str | None, environment: str) -> Iterator["BaseClient"]:
    if dsn is None:
        yield _site_client()
        return
    client = sentry_sdk.Client(
        dsn=dsn,
        environment=environment or None,
        default_integrations=False,
        auto_enabling_integrations=False,
        auto_session_tracking=False,
        send_client_reports=False,
    )
    try:
        yield client
    finally:
        # Everything was waited for already.
        client.close(timeout=0)


def _site_client() -> "BaseClient":
    client = sentry_sdk.get_client()
    if not client.is_active() or client.transport is None:
        raise NotifierError(
            "The Sentry SDK is not set up: call sentry_sdk.init(dsn=...) in the settings, "
            'or give the notifier the option "dsn"',
            permanent=True,
        )
    return client


@contextlib.contextmanager
def _drops(client: "BaseClient") -> Iterator[list[str]]:
    """Collect why the transport drops something meanwhile, through the hook it has for that.

    Another thread's loss may be among the reasons: it is a loss on the same way to
    the same Sentry.
    """
    reasons: list[str] = []
    transport = client.transport
    with _one_listener:
        before = getattr(transport, "on_dropped_event", None)

        def listen(reason: str) -> None:
            reasons.append(reason)
            if before is not None:
                before(reason)

        setattr(transport, "on_dropped_event", listen)  # noqa: B010 - a method cannot be assigned
        try:
            yield reasons
        finally:
            setattr(transport, "on_dropped_event", before)  # noqa: B010
