"""Telling whether two databases hold the same rows."""

import hashlib
from collections.abc import Iterable

from django.db.backends.base.base import BaseDatabaseWrapper


def hash_rows(connection: BaseDatabaseWrapper) -> str:
    """Return a line for every table: its name, how many rows it has, and a hash of them all.

    Rows are compared by what the driver returns, in whatever order they come.
    """
    with connection.cursor() as cursor:
        tables = sorted(connection.introspection.table_names(cursor))
        lines = []
        for table in tables:
            cursor.execute(f"SELECT * FROM {_quoted(connection, table)}")  # noqa: S608
            count, digest = _hashed(cursor)
            lines.append(f"{table}: {count} rows, {digest}")
    return "\n".join(lines)


def _quoted(connection: BaseDatabaseWrapper, name: str) -> str:
    # Django's quote_name() takes no name that holds the quoting character itself.
    opening, closing = connection.ops.quote_name("x").split("x")
    return f"{opening}{name.replace(closing, closing * 2)}{closing}"


def _hashed(rows: Iterable[tuple[object, ...]]) -> tuple[int, str]:
    hashes = sorted(hashlib.sha256(repr(_plain(row)).encode()).digest() for row in rows)
    return len(hashes), hashlib.sha256(b"".join(hashes)).hexdigest()


def _plain(row: Iterable[object]) -> list[object]:
    return [bytes(value) if isinstance(value, memoryview) else value for value in row]
