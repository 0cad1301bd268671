"""A channel: a notifier, and when it is asked."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from .filters import Filter
from .notifiers.base import Notifier
from .secrets import Secret
from .transport.deadline import DEFAULT_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A named notifier with its filter and its time limit in seconds.

    ``build`` returns the notifier; it may raise what a constructor raises.
    ``secrets`` are texts to be masked wherever the channel's trouble is told.
    """

    name: str
    filter: Filter
    build: Callable[[], Notifier] = field(repr=False)
    timeout: float = DEFAULT_SECONDS
    secrets: tuple[str, ...] = field(default=(), repr=False)


def texts(value: object) -> Iterable[str]:
    """Yield every text in an option, however deep: none of them may be shown."""
    if isinstance(value, Secret):
        yield value.reveal()
    elif isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from texts(item)
