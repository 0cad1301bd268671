"""Reads the ``OPTIONS`` of clients. Each function raises ``TypeError`` for an invalid value."""

from collections.abc import Sequence
from pathlib import Path

from django.apps import apps

_DAY = 86_400


def path_option(value: object) -> str | None:
    """Return a folder of programs as text, or ``None`` for PATH."""
    if value is None:
        return None
    if not isinstance(value, str | Path):
        raise TypeError(f"tools_folder must be a path, not {type(value).__name__}")
    return str(value)


def names_option(option: str, value: Sequence[object]) -> tuple[str, ...]:
    """Return a list of names."""
    names = tuple(name for name in value if isinstance(name, str) and name)
    if isinstance(value, str) or len(names) != len(value):
        raise TypeError(f"{option} must be a list of names")
    return names


def timeout_option(value: float) -> float:
    """Return ``lock_timeout``, in seconds."""
    if not 0 < value < _DAY:
        raise TypeError("lock_timeout must be a number of seconds, less than a day")
    return float(value)


def size_option(option: str, value: object) -> int | None:
    """Return a number of bytes, or ``None`` for no limit."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise TypeError(f"{option} must be a number of bytes, or None")


def table_name(name: str) -> str | None:
    """Return the table of a model by its label, such as ``"sessions.Session"``."""
    app_label, _, model = name.partition(".")
    try:
        return str(apps.get_model(app_label, model)._meta.db_table)
    except (LookupError, ValueError):
        return None
