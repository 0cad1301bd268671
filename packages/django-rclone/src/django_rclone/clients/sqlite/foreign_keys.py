"""Whether foreign keys hold: https://www.sqlite.org/pragma.html#pragma_foreign_key_check.

The check of SQLite looks up each row's key somewhere in the other table. A query that reads
an index of the keys, in their order, proves the same of most tables in a fifth of the time.
"""

from itertools import groupby

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.utils import Error

from .rows import quoted

_TABLES = """
SELECT DISTINCT m.name FROM main.sqlite_master m, pragma_foreign_key_list(m.name) WHERE m.type = 'table'
"""
# A key may name a table alone: then it refers to its primary key.
_KEYS = """
SELECT k.id, k."table", k."from", coalesce(k."to", p.name) FROM pragma_foreign_key_list(%s) k
LEFT JOIN pragma_table_info(k."table") p ON k."to" IS NULL AND p.pk = k.seq + 1 ORDER BY k.id, k.seq
"""


def broken_foreign_keys(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the tables of ``main`` with rows that refer to nothing. Raises Django's ``Error``."""
    with connection.cursor() as cursor:
        tables = [name for (name,) in cursor.execute(_TABLES).fetchall()]
        return [table for table in tables if not _hold(cursor, table)]


def _hold(cursor: CursorWrapper, table: str) -> bool:
    check = f"PRAGMA main.foreign_key_check({quoted(table)})"
    cursor.execute(f"EXPLAIN {check}")  # it fails for keys to what has no index
    cursor.execute(_KEYS, [table])
    keys = [list(rows) for _, rows in groupby(cursor.fetchall(), key=lambda row: row[0])]
    if all(_is_proven(cursor, table, [row[1:] for row in key]) for key in keys):
        return True
    return cursor.execute(check).fetchone() is None


def _is_proven(cursor: CursorWrapper, table: str, key: list[tuple[str, str, str | None]]) -> bool:
    """Return whether for each row there is one with the same values, of the same types.

    They are compared as those of the other table are. Values that only the conversions of
    SQLite make equal are left to its own check.
    """
    pairs = [(f"child.{quoted(own)}", f"parent.{quoted(other)}") for _, own, other in key if other]
    if len(pairs) < len(key):
        return False  # there is no such table, or it has no primary key
    complete = " AND ".join(f"{own} IS NOT NULL" for own, _ in pairs)
    equal = " AND ".join(
        f"{there} = {own} AND typeof({there}) = typeof({own})" for own, there in pairs
    )
    parent = quoted(key[0][0])
    try:
        cursor.execute(
            f"SELECT 1 FROM main.{quoted(table)} AS child WHERE {complete} AND NOT EXISTS ("  # noqa: S608
            f"SELECT 1 FROM main.{parent} AS parent WHERE {equal}) LIMIT 1"
        )
    except Error:
        return False
    return cursor.fetchone() is None
