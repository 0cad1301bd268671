"""What operations share that code has started: the log for a console, and the sender of signals."""

import logging
from collections.abc import Sequence

from django.core.management import load_command_class

from ..console import Console
from ..events import MediaCounts
from ..reporting import Sender

logger = logging.getLogger(__name__)


class LogConsole(Console):
    """Logs what a command would print, at the level ``INFO``, and warnings as such."""

    def backing_up(self, alias: str) -> None:
        """Log that the backup of a database begins."""
        logger.info("Backing up database %r", alias)

    def backing_up_first(self, alias: str) -> None:
        """Log that what is about to be replaced is backed up."""
        logger.info("Backing up database %r as it is now", alias)

    def same_database(self, alias: str, twin: str) -> None:
        """Log that a database is not backed up a second time."""
        logger.info("Database %r is the same as %r, and backed up as that", alias, twin)

    def stored(self, path: str, size: int) -> None:
        """Log that a backup was made."""
        logger.info("Stored %s (%s bytes)", path, size)

    def verified(self, path: str, compared: Sequence[str]) -> None:
        """Log that a backup was rehearsed and has passed."""
        logger.info("Rehearsed %s: %s", path, ", ".join(compared))

    def backing_up_media(self, source: str, place: str) -> None:
        """Log that the backup of a media source begins."""
        logger.info("Backing up media files of %s", place)

    def stored_media(
        self, path: str, counts: MediaCounts, size: int, sent: int, seconds: float
    ) -> None:
        """Log that a run exists."""
        logger.info("Stored %s (%s files, %s bytes sent)", path, counts.files, sent)

    def deleted(self, path: str) -> None:
        """Log that something was deleted."""
        logger.info("Deleted %s", path)

    def warn(self, text: str) -> None:
        """Log a warning."""
        logger.warning("%s", text)


LOG = LogConsole()


def sender_of(command: str) -> Sender:
    """Return the class of a command, for signals. No import: commands stand above operations."""
    return type(load_command_class("django_rclone", command))
