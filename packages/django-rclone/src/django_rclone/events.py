"""The value that describes an operation to observers."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Operation(StrEnum):
    """What was run."""

    DB_BACKUP = "db_backup"
    DB_RESTORE = "db_restore"
    DB_PRUNE = "db_prune"
    DB_VERIFY = "db_verify"
    DB_CHECK = "db_check"
    MEDIA_BACKUP = "media_backup"
    MEDIA_RESTORE = "media_restore"
    MEDIA_PRUNE = "media_prune"
    MEDIA_VERIFY = "media_verify"
    MEDIA_CHECK = "media_check"


class State(StrEnum):
    """How far it came. Every started operation ends in exactly one of the other two."""

    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class TargetState(StrEnum):
    """What became of the live data that a restore was to replace."""

    UNCHANGED = "unchanged"
    """It is as it was before."""
    CHANGED = "changed"
    """It was replaced: completely if the restore succeeded, otherwise in part."""
    UNKNOWN = "unknown"
    """The restore failed, and it could not be determined how far it got."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationEvent:
    """One state of one operation, in primitives only: it can be stored, queued or sent.

    The events of one run differ in ``state`` and in what is known by then;
    they share ``operation_id`` and ``started_at``.
    """

    operation_id: str
    """A UUID, one per run: the ``rid`` of healthchecks, the check-in id of Sentry."""
    operation: Operation
    state: State
    environment: str
    """The label of ``DJANGO_RCLONE["ENVIRONMENT"]``; empty when none is set."""
    host: str
    """The name of the machine that ran the operation."""
    started_at: datetime
    """Aware, in UTC."""
    database: str | None = None
    """The Django database alias; ``None`` for media."""
    path: str | None = None
    """The backup's address relative to the remote, as far as it is known."""
    duration: float | None = None
    """Seconds from start to end; ``None`` while it runs."""
    size: int | None = None
    """Bytes as stored on the remote, for media those of all files; ``None`` when not known."""
    files: int | None = None
    """Media: files and links in the run; ``None`` when not known, as all counts."""
    added: int | None = None
    """Media: those that were not there before."""
    changed: int | None = None
    """Media: those that had another content before."""
    deleted: int | None = None
    """Media: those that are gone since the run before, or were deleted by a restore."""
    left_out: int | None = None
    """Media: what could not be stored or restored."""
    sent: int | None = None
    """Media: bytes that a backup sent; content that is stored already is not sent again."""
    error_type: str | None = None
    """The class name of the error that ended the operation."""
    error_message: str | None = None
    """What went wrong: secrets masked, at most 2,000 characters."""
    error_hint: str | None = None
    """What to do about it, if that is known: secrets masked, at most 2,000 characters."""
    target_state: TargetState | None = None
    """Restores: what became of the live data. ``None`` for every other operation."""


class MediaCounts(NamedTuple):
    """How many files a media operation was about, as its last event says it."""

    files: int
    added: int
    changed: int
    deleted: int
    left_out: int


class ReceiverWarnings(tuple[str, ...]):
    """What a receiver of ``operation_changed`` returns to warn the operator.

    Each sentence is shown as a warning of the command, on a line of its own.
    """

    __slots__ = ()
