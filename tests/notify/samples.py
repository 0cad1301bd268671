"""Events as django-rclone sends them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django_rclone.events import Operation, OperationEvent, State
from django_rclone_notify.notifications import Notification

RUN = "0d6a2c5e-7f0b-4b51-9d7f-3f3e0f3e9a11"

STARTED = OperationEvent(
    operation_id=RUN,
    operation=Operation.DB_BACKUP,
    state=State.STARTED,
    environment="production",
    host="web-1",
    started_at=datetime(2024, 1, 15, 12, 0, tzinfo=UTC),
    database="default",
    path="db/default-2024-01-15-120000.dump.zst",
)
SUCCEEDED = replace(STARTED, state=State.SUCCEEDED, duration=185.2, size=1_500_000_000)
FAILED = replace(
    STARTED,
    state=State.FAILED,
    duration=12.0,
    error_type="RcloneError",
    error_message="rclone rcat exited with 1\nquota exceeded",
    error_hint="Free some space.",
)
ALL = (STARTED, SUCCEEDED, FAILED)


def failed(**changes: Any) -> OperationEvent:
    """Return the failed event with ``changes``; of any type."""
    return replace(FAILED, **changes)


def failure(**changes: Any) -> Notification:
    """Return the notification of a failure whose event has ``changes``."""
    return Notification(event=failed(**changes))


RECOVERED = Notification(event=SUCCEEDED, recovered=True)
FAILURE = Notification(event=FAILED)
