"""Putting rows into a table, many at once and as they are.

No model is made of them: no signal is sent, no ``save()`` runs, no ``auto_now``
changes what was stored.
"""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.sql import InsertQuery

from ...exceptions import RestoreError
from .errors import told
from .tables import Table

_ROWS = 500
_BYTES = 4 << 20


class Rows:
    """The rows of one table, on their way into it."""

    def __init__(self, table: Table, connection: BaseDatabaseWrapper) -> None:
        self.table = table
        self.count = 0
        self._connection = connection
        self._waiting: list[Any] = []
        self._size = 0

    def add(self, values: Sequence[Any], size: int) -> None:
        """Take a row, as a dump has it in ``size`` bytes. Raises ``RestoreError``."""
        self.count += 1
        self._waiting.append(self._decoded(values))
        self._size += size
        if len(self._waiting) >= _ROWS or self._size >= _BYTES:
            self.flush()

    def flush(self) -> None:
        """Insert what waits. Raises ``RestoreError``."""
        rows, self._waiting, self._size = self._waiting, [], 0
        if not rows:
            return
        fields = [column.field for column in self.table.columns]
        at_once = max(self._connection.ops.bulk_batch_size(fields, rows), 1)
        first = self.count - len(rows)
        for start in range(0, len(rows), at_once):
            batch = rows[start : start + at_once]
            query = InsertQuery(self.table.model)
            query.insert_values(fields, batch, raw=True)
            try:
                query.get_compiler(using=self.table.alias).execute_sql()
            except Exception as error:  # noqa: BLE001 - fields and drivers raise what they like
                last = first + start + len(batch)
                raise RestoreError(
                    f"{self.table.label}, rows {first + start + 1:,} to {last:,}: "
                    f"the database refuses one of them ({told(error)})."
                ) from None
        self._connection.queries_log.clear()

    def _decoded(self, values: Sequence[Any]) -> SimpleNamespace:
        columns = self.table.columns
        if len(values) != len(columns):
            raise RestoreError(
                f"{self.table.label}, row {self.count:,} has {len(values):,} values "
                f"for {len(columns):,} columns."
            )
        row = SimpleNamespace()
        for column, value in zip(columns, values, strict=True):
            try:
                setattr(row, column.attname, column.decode(value))
            except Exception:  # noqa: BLE001 - fields of the site raise what they like
                raise RestoreError(
                    f"{self.table.label}, row {self.count:,}: the value of column "
                    f"{column.name!r} is no {column.kind.name}."
                ) from None
        return row
