"""Which notices a channel wants: pure, decided from the notice alone."""

from dataclasses import dataclass

from django_rclone.events import Operation

from .notifications import Notice

MEDIA_OPERATIONS = frozenset({Operation.MEDIA_BACKUP, Operation.MEDIA_RESTORE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """The filter keys of one channel, with the defaults of its notifier filled in.

    ``databases`` and ``environments`` are ``None`` when every one is wanted.
    """

    states: frozenset[str]
    operations: frozenset[str]
    databases: frozenset[str] | None = None
    environments: frozenset[str] | None = None

    def accepts(self, notice: Notice) -> bool:
        """Tell whether ``notice`` is wanted.

        A recovery is a success too: who lists ``succeeded`` gets both. A state or
        an operation that is not listed is not wanted, also one that a later
        version of django-rclone invents. Media operations concern no database,
        so a channel limited to databases does not get them.
        """
        event = notice.event
        return (
            not self.states.isdisjoint({notice.state, event.state})
            and event.operation in self.operations
            and (self.databases is None or event.database in self.databases)
            and (self.environments is None or event.environment in self.environments)
        )

    def is_reachable(self) -> bool:
        """Tell whether any notice could pass: media operations concern no database."""
        return self.databases is None or not self.operations <= MEDIA_OPERATIONS
