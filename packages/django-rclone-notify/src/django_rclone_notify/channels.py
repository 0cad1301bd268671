"""A channel: a notifier, and which notifications it gets."""

from collections.abc import Callable
from dataclasses import dataclass, field

from django_rclone.events import Operation

from .notifications import Notification, NotificationState
from .notifiers.base import Notifier
from .transport.deadline import DEFAULT_SECONDS

CHECKS = frozenset({Operation.DB_CHECK, Operation.MEDIA_CHECK})
MEDIA_OPERATIONS = frozenset(
    {
        Operation.MEDIA_BACKUP,
        Operation.MEDIA_RESTORE,
        Operation.MEDIA_PRUNE,
        Operation.MEDIA_VERIFY,
        Operation.MEDIA_CHECK,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """The filter keys of one channel, with the notifier's defaults filled in.

    ``databases`` and ``environments`` are ``None`` if all of them are wanted.
    """

    states: frozenset[str]
    operations: frozenset[str]
    databases: frozenset[str] | None = None
    environments: frozenset[str] | None = None

    def accepts(self, notification: Notification) -> bool:
        """Return whether the channel wants ``notification``.

        A recovery is also a success: a channel that lists ``succeeded`` gets both.
        States and operations that are not listed are rejected, including those
        added by a later version of django-rclone. Media operations have no
        database, so a channel limited to databases does not get them.

        A check that goes on to find the same trouble is reported once: only heartbeats, which
        want ``started``, get every outcome of it.
        """
        event = notification.event
        known = notification.repeated and event.operation in CHECKS
        return (
            not (known and NotificationState.STARTED not in self.states)
            and not self.states.isdisjoint({notification.state, event.state})
            and event.operation in self.operations
            and (self.databases is None or event.database in self.databases)
            and (self.environments is None or event.environment in self.environments)
        )

    def wants_recoveries_alone(self) -> bool:
        """Return whether a success is of interest only after a failure."""
        return (
            NotificationState.RECOVERED in self.states
            and NotificationState.SUCCEEDED not in self.states
        )

    def is_satisfiable(self) -> bool:
        """Return whether any notification can pass."""
        return self.databases is None or not self.operations <= MEDIA_OPERATIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A named notifier with its filter and its time limit in seconds.

    ``build`` returns the notifier; it may raise whatever a constructor raises.
    ``secrets`` are strings to mask whenever an error of the channel is shown.
    """

    name: str
    filter: Filter
    build: Callable[[], Notifier] = field(repr=False)
    timeout: float = DEFAULT_SECONDS
    secrets: tuple[str, ...] = field(default=(), repr=False)
