"""How the columns of a model are read, written down, and read back: exactly as they were.

Django's own fields convert what the drivers return. A field of the site's own that
only dresses up one of Django's (encrypts, compresses, wraps) is read and written as
the one below it: its column is copied as it is, and no key is needed for that.
"""

import json
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import ExpressionWrapper, F, Field, Model, TextField

from .values import FIELDS, JSON, Kind, by_string, kind_of


@dataclass(frozen=True, slots=True)
class Column:
    """A column: where its values come from, what kind they are, where they go."""

    name: str
    attname: str
    kind: Kind
    source: "str | ExpressionWrapper[Any]"
    """What ``values_list()`` selects."""
    field: "Field[Any, Any]"
    """What an insert takes the value through."""

    def encode(self, value: Any) -> Any:
        """Return a value as JSON has it. Raises ``ValueError`` or ``TypeError``."""
        return None if value is None else self.kind.encode(value)

    def decode(self, value: Any) -> Any:
        """Return what ``encode()`` was given. Raises anything for what it never returned."""
        return None if value is None else self.kind.decode(value)


def columns_of(model: type[Model], connection: BaseDatabaseWrapper) -> Iterator[Column]:
    """Yield the columns of a model's own table, but for those that the database computes."""
    for field in model._meta.local_concrete_fields:
        if not field.generated:
            yield _column(field, connection)


def _column(field: "Field[Any, Any]", connection: BaseDatabaseWrapper) -> Column:
    source: str | ExpressionWrapper[Any] = field.attname
    target = written = _target(field)
    if (plain := _plain(target, connection)) is not target:
        source = ExpressionWrapper(F(field.attname), output_field=plain)
        target, written = plain, _standing_in(plain, field)
    elif target is not field:
        written = field
    aware = connection.timezone is not None
    kind = kind_of(target, aware=aware) if _is_of_django(target) else by_string(target)
    if kind is JSON:
        # As text: parsing would round numbers, and take the null of JSON for that of SQL.
        source = ExpressionWrapper(F(field.attname), output_field=TextField())
        written = _standing_in(target, field)
        written.encoder = _Verbatim
    return Column(str(field.column), field.attname, kind, source, written)


def _is_of_django(field: Any) -> bool:
    return type(field).__module__.startswith("django.")


def _target(field: Any) -> Any:
    """Return the field whose values a foreign key holds, in the end."""
    while field.is_relation:
        field = field.target_field
    return field


def _plain(field: Any, connection: BaseDatabaseWrapper) -> Any:
    """Return one of Django's own fields that makes the same column, or the field itself."""
    name = field.get_internal_type()
    if _is_of_django(field) or name not in FIELDS:
        return field
    plain = getattr(models, name)()
    plain.__dict__.update(field.__dict__)
    return plain if plain.db_type(connection) == field.db_type(connection) else field


def _standing_in(field: Any, place: "Field[Any, Any]") -> Any:
    """Return a copy of ``field`` that is written to the column of ``place``."""
    written = copy(field)
    written.name, written.attname, written.column = place.name, place.attname, place.column
    return written


class _Verbatim(json.JSONEncoder):
    """Takes JSON, and leaves it as it is."""

    def encode(self, o: str) -> str:
        return o
