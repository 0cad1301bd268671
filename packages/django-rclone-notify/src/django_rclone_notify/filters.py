"""Which events a channel wants: pure, decided from the event alone."""

from dataclasses import dataclass

from django_rclone.events import OperationEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """The filter keys of one channel, with the defaults of its notifier filled in.

    ``databases`` and ``environments`` are ``None`` when every one is wanted.
    """

    states: frozenset[str]
    operations: frozenset[str]
    databases: frozenset[str] | None = None
    environments: frozenset[str] | None = None

    def accepts(self, event: OperationEvent) -> bool:
        """Tell whether ``event`` is wanted.

        A state or an operation that is not listed is not wanted, also one that
        a later version of django-rclone invents. Media operations concern no
        database, so a channel limited to databases does not get them.
        """
        return (
            event.state in self.states
            and event.operation in self.operations
            and (self.databases is None or event.database in self.databases)
            and (self.environments is None or event.environment in self.environments)
        )
