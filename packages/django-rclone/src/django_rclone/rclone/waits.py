"""What a command waits for, for whoever watches it."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from .listeners import Listeners

_listeners = Listeners()


def shown(show: Callable[[str], None]) -> AbstractContextManager[None]:
    """Let ``show`` get a sentence for each wait within the block, of whatever thread."""
    return _listeners.with_one_more(show)


def waiting(sentence: str) -> None:
    """Say what is waited for."""
    _listeners.say(sentence)
