"""Make the tables of all installed models, and two rows in each. A program."""

import datetime
import decimal
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import django
from django.apps import apps
from django.core.management import call_command
from django.db import DatabaseError, connection, models, transaction

ROWS = (1, 2)
_TEXT = "{0} ünï'\"\\%s\n😀 日本 $$ ; --" + "x" * 300
_MOST = {
    "SmallIntegerField": 32_767,
    "PositiveSmallIntegerField": 32_767,
    "SmallAutoField": 2,
    "AutoField": 2,
    "BigAutoField": 2,
    "BigIntegerField": 9_223_372_036_854_775_807,
    "PositiveBigIntegerField": 9_223_372_036_854_775_807,
    "IntegerField": 2_147_483_647,
    "PositiveIntegerField": 2_147_483_647,
}

_VALUES: dict[str, Callable[[int], Any]] = {
    "BooleanField": lambda row: row == 1,
    "DateField": lambda row: datetime.date.min if row == 1 else datetime.date.max,
    "DateTimeField": lambda row: datetime.datetime(2024, 3, 31, 2, 30, row, 999_999, datetime.UTC),
    "TimeField": lambda row: datetime.time(23, 59, 59, 999_990 + row),
    "DurationField": lambda row: datetime.timedelta(-row, microseconds=1),
    "FloatField": lambda row: 1e308 / row,
    "UUIDField": lambda row: uuid.UUID(int=row),
    "BinaryField": lambda row: b"\x00\xff\\'\n\x1a" * row,
    "JSONField": lambda row: {"ü'\\": [row, None, 1.5, "😀\n"]},
    "GenericIPAddressField": lambda row: f"::{row}",
    "IPAddressField": lambda row: f"10.0.0.{row}",
}


def main() -> None:
    """Make and fill, and say how much."""
    django.setup()
    # Its receivers fill tables of Django itself.
    models.signals.post_migrate.receivers = []
    call_command("migrate", run_syncdb=True, verbosity=0, skip_checks=True, interactive=False)
    made = [model for model in apps.get_models(include_auto_created=True) if _is_made(model)]
    with _any_order(), connection.cursor() as cursor:
        filled = {model for model in made if _fill(cursor, model)}
        while dangling := {model for model in filled if _refers_to_others(model, filled)}:
            for model in dangling:
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")
            filled -= dangling
    print(f"{len(made)} models, {len(filled)} with rows")


def _fill(cursor: Any, model: type[models.Model]) -> bool:
    """Insert the rows of a model; return whether that was possible."""
    try:
        with transaction.atomic():
            for row in ROWS:
                _insert(cursor, model, row)
    except (DatabaseError, TypeError, ValueError, KeyError, OverflowError):
        return False
    return True


def _refers_to_others(model: type[models.Model], filled: set[type[models.Model]]) -> bool:
    keys: list[Any] = [field for field in model._meta.local_concrete_fields if field.remote_field]
    return any(key.related_model._meta.concrete_model not in filled for key in keys)


def _is_made(model: type[models.Model]) -> bool:
    meta = model._meta
    return bool(meta.managed and not meta.proxy and not meta.swapped) and meta.can_migrate(
        connection
    )


@contextmanager
def _any_order() -> Iterator[None]:
    """Let rows come before those that they refer to."""
    with connection.constraint_checks_disabled(), transaction.atomic():
        yield


def _insert(cursor: Any, model: type[models.Model], row: int) -> None:
    """Insert one row, as no code of the model would change it."""
    columns, values = [], []
    for field in model._meta.local_concrete_fields:
        if field.generated or (field.has_db_default() and row == 1):
            continue
        columns.append(connection.ops.quote_name(str(field.column)))
        value = value_of(field, row)
        values.append(field.get_db_prep_save(value, connection))
    table = connection.ops.quote_name(model._meta.db_table)
    places = ", ".join(["%s"] * len(columns))
    cursor.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", values)


def value_of(field: Any, row: int) -> Any:
    """Return the value of a field in a row: the same for everything that refers to that row."""
    while field.remote_field:
        field = field.target_field
    kind = field.get_internal_type()
    if kind == "DecimalField":
        digits = "9" * (field.max_digits or 5)
        return decimal.Decimal(f"{digits}E-{field.decimal_places or 0}") / (1 if row == 1 else -1)
    if kind in _MOST:
        return 1 if row == 1 else _MOST[kind]
    if kind in _VALUES:
        return _VALUES[kind](row)
    return _TEXT.format(row)[: field.max_length or 300]


if __name__ == "__main__":
    main()
