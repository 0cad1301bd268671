"""Restoring MongoDB: into collections beside the live ones, which then take their names.

A marker, an empty collection, tells how far a restore is. It is made first; of two
restores, the later one removes that of the earlier one, which then changes nothing.
It gets another name while names are exchanged: what is found under that name tells
of a restore that was killed in the middle.
"""

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from ...exceptions import RestoreError
from ...interrupts import interruptible
from ...processes import Process
from .archive import Ends
from .collections import RESTORING, SWITCHING, is_dumped
from .connection import Session, code_of, said

logger = logging.getLogger(__name__)

_UNAUTHORIZED, _NOT_FOUND = 13, 26  # https://www.mongodb.com/docs/manual/reference/error-codes/

Load = Callable[[str], Process]
"""Returns mongorestore, not started yet, that puts a prefix before every name."""
Step = Callable[[], object]


class Beside:
    """A target of the relay: loads scratch collections, and gives them the live names."""

    def __init__(self, session: Session, process: Process, token: str) -> None:
        self.changed: bool | None = False
        self._session = session
        self._process = process
        self._token = token
        self._ends = Ends()

    def write(self, data: bytes) -> None:
        """Give mongorestore more of the dump."""
        self._ends.see(data)
        self._process.write(data)

    def commit(self) -> None:
        """Load what is left, and exchange the names. Raises ``RestoreError``."""
        # Building indexes may take long, and the live collections are untouched yet.
        with interruptible():
            if not self._ends.are_whole:
                raise RestoreError("The dump is no whole archive of mongodump.")
            self._process.finish()
        try:
            # In this order: as long as there is the marker, nothing was missing before.
            steps = self._steps()
            self._begin()
        except self._session.error as error:
            raise _told(error) from None
        self._take(steps)
        self.changed = True

    def _begin(self) -> None:
        marker = self._token
        try:
            self._session.rename(f"{RESTORING}{marker}", f"{SWITCHING}{marker}")
        except self._session.error as error:
            if code_of(error) != _NOT_FOUND:
                raise
            raise RestoreError(
                "Another restore of this database has begun meanwhile, and takes precedence."
            ) from None

    def _steps(self) -> list[Step]:
        """Return what makes the scratch collections the live ones, in order."""
        session, prefix = self._session, f"{RESTORING}{self._token}."
        found = session.collections()
        new = {one["name"].removeprefix(prefix): one for one in found if _is_in(one, prefix)}
        old = {one["name"]: one for one in found if is_dumped(one["name"])}
        if not new:
            raise RestoreError("The dump holds no collection.")
        views = [name for name in new if _is_view(new[name])]
        tables = [name for name in new if name not in views]
        # A name that a view has cannot be given to a collection, nor the other way round.
        gone = [name for name in old if _is_view(old[name])]
        left = [name for name in old if name not in gone and name not in tables]
        drop = session.database.drop_collection
        return [
            *(partial(drop, name) for name in gone),
            *(partial(session.rename, f"{prefix}{name}", name, replace=True) for name in tables),
            *(partial(drop, name) for name in left),
            *(partial(_make_view, session, name, new[name]["options"]) for name in views),
        ]

    def _take(self, steps: list[Step]) -> None:
        self.changed = None
        for number, step in enumerate(steps):
            try:
                step()
            except self._session.error as error:
                if number == 0 and code_of(error) == _UNAUTHORIZED:
                    self.changed = False
                    raise _told(error) from None
                raise RestoreError(
                    "The database is no longer what it was, nor what the backup is: "
                    f"{said(error)}.",
                    hint="Remove the cause and restore again. Until then it is not backed up.",
                ) from None


@contextmanager
def beside(session: Session, load: Load) -> Iterator[Beside]:
    """Yield what restores into scratch collections. In the end only live ones are left.

    Raises ``RestoreError``.
    """
    token = secrets.token_hex(4)
    try:
        for one in session.collections():
            if one["name"].startswith(RESTORING):
                session.database.drop_collection(one["name"])
        session.database.create_collection(f"{RESTORING}{token}")
    except session.error as error:
        raise _told(error) from None
    target = None
    try:
        with load(f"{RESTORING}{token}.") as process:
            target = Beside(session, process, token)
            yield target
    finally:
        _tidy(session, token, False if target is None else target.changed)


def _tidy(session: Session, token: str, changed: bool | None) -> None:
    """Drop what is not needed any more; a marker stays until it is not true any more."""
    unneeded = [f"{RESTORING}{token}"]
    if changed is not None:
        # Those of others tell of earlier restores, which this one has made good.
        unneeded.append(SWITCHING if changed else f"{SWITCHING}{token}")
    try:
        for one in session.collections():
            if one["name"].startswith(tuple(unneeded)):
                session.database.drop_collection(one["name"])
    except session.error as error:
        # The next restore tries again.
        logger.warning("Scratch collections could not be dropped: %s", said(error))


def _told(error: Exception) -> RestoreError:
    """Return an error of the driver as ours."""
    return RestoreError(f"The database cannot be restored: {said(error)}.")


def _is_in(found: dict[str, Any], prefix: str) -> bool:
    return str(found["name"]).startswith(prefix)


def _is_view(found: dict[str, Any]) -> bool:
    return found.get("type") == "view"


def _make_view(session: Session, name: str, options: dict[str, Any]) -> None:
    session.database.command({"create": name, **options})
