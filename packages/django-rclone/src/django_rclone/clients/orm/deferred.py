"""Rows that refer to themselves, or to each other, on engines that check at once.

There, a reference is filled in when all rows are in their tables.
"""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from ...exceptions import RestoreError
from .columns import Column
from .tables import Table

_IN_MEMORY = 1 << 20  # bytes


def checks_late(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether foreign keys can wait until the end of a transaction."""
    by_engine = type(connection).disable_constraint_checking
    can_switch_off = by_engine is not BaseDatabaseWrapper.disable_constraint_checking
    return can_switch_off or connection.features.can_defer_constraint_checks


def hopeless(tables: Sequence[Table]) -> list[str]:
    """Return the labels of models that need rows which cannot be there before theirs."""
    return [
        table.label
        for number, table in enumerate(tables)
        if set(table.references(optional=False)) & {later.model for later in tables[number:]}
    ]


class Circles:
    """The references that must wait. They do so in a temporary file."""

    def __init__(self, connection: BaseDatabaseWrapper, tables: Sequence[Table]) -> None:
        self._connection = connection
        self._late: dict[str, tuple[Table, list[int]]] = {}
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - close() does
        if checks_late(connection):
            return
        for number, table in enumerate(tables):
            if columns := list(_late_columns(table, tables[number:])):
                self._late[table.label] = table, columns

    def close(self) -> None:
        """Forget what waits."""
        self._file.close()

    def open(self) -> None:
        """Let no live row refer in a circle, so that all can be deleted."""
        for table, numbers in self._late.values():
            table.all_rows.update(**{table.columns[number].attname: None for number in numbers})

    def hold(self, table: Table, values: list[Any]) -> list[Any]:
        """Return a row, as a dump has it, without the references that must wait."""
        if table.label not in self._late or len(values) != len(table.columns):
            return values
        values = [*values]
        key = [values[number] for number in _key(table)]
        for number in self._late[table.label][1]:
            if values[number] is not None:
                waiting = [table.label, number, values[number], key]
                self._write(waiting)
                values[number] = None
        return values

    def fill(self) -> None:
        """Fill in what waits. Raises anything for what a dump made here does not hold."""
        self._file.seek(0)
        with closing(self._connection.cursor()) as cursor:
            for line in self._file:
                label, number, value, key = json.loads(line)
                table, _ = self._late[label]
                column, found = table.columns[number], [table.columns[n] for n in _key(table)]
                cursor.execute(
                    self._update(table, column, found),
                    [
                        self._prepared(column, value)
                        for column, value in zip((column, *found), (value, *key), strict=True)
                    ],
                )

    def _write(self, waiting: Any) -> None:
        try:
            self._file.write(json.dumps(waiting).encode() + b"\n")
        except OSError as error:
            raise RestoreError(f"No temporary file can be written: {error}.") from error

    def _update(self, table: Table, column: Column, key: Sequence[Column]) -> str:
        quote = self._connection.ops.quote_name
        where = " AND ".join(f"{quote(one.name)} = %s" for one in key)
        name = quote(table.model._meta.db_table)
        return f"UPDATE {name} SET {quote(column.name)} = %s WHERE {where}"  # noqa: S608

    def _prepared(self, column: Column, value: Any) -> Any:
        return column.field.get_db_prep_save(column.decode(value), self._connection)


def _late_columns(table: Table, later: Sequence[Table]) -> Iterator[int]:
    models = {one.model for one in later}
    fields = {field.attname: field for field in table.model._meta.local_concrete_fields}
    for number, column in enumerate(table.columns):
        field: Any = fields[column.attname]
        if field.is_relation and field.null and field.related_model._meta.concrete_model in models:
            yield number


def _key(table: Table) -> list[int]:
    names = {field.attname for field in table.model._meta.pk_fields}
    return [number for number, column in enumerate(table.columns) if column.attname in names]
