"""``REHEARSAL`` and ``REHEARSAL_CHECKS``: where backups are rehearsed, and what is asked there."""

from collections.abc import Mapping

from django.conf import settings

from ..exceptions import InvalidSettings
from .validators import did_you_mean, type_name


def databases(key: str, value: object) -> dict[str, str]:
    """Accept the databases to rehearse in, by the alias whose backups they are for."""
    hint = 'For example {"default": "rehearsal"}.'
    if not isinstance(value, Mapping):
        raise InvalidSettings(key, f"must be a dict, not {type_name(value)}", hint)
    for alias in (*value, *value.values()):
        if alias not in settings.DATABASES:
            known = did_you_mean(alias, settings.DATABASES)
            raise InvalidSettings(key, f"names an unknown database: {alias!r}", known or hint)
    if both := sorted(set(value) & set(value.values())):
        problem = f"would replace {both[0]!r}, a database that is itself backed up"
        raise InvalidSettings(key, problem, "Rehearse in a database with nothing of value in it.")
    return dict(value)


def dotted_paths(key: str, value: object) -> tuple[str, ...]:
    """Accept a list of dotted paths."""
    if not isinstance(value, list | tuple) or not all(
        isinstance(path, str) and "." in path for path in value
    ):
        hint = 'For example ["shop.checks.orders_add_up"].'
        raise InvalidSettings(key, "must be a list of dotted paths", hint)
    return tuple(value)
