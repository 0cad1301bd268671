"""What commands print while they work: whole lines, whichever thread has something to say."""

import contextlib
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self

from django.core.management.base import OutputWrapper

from ..console import Console
from ..events import MediaCounts
from .formatting import date, duration, media_counts, printable, restored_counts
from .formatting import size as formatted_size

# A closed pipe or a full disk behind the output must not break a backup.
_IGNORE_WRITE_ERRORS = contextlib.suppress(OSError, ValueError)

_PROGRESS_DELAY = 1.0  # seconds before progress is shown
_REFRESH = 0.2  # seconds between two updates of it


def _plain(text: str) -> str:
    """Return text as it is: on stderr Django writes in the color of errors."""
    return text


class Screen:
    """What all parts of a console share: the outputs, and the line that shows progress."""

    def __init__(
        self, out: OutputWrapper, err: OutputWrapper, style_warning: Any, verbosity: int
    ) -> None:
        self._out = out
        self._err = err
        self._style_warning = style_warning
        self._quiet = verbosity < 1
        self._animated = not self._quiet and err.isatty()
        self._shown = 0.0
        self._lock = threading.RLock()
        self._moving: dict[str, tuple[int, float, int]] = {}
        """Bytes and seconds so far, and bytes in all or 0, by the name of the part."""

    def write(self, text: str) -> None:
        """Print a line, unless all is to be quiet."""
        with self._lock, _IGNORE_WRITE_ERRORS:
            self._clear()
            if not self._quiet:
                self._out.write(text)
                # Behind a pipe it would stay in a buffer, and nobody would see where it hangs.
                self._out.flush()

    def warn(self, text: str) -> None:
        """Print a warning, in any case: whoever wants no steps wants to know of trouble."""
        with self._lock, _IGNORE_WRITE_ERRORS:
            self._clear()
            self._err.write(text, self._style_warning)

    def remark(self, text: str) -> None:
        """Print a line where it gets into no result, unless all is to be quiet."""
        with self._lock, _IGNORE_WRITE_ERRORS:
            self._clear()
            if not self._quiet:
                self._err.write(text, _plain)

    def _clear(self) -> None:
        if self._shown:
            self._err.write("\r\x1b[K", _plain, ending="")
            self._shown = 0.0

    def forget(self, name: str) -> None:
        with self._lock, _IGNORE_WRITE_ERRORS:
            self._moving.pop(name, None)
            self._clear()
            self._err.flush()

    def show(
        self,
        name: str,
        transferred: int,
        elapsed: float,
        expected: int,
        files: tuple[int, int] | None,
    ) -> None:
        if not self._animated or elapsed < _PROGRESS_DELAY:
            return
        with self._lock, _IGNORE_WRITE_ERRORS:
            self._moving[name] = transferred, elapsed, expected
            now = time.monotonic()
            if now - self._shown < _REFRESH:
                return
            self._shown = now
            moving = self._moving.values()
            total = sum(count for count, _, _ in moving)
            rate = sum(count / seconds for count, seconds, _ in moving)
            longest = max(seconds for _, seconds, _ in moving)
            line = f"{formatted_size(total)}, {formatted_size(int(rate))}/s, {duration(longest)}"
            if rate and all(expected for _, _, expected in moving):
                whole = sum(expected for _, _, expected in moving)
                left = duration(max(0, whole - total) / rate)
                percent = min(100, total * 100 // whole)
                line = f"{percent} % of {formatted_size(whole)}, {line}, {left} left"
            if files:
                line = f"{files[0]:,} of {files[1]:,} files, {line}"
            self._err.write(f"\r\x1b[K  {line}", _plain, ending="")
            self._err.flush()


class TerminalConsole(Console):
    """Prints steps and warnings, and on a terminal the progress of whatever takes long."""

    def __init__(self, screen: Screen, name: str = "") -> None:
        self._screen = screen
        self._name = name
        self._started = time.monotonic()

    def part(self, alias: str) -> Self:
        """Return a console whose warnings name the database, with a clock of its own."""
        return type(self)(self._screen, alias)

    def backing_up(self, alias: str) -> None:
        """Print that the backup of a database begins."""
        self.info(f"Backing up database {alias!r} ...")

    def backing_up_first(self, alias: str) -> None:
        """Print that what a restore is about to replace is backed up."""
        self.info(f"Backing up first what is in database {alias!r} now ...")

    def same_database(self, alias: str, twin: str) -> None:
        """Print that a database is not backed up a second time."""
        self.info(f"Database {alias!r} is the same as {twin!r}, and backed up as that.")

    def stored(self, path: str, size: int) -> None:
        """Print that a backup was made, and how long it took."""
        took = duration(time.monotonic() - self._started)
        self.info(f"Stored {path} ({formatted_size(size)} in {took}).")

    def verified(self, path: str, compared: Sequence[str]) -> None:
        """Print that a backup was rehearsed and has passed."""
        took = duration(time.monotonic() - self._started)
        self.info(f"Rehearsed {path} in {took}: {', '.join(compared)}.")

    def backing_up_media(self, source: str, place: str) -> None:
        """Print that the backup of a media source begins."""
        self.info(f"Backing up media files of {place} ...")

    def stored_media(
        self, path: str, counts: MediaCounts, size: int, sent: int, seconds: float
    ) -> None:
        """Print that a run exists, and what it is about."""
        self.info(f"Stored {path} ({formatted_size(size)} in {duration(seconds)}).")
        self.info(f"{media_counts(counts)}; {formatted_size(sent)} sent.")

    def stored_site(self, name: str, size: int) -> None:
        """Print that a site backup exists."""
        self.info(f"Stored site backup {name} ({formatted_size(size)}).")

    def restoring(self, what: str, path: str) -> None:
        """Print that the restore of ``what`` from a backup begins."""
        self.info(f"Restoring {what} from {path} ...")

    def restored(self, what: str) -> None:
        """Print that ``what`` was restored, and how long it took."""
        self.info(f"Restored {what} in {duration(time.monotonic() - self._started)}.")

    def restored_media(
        self, place: str, counts: MediaCounts, others: int, *, deleted: bool
    ) -> None:
        """Print that media files were restored, and how many."""
        self.restored(f"media files in {place}")
        self.info(f"{restored_counts(counts, others, deleted=deleted)}.")

    def way_back(self, alias: str, name: str, until: datetime | None) -> None:
        """Print how a restore is taken back."""
        self.info(f"What it replaced is kept until {date(until)}. To have that back:")
        self.info(f"  manage.py dbrestore -d {alias} -i {name}")

    def deleted(self, path: str) -> None:
        """Print that something was deleted."""
        self.info(f"Deleted {path}.")

    def info(self, text: str) -> None:
        """Print a line, and restart the clock for what follows."""
        self._started = time.monotonic()
        self._screen.forget(self._name)
        self._screen.write(printable(text))

    def warn(self, text: str) -> None:
        """Print a warning on stderr."""
        whose = f"database {self._name!r}: " if self._name else ""
        self._screen.warn(f"Warning: {whose}{printable(text)}")

    def waiting(self, text: str) -> None:
        """Print on stderr what is waited for."""
        self._screen.remark(printable(text))

    def progress(
        self, transferred: int, total: int | None = None, files: tuple[int, int] | None = None
    ) -> None:
        """Show files, bytes, rate and time, once a second has passed."""
        elapsed = time.monotonic() - self._started
        self._screen.show(self._name, transferred, elapsed, total or 0, files)

    def end_progress(self) -> None:
        """Clear the line of progress: what receivers log comes next, on the same terminal."""
        self._screen.forget(self._name)
