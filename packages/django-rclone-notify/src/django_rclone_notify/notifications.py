"""The value that a notifier delivers."""

from dataclasses import dataclass
from enum import StrEnum

from django_rclone.events import OperationEvent, State


class NotificationState(StrEnum):
    """The values of ``STATES``: the states of an operation, and the recovery."""

    STARTED = "started"
    SUCCEEDED = "succeeded"
    RECOVERED = "recovered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """An event of django-rclone, and what is new about it."""

    event: OperationEvent
    recovered: bool = False
    """Whether this is the first success since the same operation failed, on the
    same database in the same environment."""
    repeated: bool = False
    """Whether this is a failure, and the one before it was, too."""

    @property
    def state(self) -> str:
        """One of ``NotificationState``, or a state added by a later django-rclone."""
        if self.recovered and self.event.state == State.SUCCEEDED:
            return NotificationState.RECOVERED
        return self.event.state
