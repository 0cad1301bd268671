"""Hashes that show whether two states of the site are the same, to the last byte."""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.backends.utils import CursorWrapper


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """Hashes of the site's content: the schema, each table, each file."""

    schema: str
    tables: dict[str, str]
    files: dict[str, str]
    row_count: int


def take_fingerprint() -> Fingerprint:
    """Read every row of every table, the schema, and every media file."""
    tables = {}
    row_count = 0
    with connection.cursor() as cursor:
        for table in table_names(cursor):
            rows = row_digests(cursor, table)
            tables[table] = digest(rows)
            row_count += len(rows)
        schema = digest(schema_lines(cursor))
    files = media_digests(Path(settings.MEDIA_ROOT))
    return Fingerprint(schema=schema, tables=tables, files=files, row_count=row_count)


def table_names(cursor: CursorWrapper) -> list[str]:
    """Return the names of all tables, including those without a model."""
    names = connection.introspection.table_names(cursor)
    if connection.vendor == "sqlite":
        # Django hides the table of the AUTOINCREMENT counters.
        names.append("sqlite_sequence")
    return sorted(names)


def row_digests(cursor: CursorWrapper, table: str) -> list[str]:
    """Return a hash of each row, sorted, since databases return rows in any order."""
    cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
    return sorted(digest(repr(plain(value)) for value in row) for row in cursor.fetchall())


def plain(value: object) -> object:
    """Unwrap a buffer: its ``repr`` is an address, not its content."""
    return bytes(value) if isinstance(value, memoryview) else value


def schema_lines(cursor: CursorWrapper) -> Iterable[str]:
    """Return the columns and constraints of each table; on SQLite the SQL of every object."""
    if connection.vendor == "sqlite":
        cursor.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name")
        return [repr(row) for row in cursor.fetchall()]
    introspection = connection.introspection
    return [
        line
        for table in table_names(cursor)
        for line in (
            table,
            *map(repr, introspection.get_table_description(cursor, table)),
            *map(repr, sorted(introspection.get_constraints(cursor, table).items())),
        )
    ]


def media_digests(root: Path) -> dict[str, str]:
    """Return a hash of each file below ``root``, by its relative path."""
    paths = sorted(Path(folder, name) for folder, _, names in os.walk(root) for name in names)
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths
    }


def digest(parts: Iterable[str]) -> str:
    """Return a hash of strings; their lengths keep ``ab, c`` apart from ``a, bc``."""
    result = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        result.update(len(encoded).to_bytes(8) + encoded)
    return result.hexdigest()
