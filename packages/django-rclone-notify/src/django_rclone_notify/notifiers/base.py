"""What every notifier has in common."""

from typing import ClassVar

from django_rclone.events import Operation, OperationEvent, State

EVERY_STATE: frozenset[str] = frozenset(State)
EVERY_OPERATION: frozenset[str] = frozenset(Operation)
BACKUPS: frozenset[str] = frozenset({Operation.DB_BACKUP, Operation.MEDIA_BACKUP})
"""What a heartbeat stands for: a restore or a prune must not pass for a backup."""


class Notifier:
    """Delivers events to one place. Derive from it and implement ``notify()``.

    The constructor takes the channel's ``OPTIONS`` as keyword-only arguments,
    checks them, and raises ``InvalidOption`` for one it cannot use and
    ``MissingExtra`` for a package that is not installed. It must not use the
    network: a notifier is constructed for every event and by ``manage.py check``.
    """

    default_states: ClassVar[frozenset[str]] = EVERY_STATE
    """The states delivered when the channel has no ``STATES``."""
    default_operations: ClassVar[frozenset[str]] = EVERY_OPERATION
    """The operations delivered when the channel has no ``OPERATIONS``."""

    def wants(self, event: OperationEvent) -> bool:
        """Tell whether an event that passed the channel's filters shall be delivered.

        Override it for what the filters cannot say.
        """
        return True

    def notify(self, event: OperationEvent) -> None:
        """Deliver ``event`` and return when it has arrived.

        Raises ``NotifierError`` when it has not. Whatever is raised here ends as
        one warning in the log; it never reaches the operation.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement notify()")

    def __repr__(self) -> str:
        # The options stay out: they hold webhook addresses and keys.
        return f"<{type(self).__name__}>"
