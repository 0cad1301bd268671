"""How the columns of a model are read, and where their values are written.

Django's own fields convert what the drivers return. A field of the site's own that is built
on one of Django's (encrypts, compresses, wraps) is read and written as that one: its column
is copied as it is, and no key is needed for that.
"""

import json
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import ExpressionWrapper, F, Field, JSONField, Model, TextField

from .values import ValueCodec, is_django_field


@dataclass(frozen=True, slots=True)
class Column:
    """A column: where its values come from, how they are written, where they go."""

    name: str
    attname: str
    codec: ValueCodec
    source: "str | ExpressionWrapper[Any]"
    """What ``values_list()`` selects."""
    field: "Field[Any, Any]"
    """What an insert takes the value through."""


def columns_of(model: type[Model], connection: BaseDatabaseWrapper) -> Iterator[Column]:
    """Yield the columns of a model's own table, but for those that the database computes."""
    for field in model._meta.local_concrete_fields:
        if not field.generated:
            yield _column(field, connection)


def _column(field: Any, connection: BaseDatabaseWrapper) -> Column:
    target = value_field = field
    while value_field.is_relation:
        value_field = value_field.target_field
    source: str | ExpressionWrapper[Any] = field.attname
    if (plain := _django_field(value_field, connection)) is not value_field:
        value_field = target = _clone_for_column(plain, field)
        source = ExpressionWrapper(F(field.attname), output_field=plain)
    aware = connection.timezone is not None
    codec = ValueCodec(value_field, aware=aware)
    if isinstance(value_field, JSONField) and is_django_field(value_field):
        # As text: parsing would round numbers, and take the null of JSON for that of SQL.
        target = _clone_for_column(value_field, field)
        target.encoder = _RawJSONEncoder
        source = ExpressionWrapper(F(field.attname), output_field=TextField())
        codec = ValueCodec(_clone_for_column(TextField(), field), aware=aware)
    return Column(str(field.column), field.attname, codec, source, target)


def _django_field(field: Any, connection: BaseDatabaseWrapper) -> Any:
    """Return the one of Django's own fields that has the same column, or the field itself."""
    cls = getattr(models, field.get_internal_type(), None)
    if is_django_field(field) or not (isinstance(cls, type) and issubclass(cls, Field)):
        return field
    plain: Any = cls()
    plain.__dict__.update(field.__dict__)
    return plain if plain.db_type(connection) == field.db_type(connection) else field


def _clone_for_column(field: Any, place: "Field[Any, Any]") -> Any:
    """Return a copy of ``field`` that is written to the column of ``place``."""
    clone = copy(field)
    clone.name, clone.attname, clone.column = place.name, place.attname, place.column
    return clone


class _RawJSONEncoder(json.JSONEncoder):
    """Takes JSON, and leaves it as it is."""

    def encode(self, o: str) -> str:
        return o
