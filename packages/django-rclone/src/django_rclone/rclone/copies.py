"""A copy by a run of rclone of its own, and what became of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

from ..exceptions import RcloneError
from ..processes import Process, communicate
from .log import TransferStats

NAMED = "--files-from-raw=-"
"""The flag by which a command is about the files alone whose names it is given."""


@dataclass(slots=True)
class Copied:
    """What became of one copy."""

    failed: dict[str, str] = field(default_factory=dict)
    """The names that rclone could not copy, each with the reason."""
    error: RcloneError | None = None
    """Why the run failed, if it did: names that did not fail may not have arrived either."""


class Copy:
    """A copy on its way. It is a context manager: leaving it stops what has not ended."""

    def __init__(self, process: Process, stats: TransferStats, names: Sequence[str]) -> None:
        self._process = process
        self._stats = stats
        self._names = names

    def __enter__(self) -> Self:
        self._process.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.stop()

    def finish(self) -> Copied:
        """Wait for its end."""
        try:
            communicate(self._process, lines_of(self._names))
        except RcloneError as error:
            return Copied(self._stats.failed, error)
        return Copied()


def lines_of(names: Iterable[str]) -> bytes:
    """Return names as rclone reads them with ``NAMED``."""
    return "".join(f"{name}\n" for name in names).encode("utf-8", "surrogateescape")
