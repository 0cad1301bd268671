"""Names of checks and monitors that differ by what was backed up."""

import re

from django_rclone.events import OperationEvent

from ..exceptions import InvalidOption

_PLACEHOLDERS = ("{database}", "{operation}")
_USABLE = re.compile(r"[a-z0-9][a-z0-9_-]{0,49}")
_FOREIGN = re.compile(r"[^a-z0-9_-]+")

MEDIA = "media"
"""What stands for the database of an operation that concerns none."""


def require_slug(option: str, value: object) -> str:
    """Return ``value`` if it is a slug, with ``{database}`` and ``{operation}`` allowed in it.

    Raises ``InvalidOption``.
    """
    filled = value if isinstance(value, str) else ""
    for placeholder in _PLACEHOLDERS:
        filled = filled.replace(placeholder, "x")
    if not isinstance(value, str) or not _USABLE.fullmatch(filled):
        hint = "Allowed are a-z, 0-9, - and _, and the placeholders {database} and {operation}."
        raise InvalidOption(option, "must be a slug of at most 50 characters", hint)
    return value


def filled(slug: str, event: OperationEvent) -> str:
    """Return ``slug`` with its placeholders replaced: ``backup-{database}``, ``backup-default``."""
    database = MEDIA if event.database is None else event.database
    for placeholder, value in zip(_PLACEHOLDERS, (database, event.operation), strict=True):
        slug = slug.replace(placeholder, _FOREIGN.sub("-", value.lower()))
    return slug[:50]
