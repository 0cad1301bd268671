"""References in circles, or between rows of one table, where foreign keys are checked at once.

There they are inserted empty, and filled in when all rows are in their tables.
"""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from ...exceptions import ClientError
from .columns import Column
from .tables import Table

_IN_MEMORY = 1 << 20  # bytes


def can_defer_constraints(connection: BaseDatabaseWrapper) -> bool:
    """Return whether foreign keys can wait until the end of a transaction, or be switched off."""
    by_engine = type(connection).disable_constraint_checking
    can_switch_off = by_engine is not BaseDatabaseWrapper.disable_constraint_checking
    return can_switch_off or connection.features.can_defer_constraint_checks


def unsatisfiable_models(tables: Sequence[Table]) -> list[str]:
    """Return the labels of models whose rows need others that can only be inserted later."""
    return [
        table.label
        for number, table in enumerate(tables)
        if set(table.references(optional=False)) & {later.model for later in tables[number:]}
    ]


class DeferredReferences:
    """The references that must wait. They do so in a temporary file."""

    def __init__(self, connection: BaseDatabaseWrapper, tables: Sequence[Table]) -> None:
        self._connection = connection
        self._deferred: dict[str, tuple[Table, list[int]]] = {}
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - close() does
        if not can_defer_constraints(connection):
            for number, table in enumerate(tables):
                if columns := list(_circular_columns(table, tables[number:])):
                    self._deferred[table.label] = table, columns

    def close(self) -> None:
        """Delete the temporary file."""
        self._file.close()

    def clear(self) -> None:
        """Empty these references in the live rows, so that all rows can be deleted."""
        for table, numbers in self._deferred.values():
            table.all_rows.update(**{table.columns[number].attname: None for number in numbers})

    def defer(self, table: Table, values: list[Any]) -> list[Any]:
        """Return a row as a dump has it, without the references that must wait.

        Raises ``ClientError`` when the temporary file cannot be written.
        """
        if table.label not in self._deferred or len(values) != len(table.columns):
            return values
        values = [*values]
        key = [values[number] for number in _key(table)]
        for number in self._deferred[table.label][1]:
            if values[number] is not None:
                self._write([table.label, number, values[number], key])
                values[number] = None
        return values

    def apply(self) -> None:
        """Fill in the references. Raises any error for what no dump holds."""
        self._file.seek(0)
        with closing(self._connection.cursor()) as cursor:
            for line in self._file:
                label, number, value, key = json.loads(line)
                table, _ = self._deferred[label]
                columns = [table.columns[n] for n in (number, *_key(table))]
                parameters = [
                    column.field.get_db_prep_save(column.codec.decode(text), self._connection)
                    for column, text in zip(columns, (value, *key), strict=True)
                ]
                cursor.execute(self._update(table, *columns), parameters)

    def _write(self, waiting: Any) -> None:
        try:
            self._file.write(json.dumps(waiting).encode() + b"\n")
        except OSError as error:
            raise ClientError(f"Cannot write a temporary file: {error}.") from error

    def _update(self, table: Table, column: Column, *key: Column) -> str:
        quote = self._connection.ops.quote_name
        where = " AND ".join(f"{quote(one.name)} = %s" for one in key)
        name = quote(table.model._meta.db_table)
        return f"UPDATE {name} SET {quote(column.name)} = %s WHERE {where}"  # noqa: S608


def _circular_columns(table: Table, later: Sequence[Table]) -> Iterator[int]:
    models = {one.model for one in later}
    fields = {field.attname: field for field in table.model._meta.local_concrete_fields}
    for number, column in enumerate(table.columns):
        field: Any = fields[column.attname]
        if field.is_relation and field.null and field.related_model._meta.concrete_model in models:
            yield number


def _key(table: Table) -> list[int]:
    names = {field.attname for field in table.model._meta.pk_fields}
    return [number for number, column in enumerate(table.columns) if column.attname in names]
