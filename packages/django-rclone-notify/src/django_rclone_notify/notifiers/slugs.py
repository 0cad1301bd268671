"""Names of checks and monitors that depend on the operation and the database."""

import hashlib
import re

from django_rclone.events import OperationEvent

from ..exceptions import InvalidOption

_PLACEHOLDERS = ("{database}", "{operation}")
_LIMIT = 50
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,49}")
_NOT_ALLOWED = re.compile(r"[^a-z0-9_-]+")

MEDIA = "media"
"""The name used in place of a database alias for media operations."""


def require_slug(option: str, value: object) -> str:
    """Return ``value``, a slug that may contain ``{database}`` and ``{operation}``.

    Raises ``InvalidOption``.
    """
    rendered = value if isinstance(value, str) else ""
    for placeholder in _PLACEHOLDERS:
        rendered = rendered.replace(placeholder, "x")
    if not isinstance(value, str) or not _SLUG.fullmatch(rendered):
        hint = "Use a-z, 0-9, - and _, and the placeholders {database} and {operation}."
        raise InvalidOption(option, "must be a slug of at most 50 characters", hint)
    return value


def database_label(event: OperationEvent) -> str:
    """Return the database alias of ``event``, or ``media``."""
    return MEDIA if event.database is None else event.database


def render_slug(slug: str, event: OperationEvent) -> str:
    """Return ``slug`` with its placeholders replaced: ``backup-{database}``, ``backup-default``.

    Where something of them does not fit in, a digest keeps it apart from others: one
    heartbeat for two databases would hide that the backups of one have stopped.
    """
    pairs = zip(_PLACEHOLDERS, (database_label(event), event.operation), strict=True)
    used = {placeholder: value for placeholder, value in pairs if placeholder in slug}
    for placeholder, value in used.items():
        slug = slug.replace(placeholder, _NOT_ALLOWED.sub("-", value.lower()))
    # A database may have the name that stands for media.
    distinct = event.database != MEDIA or "{database}" not in used
    if distinct and len(slug) <= _LIMIT and all(map(_SLUG.fullmatch, used.values())):
        return slug
    values = "\0".join(used.values()).encode("utf-8", "surrogatepass")
    return f"{slug[: _LIMIT - 9]}-{hashlib.sha256(values).hexdigest()[:8]}"
