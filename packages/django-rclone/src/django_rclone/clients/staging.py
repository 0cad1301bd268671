"""Restoring into a scratch place on the live server, which is then swapped in.

The names of scratch places tell what they are, so that a later restore can drop
what a killed one left behind.
"""

import hashlib
import logging
import re
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import Enum
from typing import Self

from ..exceptions import ClientError, SwapBroken, SwapRefused, SwapUnknown
from ..interrupts import uninterrupted

logger = logging.getLogger(__name__)

_MARK = 8  # characters of a hash


class LiveData(Enum):
    """What the live data was found to be after a swap that reported an error."""

    OLD = "as it was"
    NEW = "as the backup is"
    MIXED = "neither"
    UNKNOWN = "could not be inspected"


_BROKEN = (
    "The restore failed half-way: the database is neither in its old state nor fully restored. "
)
_UNKNOWN = "It is unknown whether the restored data became live. "


def stem_of(live: str, size: int) -> str:
    """Return what the names of scratch places begin with: up to ``size`` bytes.

    Long names that begin alike differ by a hash.
    """
    name = live.encode()
    if len(name) <= size:
        return live
    mark = hashlib.sha256(name).hexdigest()[:_MARK]
    return f"{name[: size - _MARK - 1].decode('utf-8', 'ignore')}_{mark}"


def swap_and_look(swap: Callable[[], object], look: Callable[[], LiveData], *, hint: str) -> None:
    """Run ``swap``; if it fails, ``look`` at the live data to learn what became of it.

    ``look`` is called after ``ClientError`` alone, and may raise it. A swap that failed
    and is found to be complete has succeeded. ``hint`` says what to do if the live
    data is broken. Raises ``SwapRefused``, ``SwapBroken`` or ``SwapUnknown``.
    """
    try:
        swap()
        return
    except ClientError as error:
        failure = error
    try:
        found = look()
    except ClientError as error:
        logger.warning("The database could not be inspected after the swap: %s", error.message)
        found = LiveData.UNKNOWN
    if found is LiveData.NEW:
        logger.warning("The swap reported an error, but is complete: %s", failure.message)
    elif found is LiveData.OLD:
        raise SwapRefused(failure.message, hint=failure.hint) from failure
    elif found is LiveData.MIXED:
        raise SwapBroken(_BROKEN + failure.message, hint=hint) from failure
    else:
        raise SwapUnknown(
            _UNKNOWN + failure.message,
            hint="Check the database, then run the restore again: it removes any leftovers.",
        ) from failure


class Staging(ABC):
    """A scratch place for one restore, and what becomes of it. A context manager.

    Entering claims the right to restore ``live``, drops the scratch places that killed
    restores left, and creates a new one. Leaving drops the scratch place or, after a swap,
    all places where replaced data was set aside. Not before: after a restore that broke
    the live data, such a place holds what is left of it. When the live data is broken or
    its state is unknown, nothing is dropped.
    """

    _hint_when_broken = "Fix the cause and run the restore again."

    def __init__(self, live: str, *, stem_bytes: int) -> None:
        """``stem_bytes`` is how much of the live name fits into that of a scratch place."""
        self.live = live
        self.stem = stem_of(live, stem_bytes)
        token = secrets.token_hex(4)
        self.scratch = f"{self.stem}_restoring_{token}"
        self.aside = f"{self.stem}_replaced_{token}"
        self._found = LiveData.OLD

    def __enter__(self) -> Self:
        self._claim()
        try:
            self._drop_leftovers("restoring")
            self._create()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        # What a signal interrupted is removed whole; the signal is raised afterwards.
        with uninterrupted():
            if self._found is LiveData.OLD:
                self._drop_without_swap()
            elif self._found is LiveData.NEW:
                self._drop_after_swap()
            self._release()

    def swap(self) -> None:
        """Swap the scratch place with the live one. Raises as ``RestoreTarget.swap()`` does."""
        self._found = LiveData.UNKNOWN
        try:
            swap_and_look(self._swap, self._look, hint=self._hint_when_broken)
        except SwapRefused:
            self._found = LiveData.OLD
            raise
        self._found = LiveData.NEW

    def sweep(self) -> None:
        """Drop the places that killed restores of the same database left behind.

        Only for live data that is known to be complete. Raises ``ClientError``.
        """
        self._drop_leftovers("restoring", "replaced")

    def _drop_leftovers(self, *kinds: str) -> None:
        pattern = re.compile(rf"{re.escape(self.stem)}_({'|'.join(kinds)})_[0-9a-f]{{8}}")
        for name in self._places():
            if pattern.fullmatch(name):
                self._try_drop(name)

    def _drop_without_swap(self) -> None:
        self._try_drop(self.scratch)

    def _drop_after_swap(self) -> None:
        self._try_drop(self.scratch)
        self._try_drop(self.aside)
        with suppress(ClientError):  # a later restore tries again
            self.sweep()

    def _try_drop(self, name: str) -> None:
        try:
            self._drop(name)
        except ClientError as error:
            # A later restore tries again.
            logger.warning("%s could not be dropped: %s", name, error.message)

    @abstractmethod
    def _claim(self) -> None:
        """Raise ``ClientError`` if another restore of the same database is running."""

    def _release(self) -> None:  # noqa: B027 - some rights end with what took them
        """Give up the right that was claimed."""

    @abstractmethod
    def _places(self) -> Iterable[str]:
        """Return the names of all places on the server that could be scratch places."""

    @abstractmethod
    def _create(self) -> None:
        """Create the scratch place."""

    @abstractmethod
    def _drop(self, name: str) -> None:
        """Drop a place, if it exists."""

    @abstractmethod
    def _swap(self) -> None:
        """Exchange the scratch place and the live one. Raises ``ClientError``."""

    @abstractmethod
    def _look(self) -> LiveData:
        """Look at the live data after a swap that failed, through a new session if need be."""
