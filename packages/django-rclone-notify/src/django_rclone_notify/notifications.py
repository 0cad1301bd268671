"""What a notifier is asked to tell."""

from dataclasses import dataclass
from enum import StrEnum

from django_rclone.events import OperationEvent, State


class NoticeState(StrEnum):
    """The words of ``STATES``: the states of an operation, and the recovery."""

    STARTED = "started"
    SUCCEEDED = "succeeded"
    RECOVERED = "recovered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """An event of django-rclone, and what only a look at earlier ones can add."""

    event: OperationEvent
    recovered: bool = False
    """Whether this is the first success since the same operation failed, on the
    same database in the same environment."""

    @property
    def state(self) -> str:
        """One of ``NoticeState``, or a word that a later django-rclone invents."""
        if self.recovered and self.event.state == State.SUCCEEDED:
            return NoticeState.RECOVERED
        return self.event.state
