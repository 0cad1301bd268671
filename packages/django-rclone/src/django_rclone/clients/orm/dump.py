"""Writing down all rows of a database, as they were at one moment."""

from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing, suppress
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import Error

from ...exceptions import ClientError
from .connection import translated_errors
from .format import header_of, to_line
from .tables import Table

_CHUNK = 500  # rows fetched at once


class Dump:
    """A source of the relay: the lines of a dump, written as they are asked for."""

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        tables: Sequence[Table],
        *,
        migrations: Sequence[str],
        excluded: Collection[str],
        line_limit: int,
    ) -> None:
        """``excluded`` holds labels of models to leave empty, ``line_limit`` is in bytes."""
        self._connection = connection
        self._tables = tables
        self._header = header_of(connection.vendor, migrations, tables)
        self._excluded = excluded
        self._line_limit = line_limit
        self._lines = self._written()
        self._buffer = bytearray()
        self._is_complete = False
        self.counts: dict[str, int] = {}
        """How many rows each table has in the dump, by its name, once it is complete."""

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes, and nothing at the end. Raises ``ClientError``."""
        while len(self._buffer) < size and (line := next(self._lines, b"")):
            self._buffer += line
        piece = bytes(self._buffer[:size])
        del self._buffer[:size]
        return piece

    def finish(self) -> None:
        """Raise ``ClientError`` unless all lines were read."""
        if self._buffer or not self._is_complete:
            raise ClientError("The dump was not read to its end.")

    def close(self) -> None:
        """Close the cursor that is being read."""
        # That of a broken connection is gone already.
        with suppress(Error):
            self._lines.close()

    def _written(self) -> Generator[bytes, None, None]:
        counts = {}
        yield to_line(self._header)
        for table in self._tables:
            yield to_line({"model": table.label})
            counts[table.label] = 0
            if table.label in self._excluded:
                continue
            with closing(self._rows(table)) as rows:
                for line in rows:
                    counts[table.label] += 1
                    yield line
        self.counts = {table.name: counts[table.label] for table in self._tables}
        yield to_line({"rows": counts})
        self._is_complete = True

    def _rows(self, table: Table) -> Generator[bytes, None, None]:
        for number, values in enumerate(encoded_rows(self._connection, table), start=1):
            line = to_line(values)
            if len(line) > self._line_limit:
                raise ClientError(
                    f"{table.label}, row {number:,} takes {len(line):,} bytes, "
                    f"more than the {self._line_limit:,} of the option line_limit.",
                    hint="Raise line_limit in the OPTIONS of this database in CLIENTS.",
                )
            yield line


def encoded_rows(
    connection: BaseDatabaseWrapper, table: Table
) -> Generator[list[str | None], None, None]:
    """Yield all rows of a table as a dump has them. Raises ``ClientError``."""
    try:
        with translated_errors(f"Cannot read all rows of {table.label}"):
            for number, values in enumerate(table.values().iterator(_CHUNK), start=1):
                yield list(_encoded(table, values, number))
    finally:
        connection.queries_log.clear()


def _encoded(table: Table, values: Sequence[Any], number: int) -> Iterator[str | None]:
    for column, value in zip(table.columns, values, strict=True):
        try:
            yield column.codec.encode(value)
        except Exception as error:  # noqa: BLE001 - fields raise what they like
            # Not the error itself: it may quote the value.
            raise ClientError(
                f"{table.label}, row {number:,}: column {column.name!r} holds a value "
                f"that is not valid for {column.codec.name} ({type(error).__name__}).",
                hint="Use a native client for this database if there is one.",
            ) from None
