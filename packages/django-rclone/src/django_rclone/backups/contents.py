"""What one listing of a folder on the remote shows, and which of it is a backup."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property

from ..rclone.output import RemoteObject
from . import Backup
from .manifest import MANIFEST_SUFFIX, manifest_path
from .manifests import Manifests
from .naming import Identity, Names
from .pins import SUFFIX, marked
from .rehearsal import Proof
from .sites import MARK_SUFFIX

_NEXT_TO_IT = (SUFFIX, MARK_SUFFIX, *(f".{proof}" for proof in Proof))
_NO_DUMPS = (MANIFEST_SUFFIX, *_NEXT_TO_IT)

_FIRST_DATE = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Contents:
    """The contents of a folder of backups at the time of its listing.

    What reads manifests raises ``RcloneError``.
    """

    stored: Mapping[str, RemoteObject]
    """Every object by its path."""
    names: Names
    manifests: Manifests

    @cached_property
    def uncommitted(self) -> frozenset[str]:
        """The paths of all files without a manifest; manifests themselves are among them."""
        return frozenset(self.stored) - self._committed

    @property
    def halves(self) -> frozenset[str]:
        """The paths of what the listing shows without its manifest, or of which it shows that alone."""
        return frozenset(
            path.removesuffix(MANIFEST_SUFFIX)
            for path in self.uncommitted
            if not path.endswith(_NEXT_TO_IT)
        )

    @cached_property
    def pinned(self) -> frozenset[str]:
        """The paths of what has a pin, valid or not."""
        return marked(self.stored, SUFFIX)

    @cached_property
    def in_sites(self) -> frozenset[str]:
        """The paths of what is part of a site backup."""
        return marked(self.stored, MARK_SUFFIX)

    @property
    def backups(self) -> list[Backup]:
        """Every backup that has a manifest, valid or not, newest first."""
        return self._read(self._committed)

    def of(self, database: str | None) -> list[Backup]:
        """Return the backups of one database, newest first.

        The manifests of those that are named as the backups of another are not read.
        """
        identities = ((path, self._identity(path)) for path in self._committed)
        return self._read_of(
            database,
            (path for path, named in identities if not named or named.database == database),
        )

    def newest_first(self, database: str | None) -> Iterator[Backup]:
        """Yield the backups of one database, newest first, reading as few manifests as it can.

        A dump of this database whose manifest was not listed is asked for it by its name: its
        absence from one listing proves nothing. Those that are named as the backups of
        another database come last.
        """
        dated, unnamed, others = self._by_name(database)
        oldest_first = self._read_of(database, unnamed)[::-1]
        sizes = iter((1, 3, 12))  # most often the first one is it, or the second
        while dated or oldest_first:
            # The date in a manifest is that in the name, or earlier.
            while dated and (not oldest_first or dated[-1][0] >= _date_of(oldest_first[-1])):
                size = next(sizes, len(dated))
                chunk, dated = dated[-size:], dated[:-size]
                oldest_first += self._read_of(database, (path for _, path in chunk))
                oldest_first.sort(key=_date_and_path)
            if oldest_first:
                yield oldest_first.pop()
        yield from self._read_of(database, others)

    def _by_name(
        self, database: str | None
    ) -> tuple[list[tuple[datetime, str]], list[str], list[str]]:
        """Return the backups that the names call this database's, with their dates, the oldest
        first; those whose names say nothing; and those of other databases."""
        dated: list[tuple[datetime, str]] = []
        unnamed: list[str] = []
        others: list[str] = []
        for path in self.stored:
            committed = path in self._committed
            if not committed and path.endswith(_NO_DUMPS):
                continue
            named = self._identity(path)
            if named and named.database == database:
                dated.append((named.latest, path))
            elif committed:
                (others if named else unnamed).append(path)
        return sorted(dated), unnamed, others

    @cached_property
    def _committed(self) -> frozenset[str]:
        # A run that was killed while writing the manifest leaves an empty one.
        return frozenset(
            path
            for path in self.stored
            if (manifest := self.stored.get(manifest_path(path))) and manifest.size
        )

    def _read_of(self, database: str | None, paths: Iterable[str]) -> list[Backup]:
        return [backup for backup in self._read(paths) if backup.database == database]

    def _read(self, paths: Iterable[str]) -> list[Backup]:
        backups = map(self._identified, self.manifests.read(list(paths)))
        return sorted(backups, key=_date_and_path, reverse=True)

    def _identified(self, backup: Backup) -> Backup:
        """Take the database and the date from the name: the manifest may be forged."""
        if backup.verified or not (named := self._identity(backup.path)):
            return backup
        return replace(backup, alias=named.database, timestamp=named.latest)

    def _identity(self, path: str) -> Identity | None:
        return self.names.identify(path.rpartition("/")[2])


def _date_of(backup: Backup) -> datetime:
    return backup.created_at or _FIRST_DATE


def _date_and_path(backup: Backup) -> tuple[datetime, str]:
    return (_date_of(backup), backup.path)
