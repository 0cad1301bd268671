"""Writing all rows of a database down, as they were at one moment.

A dump is JSON, a value on each line: the header; for every table an object that
names its model, and an array for each of its rows; and a trailer that counts them.
"""

import json
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any

import django
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import Error

from ...exceptions import DumpError
from .errors import told
from .tables import Table

FORMAT_VERSION = 1
_CHUNK = 500  # rows fetched at once

_ONE_MOMENT = {
    "postgresql": "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
    "cockroachdb": "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE READ ONLY",
    "mysql": "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    "oracle": "SET TRANSACTION READ ONLY",
    "sqlite": "",
}
"""By vendor, what makes a transaction see nothing but the moment it began."""


def is_of_one_moment(vendor: str) -> bool:
    """Tell whether it is known how a dump of such a database is of one moment."""
    return vendor in _ONE_MOMENT


@contextmanager
def one_moment(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Let what is read within the block be of one moment, where that is possible."""
    own_transaction(connection)
    with transaction.atomic(using=connection.alias, durable=True):
        if statement := _ONE_MOMENT.get(connection.vendor):
            with connection.cursor() as cursor:
                cursor.execute(statement)
        use_utc(connection)
        yield


def own_transaction(connection: BaseDatabaseWrapper) -> None:
    """Connect anew, so that ``atomic()`` really begins and ends a transaction."""
    connection.close()
    connection.ensure_connection()
    connection.set_autocommit(True)


def use_utc(connection: BaseDatabaseWrapper) -> None:
    """Let times without a zone be in UTC, where no hour comes twice a year."""
    if connection.vendor == "postgresql" and connection.timezone is None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL TIME ZONE 'UTC'")


class Dump:
    """A source of the relay: the lines of a dump, written as they are asked for."""

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        tables: Sequence[Table],
        *,
        migrations: Sequence[str],
        left_out: Collection[str],
        line_limit: int,
    ) -> None:
        """``left_out`` holds labels whose rows are not wanted, ``line_limit`` counts bytes."""
        self._connection = connection
        self._tables = tables
        self._migrations = migrations
        self._left_out = left_out
        self._line_limit = line_limit
        self._lines = self._written()
        self._buffer = bytearray()
        self._is_whole = False

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes, and nothing at the end. Raises ``DumpError``."""
        while len(self._buffer) < size and (line := next(self._lines, b"")):
            self._buffer += line
        piece = bytes(self._buffer[:size])
        del self._buffer[:size]
        return piece

    def finish(self) -> None:
        """Raise ``DumpError`` unless all lines were read."""
        if self._buffer or not self._is_whole:
            raise DumpError("The dump was not read to its end.")

    def close(self) -> None:
        """Let go of what is being read."""
        # Of a broken connection, it is gone already.
        with suppress(Error):
            self._lines.close()

    def _written(self) -> Generator[bytes, None, None]:
        counts = {}
        yield _line(self._header())
        for table in self._tables:
            yield _line({"model": table.label})
            counts[table.label] = 0
            if table.label in self._left_out:
                continue
            with closing(self._rows(table)) as rows:
                for line in rows:
                    counts[table.label] += 1
                    yield line
        yield _line({"rows": counts})
        self._is_whole = True

    def _header(self) -> dict[str, Any]:
        return {
            "django_jsonl": FORMAT_VERSION,
            "django": django.get_version(),
            "vendor": self._connection.vendor,
            "migrations": list(self._migrations),
            "tables": [table.description for table in self._tables],
        }

    def _rows(self, table: Table) -> Generator[bytes, None, None]:
        number = 0
        try:
            for number, values in enumerate(table.values().iterator(_CHUNK), start=1):
                yield self._row(table, values, number)
        except Error as error:
            place = f"{table.label}, after row {number:,}"
            raise DumpError(f"{place}: the database cannot be read: {told(error)}.") from None
        finally:
            self._connection.queries_log.clear()

    def _row(self, table: Table, values: Sequence[Any], number: int) -> bytes:
        line = _line(list(_encoded(table, values, number)))
        if len(line) > self._line_limit:
            raise DumpError(
                f"{table.label}, row {number:,} takes {len(line):,} bytes, "
                f"more than the {self._line_limit:,} of the option line_limit.",
                hint="Raise line_limit in the OPTIONS of this database in CLIENTS.",
            )
        return line


def _encoded(table: Table, values: Sequence[Any], number: int) -> Iterator[Any]:
    for column, value in zip(table.columns, values, strict=True):
        try:
            yield column.encode(value)
        except (ValueError, TypeError, AttributeError) as error:
            # Not the error itself: it may quote the value.
            raise DumpError(
                f"{table.label}, row {number:,}: what column {column.name!r} holds "
                f"is no {column.kind.name} ({type(error).__name__}).",
                hint="A native client of the database would not mind.",
            ) from None


def _line(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode() + b"\n"
