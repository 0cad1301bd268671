"""Decoding the JSON that rclone prints and the remote stores: either may hold anything."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, get_type_hints


def json_value(data: bytes | str) -> Any:
    """Return the decoded ``data``. Raises ``ValueError`` unless it is JSON."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None


def json_object(data: bytes | str) -> dict[str, Any]:
    """Return the decoded ``data``. Raises ``ValueError`` unless it is a JSON object."""
    values = json_value(data)
    if not isinstance(values, dict):
        raise ValueError("it is not a JSON object")
    return values


def typed_fields(cls: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of the dataclass ``cls`` from ``values``, ignoring unknown ones.

    Dates are returned in UTC, lists as tuples. Raises ``ValueError`` for a missing
    field, a value of another type than the annotation says, a negative number, and
    a date that is naive or out of range.
    """
    return {name: _typed(name, values.get(name), hint) for name, hint in _hints(cls).items()}


# To evaluate the annotations takes longer than all the rest of reading a manifest.
_hints = cache(get_type_hints)


def _typed(name: str, value: object, hint: Any) -> object:
    if hint in (datetime, datetime | None) and isinstance(value, str):
        return _utc(name, value)
    if hint == tuple[str, ...]:
        hint = tuple
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
    # To Python a bool is an int.
    if not isinstance(value, hint) or isinstance(value, bool) != (hint is bool):
        raise ValueError(f"its field {name!r} is missing or has the wrong type")
    if isinstance(value, int) and value < 0:
        raise ValueError(f"its field {name!r} is negative")
    return value


def _utc(name: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        aware = moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        raise ValueError(f"its field {name!r} is not a valid date") from None
    if aware is None:
        raise ValueError(f"its field {name!r} has no time zone")
    return aware
