"""Foreign keys: whether they hold, and those whose names the server shows without quoting.

Nothing can read a line with such a name, so a dump has it as it should be.
"""

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from ...exceptions import ClientError
from .connection import MysqlSession, quote_name

# Characters of a name that are listed. Keys that are added without one get longer ones, which
# no server reads: https://mariadb.com/kb/en/identifier-names/
_LISTED = 64
_KEYS = """
SELECT table_name, constraint_name, column_name, referenced_column_name,
    referenced_table_schema, referenced_table_name
FROM information_schema.key_column_usage
WHERE table_schema = %s AND referenced_table_name IS NOT NULL
ORDER BY table_name, constraint_name, ordinal_position
"""


def broken_foreign_keys(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the tables with rows that refer to nothing. Raises Django's ``Error``.

    Django's own check asks the server twice about each table, which takes longer than to
    restore it, and passes over keys of several columns and tables without a primary key.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT database()")
        cursor.execute(_KEYS, cursor.fetchone())
        keys = groupby(cursor.fetchall(), key=lambda row: (row[0], row[1]))
        tables = {table for (table, _), key in keys if not _holds(cursor, [*key])}
    return sorted(tables)


def _holds(cursor: CursorWrapper, key: Sequence[tuple[str, ...]]) -> bool:
    table, *_, schema, parent = key[0]
    pairs = [(f"child.{quote_name(row[2])}", f"parent.{quote_name(row[3])}") for row in key]
    complete = " AND ".join(f"{own} IS NOT NULL" for own, _ in pairs)
    equal = " AND ".join(f"{there} = {own}" for own, there in pairs)
    cursor.execute(
        f"SELECT 1 FROM {quote_name(table)} AS child WHERE {complete} AND NOT EXISTS ("  # noqa: S608
        f"SELECT 1 FROM {quote_name(schema)}.{quote_name(parent)} AS parent WHERE {equal}) LIMIT 1"
    )
    return cursor.fetchone() is None


def quoted_lines(
    session: MysqlSession, schema: str, excluded: Collection[str]
) -> Iterator[tuple[bytes, bytes]]:
    """Yield each line of the tables of a schema that is not quoted, and as it should be.

    Raises ``ClientError`` for a key that no dump could restore.
    """
    keys: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for table, key, column, referenced, *_ in session.rows(_KEYS, [schema]):
        if table not in excluded:
            keys.setdefault((table, key), []).append((column, referenced))
    for (table, key), columns in keys.items():
        has_backtick = any("`" in name for name in (key, *(n for pair in columns for n in pair)))
        if has_backtick or len(key) == _LISTED:
            yield _line(session.shown_table(schema, table), table, key, columns)


def _line(
    shown: str, table: str, key: str, columns: Sequence[tuple[str, str]]
) -> tuple[bytes, bytes]:
    own, referenced = zip(*columns, strict=True)
    head = f"  CONSTRAINT `{key}` FOREIGN KEY ({_unquoted(own)}) REFERENCES "
    tail = f" ({_unquoted(referenced)})"
    _, found, after = shown.partition(f"\n{head}")
    name, there, rest = after.partition(tail)
    if not found or not there:
        reason = "is too long" if len(key) == _LISTED else "cannot be read"
        raise ClientError(
            f"The foreign key {key} of {table} could not be restored: its name {reason}.",
            hint="Add the same foreign key under a short name of your own, then remove this one.",
        )
    rules = rest.partition("\n")[0]
    new = f"  CONSTRAINT {quote_name(key)} FOREIGN KEY ({_quoted(own)}) REFERENCES {name} "
    new += f"({_quoted(referenced)}){rules}"
    return f"{head}{name}{tail}{rules}".encode(), new.encode()


def _unquoted(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(map(quote_name, names))
