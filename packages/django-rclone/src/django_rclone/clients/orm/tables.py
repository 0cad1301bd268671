"""Which tables a dump holds, and in what order.

Every table that has a model in this database, according to the routers: each with its own
columns, also where models inherit. And Django's table of migrations.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.apps import apps
from django.db import router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Count, Model, QuerySet

from .columns import Column, columns_of

_WITNESSES = 5  # rows of each table


@dataclass(frozen=True)
class Table:
    """A table and its model."""

    model: type[Model]
    columns: tuple[Column, ...]
    alias: str

    @property
    def label(self) -> str:
        """Such as ``"shop.Order"``."""
        return self.model._meta.label

    @property
    def name(self) -> str:
        """The name of the table in the database."""
        return str(self.model._meta.db_table)

    @property
    def description(self) -> dict[str, Any]:
        """What a dump says about it. A table with another description is another table."""
        columns = [[column.name, column.codec.name] for column in self.columns]
        return {"model": self.label, "table": self.model._meta.db_table, "columns": columns}

    @cached_property
    def all_rows(self) -> "QuerySet[Any, Any]":
        """Every row, whatever the managers of the model hide."""
        return QuerySet(self.model, using=self.alias)

    def values(self) -> "QuerySet[Any, Any]":
        """Return the values of all columns, in the order of the primary key."""
        key = [field.attname for field in self.model._meta.pk_fields]
        sources = [column.source for column in self.columns]
        return self.all_rows.order_by(*key).values_list(*sources)

    def nulls(self, columns: Collection[Column]) -> list[int]:
        """Return in how many rows each of some columns is null, as the database sees it."""
        counts = {f"count{n}": Count(column.attname) for n, column in enumerate(columns)}
        found = self.all_rows.aggregate(total=Count("*"), **counts)
        return [found["total"] - found[name] for name in counts]

    def evidence(self) -> "tuple[int, list[str]]":
        """Return how many rows there are and how the last ones look, to compare it later."""
        try:
            rows = [
                repr([bytes(one) if isinstance(one, memoryview) else one for one in row])
                for row in self.values().reverse()[:_WITNESSES]
            ]
        except (ValueError, TypeError, ArithmeticError):
            rows = []  # a row that a restore is about to replace may hold anything
        return self.all_rows.count(), rows

    def references(self, *, optional: bool = True) -> Iterator[type[Model]]:
        """Yield the models that rows refer to; without ``optional``, those that every row needs."""
        for field in self.model._meta.local_concrete_fields:
            if not field.is_relation or (field.null and not optional):
                continue
            if getattr(field, "db_constraint", True):
                related: Any = field.related_model
                yield related._meta.concrete_model


def tables_of(connection: BaseDatabaseWrapper) -> list[Table]:
    """Return all tables, so that no row is inserted before those it refers to.

    Unmanaged models count if they have a table of their own, not a view.
    """
    models: dict[str, type[Model]] = {}
    for model in sorted(_models(connection), key=lambda one: not one._meta.managed):
        models.setdefault(model._meta.db_table, model)
    tables = [
        Table(model, tuple(columns_of(model, connection)), connection.alias)
        for model in sorted(models.values(), key=lambda one: one._meta.label)
    ]
    return list(_ordered(tables))


def tables_without_model(connection: BaseDatabaseWrapper, tables: Collection[Table]) -> list[str]:
    """Return the names of tables without a model."""
    convert = connection.introspection.identifier_converter
    known = {convert(table.model._meta.db_table) for table in tables}
    return sorted(name for name in _names(connection) if convert(name) not in known)


def _models(connection: BaseDatabaseWrapper) -> Iterator[type[Model]]:
    convert = connection.introspection.identifier_converter
    names = {convert(name) for name in _names(connection)}
    for config in apps.get_app_configs():
        for model in router.get_migratable_models(
            config, connection.alias, include_auto_created=True
        ):
            meta = model._meta
            is_there = convert(meta.db_table) in names
            if meta.can_migrate(connection) or (not (meta.managed or meta.proxy) and is_there):
                yield model
    recorder = MigrationRecorder(connection)
    if recorder.has_table():
        yield recorder.Migration


def _names(connection: BaseDatabaseWrapper) -> set[str]:
    with connection.cursor() as cursor:
        found = connection.introspection.get_table_list(cursor)
    return {table.name for table in found if table.type == "t"}


def _ordered(tables: Iterable[Table]) -> Iterator[Table]:
    """Yield tables after those they refer to; circles are broken at references that may be empty."""
    waiting = {table.model: table for table in tables}
    while waiting:
        following = _first(waiting, optional=True) or _first(waiting, optional=False)
        yield waiting.pop(following or next(iter(waiting)))


def _first(waiting: Mapping[type[Model], Table], *, optional: bool) -> type[Model] | None:
    """Return a model that refers to no waiting one, or only by references that may be empty."""
    for model, table in waiting.items():
        others = set(table.references(optional=optional)) - {model}
        if others.isdisjoint(waiting):
            return model
    return None
