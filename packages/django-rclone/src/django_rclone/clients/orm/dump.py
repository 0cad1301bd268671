"""Writing down all rows of a database, as they were at one moment."""

from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing, suppress
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import Error

from ...console import counted
from ...exceptions import ClientError
from .connection import translated_errors
from .format import header_of, to_line
from .tables import Table

_CHUNK = 500  # rows fetched at once
_NATIVE = "Correct the value, or use a native client for this database if there is one."


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
        nulls = [0] * len(table.columns)
        for number, values in enumerate(encoded_rows(self._connection, table), start=1):
            if None in values:
                nulls = [n + (value is None) for n, value in zip(nulls, values, strict=True)]
            line = to_line(values)
            if len(line) > self._line_limit:
                raise ClientError(
                    f"{table.label}, row {number:,} takes {len(line):,} bytes, "
                    f"more than the {self._line_limit:,} of the option line_limit.",
                    hint="Raise line_limit in the OPTIONS of this database in CLIENTS.",
                )
            yield line
        _require_no_more_nulls(table, nulls)


def _require_no_more_nulls(table: Table, found: Sequence[int]) -> None:
    """Raise ``ClientError`` if a column was null in more rows than the database says.

    Django and its drivers read some values as null, instead of failing: on SQLite a date that
    is a number, on MySQL one of zeros.
    """
    suspects = {column: n for column, n in zip(table.columns, found, strict=True) if n}
    with translated_errors(f"Cannot count the values of {table.label}"):
        there = table.nulls(suspects) if suspects else []
    for (column, nulls), known in zip(suspects.items(), there, strict=True):
        if nulls > known:
            raise ClientError(
                f"{table.label}: in {counted(nulls - known, 'row')} column {column.name!r} holds a "
                f"value that Django takes for none, since it is not valid for {column.codec.name}.",
                hint=_NATIVE,
            )


def encoded_rows(
    connection: BaseDatabaseWrapper, table: Table
) -> Generator[list[str | None], None, None]:
    """Yield all rows of a table as a dump has them. Raises ``ClientError``."""
    number, unreadable = 0, ""
    try:
        with translated_errors(f"Cannot read all rows of {table.label}"):
            for number, values in enumerate(table.values().iterator(_CHUNK), start=1):
                yield list(_encoded(table, values, number))
    except (ValueError, TypeError, ArithmeticError) as error:
        # What turns the values of the database into those of Python raises what it likes.
        unreadable = type(error).__name__
    finally:
        connection.queries_log.clear()
    # Not within the handler: an error that is kept would keep the cursor open.
    if unreadable:
        raise ClientError(
            f"{table.label}: after row {number:,} there is a value that Django cannot read "
            f"({unreadable}).",
            hint=_NATIVE,
        )


def _encoded(table: Table, values: Sequence[Any], number: int) -> Iterator[str | None]:
    for column, value in zip(table.columns, values, strict=True):
        try:
            yield column.codec.encode(value)
        except Exception as error:  # noqa: BLE001 - fields raise what they like
            # Not the error itself: it may quote the value.
            raise ClientError(
                f"{table.label}, row {number:,}: column {column.name!r} holds a value "
                f"that is not valid for {column.codec.name} ({type(error).__name__}).",
                hint=_NATIVE,
            ) from None
