"""Restoring MongoDB into scratch collections, which then take the names of the live ones.

A marker, an empty collection, shows how far a restore is. It is created first; of two
restores, the later one drops that of the earlier one, which then changes nothing. It is
renamed while collections are swapped: under that name it shows that a restore was killed
in the middle, until another one succeeds.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from ...exceptions import ClientError
from ...processes import Process
from ..session import ServerError
from ..staging import LiveData, Staging
from .archive import ArchiveCheck
from .collections import RESTORING, STEM, SWAPPING, is_dumped, is_view
from .connection import NOT_FOUND, MongodbSession

Step = Callable[[], object]


class StagedCollections(Staging):
    """A scratch place is a marker, and the collections whose names begin with its own and a dot."""

    _hint_when_broken = (
        "Fix the cause and run the restore again. "
        "Backups of this database are refused until a restore succeeds."
    )

    def __init__(self, session: MongodbSession) -> None:
        super().__init__(STEM, stem_bytes=len(STEM))
        self._session = session
        self.prefix = f"{self.scratch}."
        """What stands before the live name in that of a scratch collection."""
        self._marker = SWAPPING + self.scratch.removeprefix(RESTORING)
        self._before: dict[str, Any] = {}
        self._after: dict[str, Any] = {}

    def require_loaded(self) -> None:
        """Raise ``ClientError`` unless there is a scratch collection."""
        if not any(one["name"].startswith(self.prefix) for one in self._session.collections()):
            raise ClientError("The backup contains no collections.")

    def _claim(self) -> None:
        """Of two restores the later one counts: its sweep drops the marker of the earlier one."""

    def _places(self) -> Iterable[str]:
        names = (str(one["name"]) for one in self._session.collections())
        return sorted({name.partition(".")[0] for name in names if name.startswith(RESTORING)})

    def _create(self) -> None:
        self._session.create(self.scratch, {})

    def _drop(self, name: str) -> None:
        for one in self._session.collections():
            if one["name"].startswith(name):
                self._session.drop(one["name"])

    def _drop_without_swap(self) -> None:
        self._try_drop(self.scratch)
        self._try_drop(self._marker)

    def _drop_after_swap(self) -> None:
        self._try_drop(self.scratch)
        # Those of earlier restores too: this one has repaired what they broke.
        self._try_drop(SWAPPING)

    def _swap(self) -> None:
        # In this order: as long as the marker exists, no scratch collection was swept.
        steps = list(self._steps())
        try:
            self._session.rename(self.scratch, self._marker)
        except ServerError as error:
            if error.code != NOT_FOUND:
                raise
            raise ClientError(
                "Another restore of this database was started, and takes precedence."
            ) from None
        for step in steps:
            step()

    def _steps(self) -> Iterator[Step]:
        """Yield what makes the scratch collections the live ones, in order."""
        session, prefix = self._session, self.prefix
        found = session.collections()
        old = {one["name"]: one for one in found if is_dumped(one["name"])}
        new = {
            one["name"].removeprefix(prefix): one for one in found if one["name"].startswith(prefix)
        }
        self._before, self._after = _identities(old), _identities(new)
        for name in old:
            # A collection cannot take the name of a view, nor the other way round.
            if is_view(old[name]):
                yield partial(session.drop, name)
        for name in new:
            if not is_view(new[name]):
                yield partial(session.rename, f"{prefix}{name}", name, replace=True)
        for name in old:
            if not is_view(old[name]) and (name not in new or is_view(new[name])):
                yield partial(session.drop, name)
        for name in new:
            if is_view(new[name]):
                yield partial(session.create, name, new[name]["options"])

    def _look(self) -> LiveData:
        names = self._before.keys() | self._after.keys()
        found = {one["name"]: one for one in self._session.collections() if one["name"] in names}
        live = _identities(found)
        if live == self._before:
            return LiveData.OLD
        return LiveData.NEW if live == self._after else LiveData.MIXED


def _identities(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what identifies collections whatever they are called: their UUIDs.

    Views have none; they are what their definitions are.
    """
    return {
        name: one.get("info", {}).get("uuid") or (is_view(one), one.get("options"))
        for name, one in found.items()
    }


class MongodbRestore:
    """A target of the relay: feeds mongorestore, which loads the scratch collections."""

    def __init__(self, staging: StagedCollections, process: Process) -> None:
        self._staging = staging
        self._process = process
        self._check = ArchiveCheck()

    def write(self, data: bytes) -> None:
        """Give mongorestore more of the dump."""
        self._check.feed(data)
        self._process.write(data)

    def finish(self) -> None:
        """Wait until all is loaded, with its indexes. Raises ``ClientError`` or ``ProcessError``."""
        if not self._check.is_complete:
            raise ClientError("The backup is truncated: it is not a complete mongodump archive.")
        self._process.finish()
        self._staging.require_loaded()

    def swap(self) -> None:
        """Swap the scratch collections in; see ``RestoreTarget.swap()``."""
        self._staging.swap()
