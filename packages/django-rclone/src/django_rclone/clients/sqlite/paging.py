"""A file with pages of another size, and nothing else changed.

SQLite cannot change the page size of a database with a write-ahead log, so that what is to
be copied into it is brought to that size first. VACUUM is documented to change the rowids of
tables without an INTEGER PRIMARY KEY. VACUUM INTO does not, but that is not documented: so
everything is compared.
"""

import secrets
import sqlite3
from contextlib import closing
from itertools import zip_longest
from pathlib import Path

from django.db.backends.base.base import BaseDatabaseWrapper

from ...exceptions import ClientError
from .calls import interruptibly
from .checking import FILE, open_as_site
from .files import connect
from .rows import quoted, stored_columns

_HINT = (
    "Stop everything that uses the database, run `PRAGMA journal_mode = DELETE` in it, "
    "restore again, and switch the journal mode back."
)
_PRAGMAS = ("encoding", "user_version", "application_id", "auto_vacuum")


def page_size_of(path: Path) -> int:
    """Return the size of the pages of a file. Raises ``sqlite3.Error``."""
    with closing(connect(path, 0)) as connection:
        return int(connection.execute("PRAGMA page_size").fetchone()[0])


def change_page_size(wrapper: BaseDatabaseWrapper, path: Path, size: int) -> None:
    """Give a private file another page size, and prove that it holds the same.

    May be interrupted. Raises ``ClientError`` if it would not, ``sqlite3.Error`` or ``OSError``.
    """
    converted = path.with_name("converted.sqlite3")
    try:
        with closing(open_as_site(wrapper, path)) as opened:
            opened.execute(f"PRAGMA {FILE}.page_size = {size:d}")
            interruptibly(opened, lambda: opened.execute(f"VACUUM {FILE} INTO ?", [str(converted)]))
        with closing(connect(converted, 0)) as opened:
            opened.execute("ATTACH ? AS original", [f"{path.as_uri()}?mode=rw"])
            _restore_counters(opened)
            _restore_order(opened)
            difference = interruptibly(opened, lambda: _difference(opened))
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_ERROR:
            raise
        raise ClientError(_refusal(str(error)), hint=_HINT) from None
    if difference or page_size_of(converted) != size:
        raise ClientError(_refusal(f"{difference or 'the page size'} would change"), hint=_HINT)
    converted.replace(path)


def _refusal(reason: str) -> str:
    return (
        "The live database has a write-ahead log and pages of another size than the backup, "
        f"which cannot be converted without loss: {reason}."
    )


def _restore_counters(connection: sqlite3.Connection) -> None:
    """Make ``sqlite_sequence``, which VACUUM leaves out where nothing counts with it any more.

    SQLite makes it for the first table with AUTOINCREMENT, and lets nobody else.
    """
    query = "SELECT count(*) FROM {}.sqlite_master WHERE name = 'sqlite_sequence'"
    there, here = (
        connection.execute(query.format(name)).fetchone() for name in ("original", "main")
    )
    if there > here:
        name = quoted(f"django_rclone_{secrets.token_hex(8)}")
        connection.execute(f"CREATE TABLE main.{name} (id INTEGER PRIMARY KEY AUTOINCREMENT)")
        connection.execute(f"DROP TABLE main.{name}")


def _restore_order(connection: sqlite3.Connection) -> None:
    """Let the schema be in its old order, in which triggers run and tools print it."""
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("BEGIN")
    connection.execute("UPDATE main.sqlite_master SET rowid = rowid + (1 << 40)")
    connection.execute(
        "UPDATE main.sqlite_master AS one SET rowid = (SELECT rowid FROM original.sqlite_master "
        "AS other WHERE (one.type, one.name) = (other.type, other.name))"
    )
    connection.execute("COMMIT")
    connection.execute("PRAGMA writable_schema = OFF")


def _difference(connection: sqlite3.Connection) -> str | None:
    """Return what differs between ``main`` and ``original``."""
    # So that text and blobs differ, and text need not be valid.
    connection.text_factory = bytearray
    schema = "SELECT rowid, type, name, tbl_name, sql FROM", "sqlite_master ORDER BY rowid"
    if not _are_equal(connection, *schema):
        return "the schema"
    for pragma in _PRAGMAS:
        if not _are_equal(connection, "PRAGMA", pragma):
            return pragma
    tables = connection.execute(
        "SELECT name FROM main.sqlite_master WHERE type = 'table' AND rootpage > 0"
    ).fetchall()
    for (raw,) in tables:
        name = raw.decode("utf-8", "replace")
        columns = ", ".join(stored_columns(connection, name))
        if not _are_equal(connection, f"SELECT {columns} FROM", f"{quoted(name)} NOT INDEXED"):
            return f"table {name}"
    return None


def _are_equal(connection: sqlite3.Connection, before: str, after: str) -> bool:
    """Return whether a query has the same result for both: the schema stands between its parts."""
    here, there = (connection.execute(f"{before} {name}.{after}") for name in ("main", "original"))
    return all(_exact(one) == _exact(other) for one, other in zip_longest(here, there))


def _exact(row: tuple[object, ...] | None) -> object:
    # 1 equals 1.0, and text is bytes here, as blobs are: the types count too.
    return row and [(type(value), value) for value in row]
