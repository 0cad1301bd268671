"""Hashes that tell whether two states of the site are the same, to the last byte."""

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
    """What the site holds, as hashes: table by table, file by file."""

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
    """Name all tables, those without a model too."""
    names = connection.introspection.table_names(cursor)
    if connection.vendor == "sqlite":
        # Django hides the table that holds the counters of AUTOINCREMENT.
        names.append("sqlite_sequence")
    return sorted(names)


def row_digests(cursor: CursorWrapper, table: str) -> list[str]:
    """Hash each row. Sorting the hashes orders the rows alike on every database."""
    cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
    return sorted(digest(repr(plain(value)) for value in row) for row in cursor.fetchall())


def plain(value: object) -> object:
    """Unwrap a buffer: its ``repr`` is an address, not its content."""
    return bytes(value) if isinstance(value, memoryview) else value


def schema_lines(cursor: CursorWrapper) -> Iterable[str]:
    """Describe the columns and constraints of each table; on SQLite every object, as written."""
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
    """Hash the content of each file under ``root``, by name."""
    paths = sorted(Path(folder, name) for folder, _, names in os.walk(root) for name in names)
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths
    }


def digest(parts: Iterable[str]) -> str:
    """Hash a sequence of texts; their lengths keep ``ab, c`` apart from ``a, bc``."""
    result = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        result.update(len(encoded).to_bytes(8) + encoded)
    return result.hexdigest()
