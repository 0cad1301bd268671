"""Everything that a file of SQLite holds, by kind: https://www.sqlite.org/schematab.html."""

import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from ...backups.inventory import Inventory, Kind
from .calls import interruptibly
from .files import connect


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteKind(Kind):
    """A kind, and the query that finds its objects by name."""

    names: str = ""
    """Empty for what a file does not hold."""


def _schema(condition: str) -> str:
    return f"SELECT name FROM main.sqlite_master WHERE {condition}"  # noqa: S608


_TABLE = _schema("type = 'table' AND rootpage > 0")

KINDS = (
    SqliteKind(name="table", names=_TABLE),
    SqliteKind(
        name="virtual table",
        comes_back="exactly, its index as it is",
        names=_schema("type = 'table' AND coalesce(rootpage, 0) = 0"),
    ),
    SqliteKind(
        name="index",
        needs="its functions and collations, to be checked for damage",
        names=_schema("type = 'index'"),
    ),
    SqliteKind(name="view", names=_schema("type = 'view'")),
    SqliteKind(name="trigger", names=_schema("type = 'trigger'")),
    SqliteKind(
        name="setting",
        comes_back="exactly: user_version, application_id, encoding, auto_vacuum",
        names="SELECT 'user_version ' || user_version FROM pragma_user_version "
        "UNION ALL SELECT 'application_id ' || application_id FROM pragma_application_id "
        "UNION ALL SELECT 'encoding ' || encoding FROM pragma_encoding "
        "UNION ALL SELECT 'auto_vacuum ' || auto_vacuum FROM pragma_auto_vacuum",
    ),
    SqliteKind(
        name="page size",
        comes_back="exactly, but in a live file with a write-ahead log: it keeps its own",
    ),
    SqliteKind(name="journal mode", comes_back="the live file keeps its own"),
    SqliteKind(name="attached database", comes_back="not dumped", needs="an alias of its own"),
    SqliteKind(name="temporary object", comes_back="not dumped"),
)


def inventory_of(path: Path) -> Inventory:
    """Return what a private file holds; may be interrupted. Raises ``sqlite3.Error``.

    The rows of a table that cannot be counted without a collation of the site are left out.
    """
    with closing(connect(path, 0)) as connection:
        connection.text_factory = lambda text: text.decode("utf-8", "backslashreplace")
        return interruptibly(connection, lambda: _inventory(connection))


def _inventory(connection: sqlite3.Connection) -> Inventory:
    objects = {
        kind.name: frozenset(str(row[0]) for row in connection.execute(kind.names))
        for kind in KINDS
        if kind.names
    }
    rows = {}
    for name in objects["table"]:
        quoted = name.replace('"', '""')
        with suppress(sqlite3.OperationalError):
            [count] = connection.execute(f'SELECT count(*) FROM main."{quoted}"').fetchone()  # noqa: S608
            rows[name] = count
    return Inventory(objects, rows)
