"""A place of media files that are read through copies."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from ...backups.index import Kind
from .hashing import Hashed
from .scan import Found
from .workset import WorkSet

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MODE = 0o644  # for whoever restores into a folder


class SpooledPlace:
    """The methods of ``MediaPlace`` for a place that has neither links nor empty folders."""

    follows = False

    def note(self, work: WorkSet, hashed: Iterable[Hashed]) -> None:
        """See ``MediaPlace``. What the files are like was said by the listing."""
        work.run_many(
            "UPDATE found SET size = ?, sha256 = ? WHERE path = ?",
            ((found.size, sha256, found.path) for found, sha256, _ in hashed),
        )

    def changed(self, root: bytes, found: Found) -> bool:
        """See ``MediaPlace``. What was read is a copy of our own."""
        return False


def found_file(path: bytes, size: int, modified: int) -> Found:
    """Return what a listing says of a file; its time in nanoseconds, 0 if that is unknown."""
    return Found(path, Kind.FILE, size, modified=modified, mode=_MODE)


def nanoseconds(moment: datetime) -> int:
    """Return a moment, which must be aware, to the microsecond. Raises ``OverflowError``."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1_000
