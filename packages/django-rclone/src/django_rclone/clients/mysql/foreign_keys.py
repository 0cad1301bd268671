"""Foreign keys whose names the server shows without quoting the backticks in them.

Nothing can read such a line, so a dump has it as it should be.
"""

from collections.abc import Collection, Iterator, Sequence

from ...exceptions import ClientError
from .connection import MysqlSession, quote_name

# Characters of a name that are listed. Keys that are added without one get longer ones, which
# no server reads: https://mariadb.com/kb/en/identifier-names/
_LISTED = 64
_KEYS = """
SELECT table_name, constraint_name, column_name, referenced_column_name
FROM information_schema.key_column_usage
WHERE table_schema = %s AND referenced_table_name IS NOT NULL
ORDER BY table_name, constraint_name, ordinal_position
"""


def quoted_lines(
    session: MysqlSession, schema: str, excluded: Collection[str]
) -> Iterator[tuple[bytes, bytes]]:
    """Yield each line of the tables of a schema that is not quoted, and as it should be.

    Raises ``ClientError`` for a key that no dump could restore.
    """
    keys: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for table, key, column, referenced in session.rows(_KEYS, [schema]):
        if table not in excluded:
            keys.setdefault((table, key), []).append((column, referenced))
    for (table, key), columns in keys.items():
        has_backtick = any("`" in name for name in (key, *(n for pair in columns for n in pair)))
        if has_backtick or len(key) == _LISTED:
            query = f"SHOW CREATE TABLE {quote_name(schema)}.{quote_name(table)}"
            yield _line(str(session.rows(query)[0][1]), table, key, columns)


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
