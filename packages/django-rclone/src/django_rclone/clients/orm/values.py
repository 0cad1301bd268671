"""Values of columns as JSON has them, and back."""

import base64
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from django.utils.duration import duration_microseconds


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of values. ``encode`` and ``decode`` raise for what is not of this kind."""

    name: str
    """Stands in the dump, and must be that of the live column."""
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


def kind_of(field: Any, *, aware: bool) -> Kind:
    """Return what kind of values a field holds. ``aware`` is whether times have a zone."""
    name = field.get_internal_type()
    if name == "DateTimeField":
        return AWARE if aware else NAIVE
    return _BY_FIELD.get(name) or by_string(field)


def _require(value: Any, *types: type) -> Any:
    # A bool is an int to Python, a datetime is a date; to a database they are not.
    if type(value) not in types:
        raise TypeError(f"{type(value).__name__} instead of {types[0].__name__}")
    return value


def _same(name: str, cls: type) -> Kind:
    return Kind(name, lambda value: _require(value, cls), lambda value: _require(value, cls))


def _encode_float(value: Any) -> float | str:
    _require(value, float)
    return float(value) if math.isfinite(value) else str(value)


def _decode_float(value: Any) -> float:
    if value in ("nan", "inf", "-inf"):
        return float(value)
    if not math.isfinite(_require(value, float, int)):
        raise ValueError("too large a number")
    return float(value)


def _encode_binary(value: Any) -> str:
    data = bytes(value) if isinstance(value, memoryview | bytearray) else _require(value, bytes)
    return base64.b64encode(data).decode()


def _decode_duration(value: Any) -> timedelta:
    return timedelta(microseconds=_require(value, int))


def _moment(value: datetime, *, aware: bool) -> datetime:
    if (value.tzinfo is not None) != aware:
        raise ValueError("a time with a zone" if value.tzinfo else "a time without a zone")
    return value


def _datetimes(name: str, *, aware: bool) -> Kind:
    return Kind(
        name,
        lambda value: _moment(_require(value, datetime), aware=aware).isoformat(),
        lambda value: _moment(datetime.fromisoformat(value), aware=aware),
    )


def by_string(field: Any) -> Kind:
    """Return what Django's serializers do for any field."""

    def encode(value: Any) -> str:
        text = field.value_to_string(SimpleNamespace(**{field.attname: value}))
        return str(_require(text, str))

    return Kind("string", encode, lambda value: field.to_python(_require(value, str)))


INTEGER = _same("integer", int)
TEXT = _same("text", str)
JSON = _same("json", str)
AWARE = _datetimes("datetime", aware=True)
NAIVE = _datetimes("naive datetime", aware=False)

_BY_FIELD: dict[str, Kind] = {
    **dict.fromkeys(
        (
            *("AutoField", "BigAutoField", "SmallAutoField"),
            *("IntegerField", "BigIntegerField", "SmallIntegerField"),
            *("PositiveIntegerField", "PositiveBigIntegerField", "PositiveSmallIntegerField"),
        ),
        INTEGER,
    ),
    **dict.fromkeys(
        (
            *("CharField", "TextField", "SlugField", "FileField", "FilePathField"),
            *("GenericIPAddressField", "IPAddressField"),
        ),
        TEXT,
    ),
    "JSONField": JSON,
    "BooleanField": _same("boolean", bool),
    "FloatField": Kind("float", _encode_float, _decode_float),
    "DecimalField": Kind(
        "decimal",
        lambda value: str(_require(value, Decimal)),
        lambda value: Decimal(_require(value, str)),
    ),
    "DateField": Kind("date", lambda v: _require(v, date).isoformat(), date.fromisoformat),
    "TimeField": Kind("time", lambda v: _require(v, time).isoformat(), time.fromisoformat),
    "DurationField": Kind(
        "duration", lambda v: duration_microseconds(_require(v, timedelta)), _decode_duration
    ),
    "UUIDField": Kind("uuid", lambda v: str(_require(v, UUID)), lambda v: UUID(_require(v, str))),
    "BinaryField": Kind(
        "binary",
        _encode_binary,
        lambda value: base64.b64decode(_require(value, str), validate=True),
    ),
}
"""By ``get_internal_type()``."""

FIELDS = frozenset((*_BY_FIELD, "DateTimeField"))
"""The fields of Django that have a kind of their own; all others are told by strings."""
