"""What a command waits for, for whoever watches it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

_listeners: list[Callable[[str], None]] = []


@contextmanager
def shown(show: Callable[[str], None]) -> Iterator[None]:
    """Let ``show`` get a sentence for each wait within the block, of whatever thread."""
    _listeners.append(show)
    try:
        yield
    finally:
        _listeners.remove(show)


def waiting(sentence: str) -> None:
    """Say what is waited for."""
    for show in tuple(_listeners):
        show(sentence)
