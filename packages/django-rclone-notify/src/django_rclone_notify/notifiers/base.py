"""What every notifier has in common."""

from typing import ClassVar

from django_rclone.events import Operation

from ..notifications import Notice, NoticeState

EVERY_STATE: frozenset[str] = frozenset(NoticeState)
TROUBLE: frozenset[str] = frozenset({NoticeState.FAILED, NoticeState.RECOVERED})
"""What people want to hear: that it broke, and that it works again."""
EVERY_OPERATION: frozenset[str] = frozenset(Operation)
BACKUPS: frozenset[str] = frozenset({Operation.DB_BACKUP, Operation.MEDIA_BACKUP})
"""What a heartbeat stands for: a restore or a prune must not pass for a backup."""


class Notifier:
    """Delivers notices to one place. Derive from it and implement ``notify()``.

    The constructor takes the channel's ``OPTIONS`` as keyword-only arguments,
    checks them, and raises ``InvalidOption`` for one it cannot use and
    ``MissingExtra`` for a package that is not installed. It must not use the
    network: ``manage.py check`` constructs every notifier.
    """

    default_states: ClassVar[frozenset[str]] = EVERY_STATE
    """The states delivered when the channel has no ``STATES``."""
    default_operations: ClassVar[frozenset[str]] = EVERY_OPERATION
    """The operations delivered when the channel has no ``OPERATIONS``."""
    secret_options: ClassVar[frozenset[str]] = frozenset()
    """The options whose values nobody may see: ``manage.py check`` wants them wrapped in ``Secret``."""

    def notify(self, notice: Notice) -> str:
        """Deliver ``notice`` and return what the service answered, free of secrets.

        Wait for at most ``budget.remaining()`` seconds. Raises ``NotifierError``
        when the notice did not arrive. Whatever is raised here ends as one
        warning; it never reaches the operation.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement notify()")

    def __repr__(self) -> str:
        # The options stay out: they hold webhook addresses and keys.
        return f"<{type(self).__name__}>"
