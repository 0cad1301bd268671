"""The base class of all notifiers."""

from typing import ClassVar

from django_rclone.events import Operation

from ..notifications import Notification, NotificationState

ALL_STATES: frozenset[str] = frozenset(NotificationState)
PROBLEM_STATES: frozenset[str] = frozenset({NotificationState.FAILED, NotificationState.RECOVERED})
"""The states that people want to know about: a failure, and the end of it."""
ALL_OPERATIONS: frozenset[str] = frozenset(Operation)
BACKUP_OPERATIONS: frozenset[str] = frozenset({Operation.DB_BACKUP, Operation.MEDIA_BACKUP})
"""The operations of a heartbeat: a restore or a prune must not pass for a backup."""


class Notifier:
    """Delivers notifications to one service. Subclasses implement ``notify()``.

    The constructor takes the channel's ``OPTIONS`` as keyword-only arguments and
    validates them. It raises ``InvalidOption`` for an invalid one and
    ``MissingExtra`` for a package that is not installed. It must not use the
    network: ``manage.py check`` constructs every notifier.
    """

    default_states: ClassVar[frozenset[str]] = ALL_STATES
    """The states delivered if the channel has no ``STATES``."""
    default_operations: ClassVar[frozenset[str]] = ALL_OPERATIONS
    """The operations delivered if the channel has no ``OPERATIONS``."""
    secret_options: ClassVar[frozenset[str]] = frozenset()
    """The options with secret values: ``manage.py check`` wants them wrapped in ``Secret``."""

    def notify(self, notification: Notification) -> str:
        """Deliver ``notification``, and return the service's answer without secrets.

        Wait at most ``deadline.remaining()`` seconds. Raise ``NotifierError`` if the
        notification was not delivered. Any error becomes one warning; it never
        reaches the operation.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement notify()")

    def __repr__(self) -> str:
        # Without the options, which contain URLs and keys.
        return f"<{type(self).__name__}>"
