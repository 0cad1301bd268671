"""A copy by a run of rclone of its own, and what became of it."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Self

from ..exceptions import RcloneError
from ..interrupts import interruptible
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
        self._error: RcloneError | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._process)
            self._send_names()
            stack.pop_all()
        return self

    def _send_names(self) -> None:
        """Tell rclone what to copy: until the end of the names it does nothing."""
        try:
            with interruptible():
                self._process.write(lines_of(self._names))
                self._process.close_input()
        except RcloneError as error:
            self._error = error

    def __exit__(self, *exc_info: object) -> None:
        self._process.stop()

    def finish(self) -> Copied:
        """Wait for its end."""
        try:
            if self._error is None:
                communicate(self._process)
        except RcloneError as error:
            self._error = error
        return Copied(self._stats.failed, self._error) if self._error else Copied()


def lines_of(names: Iterable[str]) -> bytes:
    """Return names as rclone reads them with ``NAMED``."""
    return "".join(f"{name}\n" for name in names).encode("utf-8", "surrogateescape")
