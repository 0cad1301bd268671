"""A place of media files that are read through copies."""

from collections.abc import Iterable

from .hashing import Hashed
from .scan import Found
from .workset import WorkSet


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
