"""Whoever wants to hear of something, for as long as a block lasts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Listeners:
    """Functions that get each sentence, of whatever thread."""

    def __init__(self) -> None:
        self._all: list[Callable[[str], None]] = []

    def __bool__(self) -> bool:
        return bool(self._all)

    @contextmanager
    def with_one_more(self, show: Callable[[str], None]) -> Iterator[None]:
        """Let ``show`` get what is said within the block."""
        self._all.append(show)
        try:
            yield
        finally:
            self._all.remove(show)

    def say(self, sentence: str) -> None:
        """Call each with a sentence."""
        for show in tuple(self._all):
            show(sentence)
