"""The rows of a table as they are stored: which columns, and by which name the rowid is known."""

import sqlite3
from contextlib import suppress


def quoted(name: str) -> str:
    """Return a name as it stands in a statement."""
    return '"' + name.replace('"', '""') + '"'


def stored_columns(connection: sqlite3.Connection, table: str) -> list[str]:
    """Return the quoted columns of a table in ``main``, with the rowid first if it has a name.

    Columns that are computed are left out, if they are not stored.
    """
    found = [
        (_text(name), hidden)
        for name, hidden in connection.execute(
            "SELECT name, hidden FROM pragma_table_xinfo(?, 'main')", [table]
        )
    ]
    columns = [quoted(name) for name, hidden in found if hidden in (0, 3)]
    taken = {name.lower() for name, _ in found}
    for name in ("rowid", "_rowid_", "oid"):
        if name not in taken:
            with suppress(sqlite3.OperationalError):  # a table WITHOUT ROWID
                connection.execute(f"SELECT {name} FROM main.{quoted(table)} LIMIT 0")  # noqa: S608
                return [name, *columns]
    return columns


def insertable_columns(connection: sqlite3.Connection, table: str) -> list[str]:
    """Return those of ``stored_columns()`` that are not computed."""
    computed = {
        quoted(_text(name))
        for (name,) in connection.execute(
            "SELECT name FROM pragma_table_xinfo(?, 'main') WHERE hidden IN (2, 3)", [table]
        )
    }
    return [name for name in stored_columns(connection, table) if name not in computed]


def has_rowid(columns: list[str]) -> bool:
    """Return whether the first of the ``stored_columns()`` is the rowid."""
    return not columns[0].startswith('"')


def _text(name: str | bytes) -> str:
    return name if isinstance(name, str) else name.decode("utf-8", "replace")
