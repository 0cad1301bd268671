"""``RETENTION``: which backups a clean-up keeps."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta, tzinfo

from django.utils.timezone import get_default_timezone

from ..exceptions import InvalidSettings
from . import validators

_HINT = 'For example {"last": 3, "daily": 7, "weekly": 4, "monthly": 12, "within": "48h"}.'
_COUNTS = ("last", "daily", "weekly", "monthly", "yearly")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
_MOST = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is kept. A backup stays if any of the rules keeps it."""

    last: int = 0
    """So many of the newest."""
    daily: int = 0
    """The newest of each day, for so many days that have one; the others likewise."""
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0
    within: timedelta = timedelta(0)
    """All that are at most so much older than the newest."""


def policy(key: str, value: object) -> Policy | None:
    """Accept a dictionary of rules, or ``None``. Raises ``InvalidSettings``."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise InvalidSettings(key, f"must be a dict, not {validators.type_name(value)}", _HINT)
    known = (*_COUNTS, "within")
    for name in value:
        if name not in known:
            hint = validators.did_you_mean(name, known) or f"Known rules: {', '.join(known)}."
            raise InvalidSettings(key, f"has an unknown rule {name!r}", hint)
    counts = {name: _count(key, name, value[name]) for name in _COUNTS if name in value}
    within = _duration(key, value["within"]) if "within" in value else timedelta(0)
    if not any(counts.values()) and not within:
        raise InvalidSettings(key, "keeps nothing", f"Leave it out, or give a rule. {_HINT}")
    return Policy(**counts, within=within)


def time_zone() -> tzinfo:
    """Return the time zone of the site, by which days, weeks, months and years are counted."""
    return get_default_timezone()


def _count(key: str, name: str, value: object) -> int:
    validate = validators.integer_between(0, _MOST, "It counts backups.")
    try:
        return validate(key, value)
    except InvalidSettings as error:
        problem = f"has a rule {name!r} that {error.problem}"
        raise InvalidSettings(key, problem, f"{error.hint} {_HINT}") from None


def _duration(key: str, value: object) -> timedelta:
    match = (
        re.fullmatch(r"([1-9]\d{0,5})([hdw])", value, re.ASCII) if isinstance(value, str) else None
    )
    if match is None:
        problem = f"has a rule 'within' that must be a number of h, d or w, not {value!r}"
        raise InvalidSettings(key, problem, 'For example "48h", "14d" or "8w".')
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
