"""Every value of a column survives being written down, and nothing else is taken for one."""

import json
import math
from datetime import UTC
from typing import Any

import pytest
from django.db import models
from hypothesis import given
from hypothesis import strategies as st

from django_rclone.clients.orm.values import FIELDS, kind_of

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES: dict[type[models.Field], st.SearchStrategy[Any]] = {
    models.BigIntegerField: st.integers(-(2**63), 2**63 - 1),
    models.BinaryField: st.binary(),
    models.BooleanField: st.booleans(),
    models.CharField: TEXT,
    models.DateField: st.dates(),
    models.DateTimeField: st.datetimes(timezones=st.just(UTC)),
    models.DecimalField: st.decimals(allow_nan=False, allow_infinity=False),
    models.DurationField: st.timedeltas(),
    models.FloatField: st.floats(),
    models.JSONField: st.recursive(st.none() | TEXT, st.lists).map(json.dumps),
    models.TimeField: st.times(),
    models.UUIDField: st.uuids(),
}
OTHERS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.lists(st.integers())


@pytest.mark.parametrize("field", VALUES, ids=lambda field: field.__name__)
@given(data=st.data())
def test_a_value_survives(field: type[models.Field], data: st.DataObject) -> None:
    kind = kind_of(field(), aware=True)
    value = data.draw(VALUES[field])
    found = kind.decode(json.loads(json.dumps(kind.encode(value), allow_nan=False)))
    assert type(found) is type(value)
    assert found == value or math.isnan(found)
    assert str(found) == str(value)


@pytest.mark.parametrize("field", VALUES, ids=lambda field: field.__name__)
@given(value=OTHERS)
def test_what_is_no_such_value_is_refused_or_taken_for_one(
    field: type[models.Field], value: Any
) -> None:
    kind = kind_of(field(), aware=True)
    try:
        found = kind.decode(value)
    except (ValueError, TypeError, ArithmeticError):
        return
    kind.encode(found)


@pytest.mark.parametrize("aware", [True, False])
def test_times_with_and_without_a_zone_are_two_kinds(aware: bool) -> None:
    kind = kind_of(models.DateTimeField(), aware=aware)
    with pytest.raises(ValueError, match="a zone"):
        kind.decode("2024-01-01T00:00:00" + ("" if aware else "+00:00"))


def test_every_field_of_django_has_a_kind() -> None:
    concrete = {
        name
        for name in models.__all__
        if isinstance(one := getattr(models, name), type)
        and issubclass(one, models.Field)
        and name not in ("Field", "CompositePrimaryKey", "GeneratedField", "OrderWrt")
        and not issubclass(one, models.ForeignObject | models.ManyToManyField)
    }
    assert {getattr(models, name)().get_internal_type() for name in concrete} <= FIELDS
