"""The facts of one run, in a temporary database: a million files need no memory."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from types import TracebackType
from typing import Self, TypeVar

from ...backups.index import Entry, Kind, to_line
from ...exceptions import MediaGuardError
from .content_store import TABLE as STORED
from .scan import Found

_SCHEMA = f"""
PRAGMA page_size = 16384;
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -32768;
CREATE TABLE found (
    path BLOB PRIMARY KEY, kind TEXT NOT NULL, size INTEGER NOT NULL, modified INTEGER NOT NULL,
    changed INTEGER NOT NULL, inode INTEGER NOT NULL, mode INTEGER NOT NULL,
    target BLOB NOT NULL, reason TEXT NOT NULL, sha256 BLOB
) WITHOUT ROWID;
CREATE TABLE run (
    path BLOB PRIMARY KEY, kind TEXT NOT NULL, size INTEGER NOT NULL, modified INTEGER NOT NULL,
    mode INTEGER NOT NULL, sha256 BLOB NOT NULL, target BLOB NOT NULL, reason TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE {STORED};
CREATE TABLE pending (path BLOB PRIMARY KEY, size INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE sent (sha256 BLOB PRIMARY KEY, size INTEGER NOT NULL) WITHOUT ROWID;
"""
_KINDS = {kind.value: kind for kind in Kind}
_VALUES = {kind: kind.value for kind in Kind}
_ENTRY = "path, kind, size, modified, mode, sha256, target, reason"
_FILE = Kind.FILE  # to look it up takes longer than to compare it
_PIECE = 200  # rows held at a time: of more, Python would look for garbage among them
_TOGETHER = 80  # rows that a statement adds

_Item = TypeVar("_Item")

EMPTY = bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
"""The hash of a file without content. It is not stored."""


class WorkSet:
    """What was ``found`` in a source, an earlier or chosen ``run``, and what is ``stored``.

    It is a context manager. Its queries are those of the modules around it.
    """

    def __init__(self) -> None:
        # A database without a name is a file that SQLite deletes itself, also after a kill.
        self.connection = sqlite3.connect("", isolation_level=None)
        self.connection.executescript(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
        if isinstance(error, sqlite3.Error):
            raise MediaGuardError(
                f"The temporary database of this run failed: {error}.",
                hint="Is there space in the temporary folder?",
            ) from error

    def close(self) -> None:
        """Delete the database."""
        self.connection.close()

    def rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """Return all rows of a query that has few."""
        return self.connection.execute(query, values).fetchall()

    def number(self, query: str, values: Sequence[object] = ()) -> int:
        """Return the one number of a query; 0 for NULL."""
        (value,) = self.connection.execute(query, values).fetchone()
        return int(value or 0)

    def run(self, query: str, values: Sequence[object] | Mapping[str, object] = ()) -> int:
        """Run a statement, and return how many rows it changed."""
        return self.connection.execute(query, values).rowcount

    def run_many(self, query: str, rows: Iterable[Sequence[object]]) -> None:
        """Run a statement for each row. After an error those before it have run."""
        with self._at_once():
            self.connection.executemany(query, rows)

    @contextmanager
    def _at_once(self) -> Iterator[None]:
        """Commit once, also after an error: a transaction for each row would take twice as long."""
        self.run("BEGIN")
        try:
            yield
        finally:
            self.run("COMMIT")

    @contextmanager
    def together(self) -> Iterator[None]:
        """Let all changes in the block be one transaction."""
        self.run("BEGIN")
        try:
            yield
        except BaseException:
            self.run("ROLLBACK")
            raise
        self.run("COMMIT")

    def add_found(self, items: Iterable[Found]) -> None:
        """Add what was found in the source."""
        with self._at_once():
            for some in _pieces(items):
                files = [(f[0], *f[2:7]) for f in some if f[1] is _FILE and f[2]]
                self._add("found", "(?,'file',?,?,?,?,?,x'','',NULL)", files)
                others = (
                    # A kind itself would be asked what it may be turned into, which takes long.
                    (path, _VALUES[kind], size, *rest, EMPTY if kind is _FILE else None)
                    for path, kind, size, *rest in some
                    if kind is not _FILE or not size
                )
                self._add("found", "(?,?,?,?,?,?,?,?,?,?)", others)

    def add_run(self, entries: Iterable[Entry]) -> None:
        """Add entries of the index of a run. Raises ``ValueError`` for a path that comes twice."""
        query = """INSERT INTO run (path, kind, size, modified, mode, sha256, target, reason)
            VALUES (?,?,?,?,?,?,?,?)"""
        try:
            self.run_many(query, entries)
        except sqlite3.IntegrityError:
            raise ValueError("a path comes twice") from None

    def add_stored(self, objects: Iterable[tuple[bytes, int]]) -> None:
        """Add content that is stored: its hash, and its size."""
        with self._at_once():
            self._add("stored", "(?,?)", objects)

    def add_stored_from(self, database: str) -> None:
        """Add the contents that are listed in another database."""
        self.run("ATTACH ? AS listed", (database,))
        self.run("INSERT INTO main.stored SELECT * FROM listed.stored")
        self.run("DETACH listed")

    def _add(self, table: str, row: str, rows: Iterable[Sequence[object]]) -> None:
        """Add rows, written as ``row`` says, in place of those that are there.

        Many by one statement take half as long.
        """
        for some in _pieces(rows, _TOGETHER):
            query = f"INSERT OR REPLACE INTO {table} VALUES {','.join([row] * len(some))}"
            self.connection.execute(query, list(chain.from_iterable(some)))

    def leave_out(self, path: bytes, reason: str) -> None:
        """Note why something that was found cannot be stored."""
        self.run(
            "UPDATE found SET kind = ?, reason = ? WHERE path = ?", (Kind.LEFT_OUT, reason, path)
        )

    def entries(self) -> Iterator[Entry]:
        """Yield what is in the run that was read, in the order of paths."""
        rows = self.connection.execute(f"SELECT {_ENTRY} FROM run ORDER BY path")
        for path, kind, size, modified, mode, sha256, target, reason in rows:
            yield Entry(path, _KINDS[kind], size, modified, mode, sha256, target, reason)

    def lines(self) -> Iterator[bytes]:
        """Yield what was found as lines of an index, some at a time, in the order of paths."""
        rows = self.connection.execute(f"SELECT {_ENTRY} FROM found ORDER BY path")
        while some := rows.fetchmany(_PIECE):
            yield b"".join([to_line(*row) for row in some])


def _pieces(items: Iterable[_Item], size: int = _PIECE) -> Iterator[list[_Item]]:
    """Yield so many items at a time."""
    items = iter(items)
    while some := list(islice(items, size)):
        yield some
