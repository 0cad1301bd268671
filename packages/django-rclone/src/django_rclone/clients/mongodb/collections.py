"""Which collections of MongoDB are dumped, which are ours, which could not be restored."""

from collections.abc import Mapping
from typing import Any

from ..options import table_of

RESTORING = "django_rclone_restoring_"
"""What the names of scratch collections begin with."""
SWITCHING = "django_rclone_switching_"
"""What the name of a collection begins with that tells of names being exchanged."""

_PREFIX_LENGTH = len(f"{RESTORING}12345678.")
_NAME_LENGTH = 255  # bytes; https://www.mongodb.com/docs/manual/reference/limits/


def is_dumped(name: str) -> bool:
    """Whether mongodump dumps a collection of this name: not what is the server's, or ours."""
    if name.startswith("system."):
        return name == "system.js"
    return not name.startswith((RESTORING, SWITCHING))


def obstacle(database: str, found: Mapping[str, Any]) -> str | None:
    """Return which collection cannot be dumped or given another name, and why; if so.

    ``found`` is what the server tells of it.
    """
    name = str(found["name"])
    length = len(f"{database}.{name}".encode()) + _PREFIX_LENGTH
    reasons = {
        "a time series": found.get("type") == "timeseries",
        "encrypted": "encryptedFields" in found.get("options", {}),
        "stored functions": name == "system.js",
        "a name with $, which mongodump leaves out": "$" in name,
        "too long a name": length > _NAME_LENGTH,
    }
    return next((f"{name} ({reason})" for reason, holds in reasons.items() if holds), None)


def collection_of(label: str) -> str:
    """Return the collection of a model (``"sessions.Session"``), or the one of this name."""
    return table_of(label) or label
