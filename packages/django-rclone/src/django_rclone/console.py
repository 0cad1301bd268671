"""What an operation reports to the person who runs it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self

from .events import MediaCounts


class Console:
    """Reports nothing: what code without a terminal passes. Commands pass one that prints."""

    def part(self, alias: str) -> Self:
        """Return the console of one database of several that are worked on at once, by threads."""
        return self

    def backing_up(self, alias: str) -> None:
        """Report that the backup of a database begins."""

    def backing_up_first(self, alias: str) -> None:
        """Report that what a restore is about to replace is backed up."""

    def same_database(self, alias: str, twin: str) -> None:
        """Report that a database is not backed up a second time, as ``alias``."""

    def stored(self, path: str, size: int) -> None:
        """Report that a backup of ``size`` bytes, as stored, exists."""

    def verified(self, path: str, compared: Sequence[str]) -> None:
        """Report that a backup was rehearsed and has passed, and what was ``compared``."""

    def backing_up_media(self, source: str, place: str) -> None:
        """Report that the backup of a media source begins."""

    def stored_media(
        self, path: str, counts: MediaCounts, size: int, sent: int, seconds: float
    ) -> None:
        """Report that a run exists, of ``size`` bytes, of which ``sent`` were sent."""

    def stored_site(self, name: str, size: int) -> None:
        """Report that a site backup exists, of ``size`` bytes in all its parts."""

    def restoring(self, what: str, path: str) -> None:
        """Report that the restore of ``what`` from a backup begins."""

    def restored(self, what: str) -> None:
        """Report that ``what`` was restored."""

    def restored_media(
        self, place: str, counts: MediaCounts, others: int, *, deleted: bool
    ) -> None:
        """Report that the files in a place were restored, and what became of ``others`` there."""

    def way_back(self, alias: str, name: str, until: datetime | None) -> None:
        """Report that what a restore replaced is kept ``until`` then, as the backup ``name``."""

    def deleted(self, path: str) -> None:
        """Report that an old backup, or the remains of a failed one, was deleted."""

    def warn(self, text: str) -> None:
        """Report something that deserves attention and does not fail the operation."""

    def progress(
        self, transferred: int, total: int | None = None, files: tuple[int, int] | None = None
    ) -> None:
        """Report how many bytes have been moved so far, of how many if that is known. Called often.

        ``files`` is how many files are done, and how many there are to do.
        """

    def end_progress(self) -> None:
        """Report that nothing more is moved: how it ended is reported to observers next."""


def counted(count: int, thing: str) -> str:
    """Return ``1 file`` or ``2,000 files``."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
