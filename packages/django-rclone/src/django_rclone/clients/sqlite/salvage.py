"""What can be had of a file that cannot be restored: https://www.sqlite.org/recovery.html.

If the file is damaged, every object is made again in a new file, and every row that can be
read is copied into it.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from django.db.backends.base.base import BaseDatabaseWrapper

from ...backups.inventory import Inventory
from ...exceptions import ClientError
from .calls import interruptibly
from .checking import Findings, integrity_of, open_as_site
from .files import connect, connect_private
from .kinds import inventory_of
from .rows import has_rowid, insertable_columns, quoted

_ORDER = ("table", "virtual table", "index", "view", "trigger")
_PRAGMAS = ("page_size", "encoding", "auto_vacuum", "user_version", "application_id")
_FIRST, _LAST = -(2**63), 2**63 - 1
_TRIES = 100_000  # of each table


class FileSalvage:
    """A target of the relay: keeps the file, or what can be read of it, next to the live one."""

    def __init__(
        self, wrapper: BaseDatabaseWrapper, live: Path, path: Path, expected: Inventory | None
    ) -> None:
        """``path`` is a private file. Raises ``OSError`` when it cannot be created."""
        self._wrapper = wrapper
        self._path = path
        self._expected = expected
        self._place = Path(f"{live}.salvaged-{datetime.now(UTC):%Y%m%d%H%M%S}")
        self.place = str(self._place)
        self.missing: Sequence[str] = ()
        self._file = path.open("xb")

    def write(self, data: bytes) -> None:
        """Write more of the private file. Raises ``ClientError``."""
        try:
            self._file.write(data)
        except OSError as error:
            raise ClientError(f"Cannot write the salvaged file: {error}.") from error

    def close(self) -> None:
        """Close the private file."""
        with suppress(OSError):
            self._file.close()

    def finish(self) -> None:
        """Keep what can be read. Raises ``ClientError`` if that is nothing."""
        try:
            self._file.close()
            result, missing = self._path, []
            if self._findings().problems:
                result = self._path.with_name("rebuilt.sqlite3")
                missing = _rebuilt(self._path, result)
            if self._expected:
                missing += self._expected.differences(inventory_of(result))
            self.missing = missing
            result.rename(self._place)
        except (OSError, sqlite3.Error) as error:
            raise ClientError(f"Nothing of the backup can be read: {error}.") from error

    def _findings(self) -> Findings:
        try:
            with closing(open_as_site(self._wrapper, self._path)) as opened:
                return integrity_of(opened)
        except sqlite3.Error as error:
            return Findings(problems=[str(error)])


def _rebuilt(damaged: Path, path: Path) -> list[str]:
    """Make ``path`` of what can be read of ``damaged``; return what is missing, in sentences."""
    with closing(connect_private(path)) as new:
        # With it, SQLite opens a file that is shorter than its header says.
        new.execute("PRAGMA writable_schema = ON")
        with closing(connect(damaged, 0)) as old:
            old.execute("PRAGMA writable_schema = ON")
            for pragma in _PRAGMAS:
                [value] = old.execute(f"PRAGMA {pragma}").fetchone()
                new.execute(f"PRAGMA {pragma} = '{value}'")
        new.execute("PRAGMA ignore_check_constraints = ON")
        new.execute("ATTACH ? AS damaged", [f"{damaged.as_uri()}?mode=rw"])
        return interruptibly(new, lambda: list(_rebuild(new)))


def _rebuild(new: sqlite3.Connection) -> Iterator[str]:
    """Make all objects and copy all rows; yield a sentence about each thing that is missing."""
    objects: list[tuple[str, str, str]] = []
    try:
        objects.extend(_schema(new))
    except sqlite3.Error as error:
        yield f"The schema could not be read to its end: {error}."
    for kind, name, sql in sorted(objects, key=lambda one: _ORDER.index(one[0])):
        try:
            if kind == "virtual table":
                # Its content is in ordinary tables, which exist already.
                new.execute(
                    "INSERT INTO main.sqlite_master (type, name, tbl_name, rootpage, sql) "
                    "VALUES ('table', ?, ?, 0, ?)",
                    [name, name, sql],
                )
            elif name != "sqlite_sequence":
                new.execute(sql)
        except sqlite3.Error as error:
            yield f"The {kind} {name} could not be made: {error}."
            continue
        if kind == "table" and not _copy_table(new, name):
            yield f"Rows of table {name} could not be read."


def _schema(new: sqlite3.Connection) -> Iterator[tuple[str, str, str]]:
    """Yield kind, name and SQL of every object; those that come with a table are left out."""
    for kind, name, sql, root in new.execute(
        "SELECT type, name, sql, rootpage FROM damaged.sqlite_master ORDER BY rowid"
    ):
        if sql is not None and (not name.startswith("sqlite_") or name == "sqlite_sequence"):
            yield "virtual table" if kind == "table" and not root else kind, name, sql


def _copy_table(new: sqlite3.Connection, name: str) -> bool:
    """Copy the rows that can be read, and return whether those are all."""
    columns = insertable_columns(new, name)
    names = ", ".join(columns)
    if name == "sqlite_sequence":
        new.execute("DELETE FROM main.sqlite_sequence")
    table = quoted(name)
    copy = f"INSERT OR IGNORE INTO main.{table} ({names}) SELECT {names} FROM damaged.{table} NOT INDEXED"  # noqa: S608
    if _try(new, copy):
        return True
    if has_rowid(columns):
        _copy_ranges(new, f"{copy} WHERE {columns[0]} BETWEEN ? AND ?")
    else:
        _copy_beginning(new, f"{copy} LIMIT ?")
    return False


def _copy_ranges(new: sqlite3.Connection, copy: str) -> None:
    """Copy by ranges of the rowid; halve those that cannot be read whole."""
    ranges = [(_FIRST, _LAST)]
    tries = 0
    while ranges and tries < _TRIES:
        low, high = ranges.pop()
        tries += 1
        if not _try(new, copy, low, high) and low < high:
            middle = (low + high) // 2
            ranges += [(middle + 1, high), (low, middle)]


def _copy_beginning(new: sqlite3.Connection, copy: str) -> None:
    """Copy as many of the first rows as can be read."""
    count, step = 0, 1 << 40
    while step:
        if _try(new, copy, count + step):
            count += step
        step //= 2


def _try(new: sqlite3.Connection, statement: str, *parameters: int) -> bool:
    try:
        new.execute(statement, parameters)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            raise
        return False
    except sqlite3.Error:
        return False
    return True
