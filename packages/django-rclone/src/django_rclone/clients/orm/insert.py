"""Inserting rows as they are, many at once, and setting the sequences of their keys.

No model is instantiated: no signal is sent, no ``save()`` runs, no ``auto_now`` changes
what was stored.
"""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from django.core.management.color import no_style
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import AutoField, Max
from django.db.models.sql import InsertQuery

from ...exceptions import ClientError
from .connection import describe
from .tables import Table

_ROWS = 500
_BYTES = 4 << 20


class RowInserter:
    """Inserts the rows of one table."""

    def __init__(self, table: Table, connection: BaseDatabaseWrapper) -> None:
        self.table = table
        self.count = 0
        self._connection = connection
        self._waiting: list[Any] = []
        self._size = 0

    def require_width(self, values: Sequence[Any]) -> None:
        """Raise ``ClientError`` unless the next row has a value for every column."""
        columns = self.table.columns
        if len(values) != len(columns):
            raise ClientError(
                f"{self.table.label}, row {self.count + 1:,} has {len(values):,} values "
                f"for {len(columns):,} columns."
            )

    def add(self, values: Sequence[Any], size: int) -> None:
        """Take a row as a dump has it, in ``size`` bytes. Raises ``ClientError``."""
        self.count += 1
        self._waiting.append(self._decoded(values))
        self._size += size
        if len(self._waiting) >= _ROWS or self._size >= _BYTES:
            self.flush()

    def flush(self) -> None:
        """Insert the rows that wait. Raises ``ClientError``."""
        rows, self._waiting, self._size = self._waiting, [], 0
        fields = [column.field for column in self.table.columns]
        first = self.count - len(rows)
        while rows:
            at_once = max(self._connection.ops.bulk_batch_size(fields, rows), 1)
            batch, rows = rows[:at_once], rows[at_once:]
            query = InsertQuery(self.table.model)
            query.insert_values(fields, batch, raw=True)
            try:
                query.get_compiler(using=self.table.alias).execute_sql()
            except Exception as error:  # noqa: BLE001 - fields and drivers raise what they like
                raise ClientError(
                    f"{self.table.label}, rows {first + 1:,} to {first + len(batch):,}: "
                    f"the database rejects one of them ({describe(error)})."
                ) from None
            first += len(batch)
        self._connection.queries_log.clear()

    def _decoded(self, values: Sequence[Any]) -> SimpleNamespace:
        row = SimpleNamespace()
        for column, value in zip(self.table.columns, values, strict=True):
            try:
                setattr(row, column.attname, column.codec.decode(value))
            except Exception:  # noqa: BLE001 - fields of the site raise what they like
                raise ClientError(
                    f"{self.table.label}, row {self.count:,}: the value of column "
                    f"{column.name!r} is not valid for {column.codec.name}."
                ) from None
        return row


def reset_sequences(connection: BaseDatabaseWrapper, tables: Sequence[Table]) -> None:
    """Let the next automatic key of each table be the one after its highest."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Django would call setval(), which a rollback does not undo.
            for table in tables:
                _restart_sequences(connection, cursor, table)
        else:
            models = [table.model for table in tables]
            for statement in connection.ops.sequence_reset_sql(no_style(), models):
                cursor.execute(statement)


def _restart_sequences(connection: BaseDatabaseWrapper, cursor: Any, table: Table) -> None:
    name = connection.ops.quote_name(table.model._meta.db_table)
    for field in table.model._meta.local_concrete_fields:
        if not isinstance(field, AutoField):
            continue
        highest = table.all_rows.aggregate(highest=Max(field.attname))["highest"] or 0
        limit = connection.ops.integer_field_range(field.get_internal_type())[1]
        following = min(max(highest, 0) + 1, limit)
        cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [name, field.column])
        if sequence := cursor.fetchone()[0]:
            cursor.execute(f"ALTER SEQUENCE {sequence} RESTART WITH {following}")
