"""What an operation reports to the person who runs it."""

from typing import Self


class Console:
    """Reports nothing: what code without a terminal passes. Commands pass one that prints."""

    def part(self, alias: str) -> Self:
        """Return the console of one database of several that are worked on at once, by threads."""
        return self

    def backing_up(self, alias: str) -> None:
        """Report that the backup of a database begins."""

    def same_database(self, alias: str, twin: str) -> None:
        """Report that a database is not backed up a second time, as ``alias``."""

    def stored(self, path: str, size: int) -> None:
        """Report that a backup of ``size`` bytes, as stored, exists."""

    def deleted(self, path: str) -> None:
        """Report that an old backup, or the remains of a failed one, was deleted."""

    def warn(self, text: str) -> None:
        """Report something that deserves attention and does not fail the operation."""

    def progress(self, transferred: int) -> None:
        """Report how many bytes have been moved so far. Called often."""
