"""Every value of a column survives being written as text, and nothing else is taken for one."""

import json
import math
from datetime import UTC, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import models
from hypothesis import given
from hypothesis import strategies as st

from django_rclone.clients.orm.values import ValueCodec

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
INTEGERS = st.integers(-(2**63), 2**63 - 1)
VALUES: dict[type[models.Field], st.SearchStrategy[Any]] = {
    models.AutoField: INTEGERS,
    models.BigAutoField: INTEGERS,
    models.BigIntegerField: INTEGERS,
    models.BinaryField: st.binary(),
    models.BooleanField: st.booleans(),
    models.CharField: TEXT,
    models.DateField: st.dates(),
    models.DateTimeField: st.datetimes(timezones=st.just(UTC)),
    models.DecimalField: st.decimals(allow_nan=False, allow_infinity=False),
    models.DurationField: st.timedeltas(),
    models.FileField: TEXT,
    models.FilePathField: TEXT,
    models.FloatField: st.floats(),
    # Django stores each address in one spelling.
    models.GenericIPAddressField: st.ip_addresses().map(
        lambda address: models.GenericIPAddressField().to_python(str(address))
    ),
    models.IntegerField: INTEGERS,
    models.SlugField: TEXT,
    models.TextField: TEXT,
    models.TimeField: st.times(),
    models.UUIDField: st.uuids(),
}
# They are carried as the text that the database holds: see columns.py.
AS_TEXT = {models.JSONField}
OTHERS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.lists(st.integers())


def codec_of(cls: type[models.Field], *, aware: bool = True) -> ValueCodec:
    field = cls()
    field.set_attributes_from_name("value")
    return ValueCodec(field, aware=aware)


@pytest.mark.parametrize("field", VALUES, ids=lambda field: field.__name__)
@given(data=st.data())
def test_a_value_survives(field: type[models.Field], data: st.DataObject) -> None:
    codec = codec_of(field)
    value = data.draw(VALUES[field])
    found = codec.decode(json.loads(json.dumps(codec.encode(value), allow_nan=False)))
    if isinstance(found, memoryview):
        found = bytes(found)
    assert type(found) is type(value)
    assert found == value or math.isnan(found)
    assert str(found) == str(value)


@pytest.mark.parametrize("field", VALUES, ids=lambda field: field.__name__)
@given(value=OTHERS)
def test_any_other_value_is_refused_or_taken_for_one(field: type[models.Field], value: Any) -> None:
    codec = codec_of(field)
    try:
        found = codec.decode(value)
    except (ValueError, TypeError, ArithmeticError, ValidationError):
        return
    codec.encode(found)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (models.IntegerField, "hunter2"),
        (models.IntegerField, 1.5),
        (models.TextField, b"bytes"),
        (models.DecimalField, "much"),
        (models.DecimalField, Decimal("NaN")),
        (models.DateField, "2024-02-30"),
        (models.BinaryField, 7),
        (models.DurationField, 3.5),
    ],
    ids=repr,
)
def test_a_value_that_a_column_should_not_hold_is_refused(
    field: type[models.Field], value: Any
) -> None:
    with pytest.raises((ValueError, TypeError, ArithmeticError, ValidationError)):
        codec_of(field).encode(value)


@pytest.mark.parametrize("days", [-999_999_999, -1, 0, 999_999_999])
def test_the_longest_durations_survive(days: int) -> None:
    codec = codec_of(models.DurationField)
    value = timedelta(days=days, microseconds=1)
    assert codec.decode(codec.encode(value)) == value


@pytest.mark.parametrize("aware", [True, False])
def test_times_with_and_without_a_zone_are_two_kinds(aware: bool) -> None:
    codec = codec_of(models.DateTimeField, aware=aware)
    assert codec.name != codec_of(models.DateTimeField, aware=not aware).name
    with pytest.raises(ValueError, match="a zone"):
        codec.decode("2024-01-01T00:00:00" + ("" if aware else "+00:00"))


def test_every_field_of_django_is_tested() -> None:
    concrete = {
        one
        for name in models.__all__
        if isinstance(one := getattr(models, name), type)
        and issubclass(one, models.Field)
        and name not in ("Field", "CompositePrimaryKey", "GeneratedField", "OrderWrt")
        and not issubclass(one, models.ForeignObject | models.ManyToManyField)
    }
    tested = {cls().get_internal_type() for cls in VALUES.keys() | AS_TEXT}
    untested = {cls().get_internal_type() for cls in concrete} - tested
    assert untested <= {
        *("PositiveBigIntegerField", "PositiveIntegerField", "PositiveSmallIntegerField"),
        *("SmallAutoField", "SmallIntegerField", "IPAddressField"),
    }
