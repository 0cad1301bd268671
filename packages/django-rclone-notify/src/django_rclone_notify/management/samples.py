"""Samples for a try-out that nobody takes for a real backup."""

import socket
import uuid

from django.utils import timezone

from django_rclone.events import Operation, OperationEvent, State

from ..notifications import Notice, NoticeState

_WORDS = "This is a test. No backup ran, and nothing failed."


def sample(state: str) -> Notice:
    """Return a notice with ``state``, one of ``NoticeState``, that says it is a test."""
    recovered = state == NoticeState.RECOVERED
    failed = state == NoticeState.FAILED
    event = OperationEvent(
        operation_id=str(uuid.uuid4()),
        operation=Operation.DB_BACKUP,
        state=State.SUCCEEDED if recovered else State(state),
        environment="TEST",
        host=socket.gethostname(),
        database="notifytest",
        path="this-is-a-test/no-backup-ran",
        started_at=timezone.now(),
        duration=None if state == NoticeState.STARTED else 0.0,
        size=None,
        error_type="NotifyTest" if failed else None,
        error_message=f"{_WORDS}\nHint: There is nothing to do." if failed else None,
    )
    return Notice(event=event, recovered=recovered)
