"""Letting the next automatic key be the one after the highest."""

from collections.abc import Sequence

from django.core.management.color import no_style
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import AutoField, Max, Model, QuerySet


def reset_sequences(connection: BaseDatabaseWrapper, models: Sequence[type[Model]]) -> None:
    """Reset the sequences behind the automatic keys of ``models``."""
    if connection.vendor == "postgresql":
        _restart(connection, models)
        return
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)


def _restart(connection: BaseDatabaseWrapper, models: Sequence[type[Model]]) -> None:
    # Django would call setval(), which a rollback does not undo.
    quote = connection.ops.quote_name
    for model in models:
        for field in model._meta.local_concrete_fields:
            if not isinstance(field, AutoField):
                continue
            rows: QuerySet[Model, Model] = QuerySet(model, using=connection.alias)
            highest = rows.aggregate(highest=Max(field.attname))["highest"] or 0
            limit = connection.ops.integer_field_range(field.get_internal_type())[1]
            following = min(max(highest, 0) + 1, limit)
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_get_serial_sequence(%s, %s)",
                    [quote(model._meta.db_table), field.column],
                )
                (sequence,) = cursor.fetchone()
                if sequence:
                    cursor.execute(f"ALTER SEQUENCE {sequence} RESTART WITH {following}")
