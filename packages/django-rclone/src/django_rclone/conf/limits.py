"""``CHECK``: what ``backupcheck`` complains about."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ..exceptions import InvalidSettings
from .validators import did_you_mean, type_name

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONGEST = timedelta(days=999_999)
"""Nearly 3,000 years: from now on it ends before the calendar does."""
_DURATION = re.compile(r"([1-9][0-9]{0,5})\s*([mhdw])")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLimits:
    """Limits of what is healthy; ``None`` for no limit."""

    max_age: timedelta | None = timedelta(hours=26)
    """Of the newest backup: a day, and two hours for one that takes long or starts late."""
    max_unverified_age: timedelta | None = timedelta(days=8)
    """Of the last rehearsal, or the last reading back, that passed."""
    max_size_change: int | None = 50
    """Percent by which the newest backup may differ in size from the ten before it."""
    min_room: int | None = 3
    """How many more backups of the size of the newest the remote must have room for."""


def check_limits(key: str, value: object) -> CheckLimits:
    """Accept the limits of ``backupcheck``."""
    hint = 'For example {"max_age": "26h", "max_unverified_age": "8d", "max_size_change": 50}.'
    if not isinstance(value, Mapping):
        raise InvalidSettings(key, f"must be a dict, not {type_name(value)}", hint)
    for name in value:
        if name not in _LIMITS:
            known = did_you_mean(name, _LIMITS)
            raise InvalidSettings(key, f"has an unknown limit: {name!r}", known or hint)
    try:
        read: dict[str, Any] = {name: _limit(name, limit) for name, limit in value.items()}
    except ValueError as error:
        raise InvalidSettings(key, str(error), hint) from None
    return CheckLimits(**read)


def optional_span(key: str, value: object) -> timedelta | None:
    """Accept a time such as ``"7d"``, or ``None``."""
    try:
        return None if value is None else duration(value)
    except ValueError as error:
        raise InvalidSettings(key, str(error), "Or set it to None.") from None


def duration(text: object) -> timedelta:
    """Return what ``"90m"``, ``"26h"``, ``"8d"`` or ``"2w"`` means. Raises ``ValueError``."""
    if not isinstance(text, str) or not (match := _DURATION.fullmatch(text.strip())):
        raise ValueError("must be a number and one of m, h, d, w, such as '26h'")
    span = timedelta(**{_UNITS[match[2]]: int(match[1])})
    if span > _LONGEST:
        raise ValueError(f"must be at most {_LONGEST.days}d")
    return span


def _percent(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 1000:
        raise ValueError("must be a percentage from 1 to 1000")
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 1000:
        raise ValueError("must be a number from 1 to 1000")
    return value


_LIMITS: dict[str, Callable[[object], object]] = {
    "max_age": duration,
    "max_unverified_age": duration,
    "max_size_change": _percent,
    "min_room": _count,
}


def _limit(name: str, value: object) -> object:
    if value is None:
        return None
    try:
        return _LIMITS[name](value)
    except ValueError as error:
        raise ValueError(f"has a wrong value for {name!r}: it {error}") from None
