"""Which collections are dumped, which belong to a restore, and which cannot be restored."""

from collections.abc import Iterator, Mapping
from typing import Any

from ...conf.client_options import table_name

STEM = "django_rclone"
RESTORING = f"{STEM}_restoring_"
"""The beginning of the names of scratch collections."""
SWAPPING = f"{STEM}_swapping_"
"""The beginning of the name of the marker that exists while collections are swapped."""

_PREFIX_LENGTH = len(f"{RESTORING}12345678.")
_NAME_LENGTH = 255  # bytes; https://www.mongodb.com/docs/manual/reference/limits/


def is_dumped(name: str) -> bool:
    """Return whether a collection is part of a dump: neither the server's own nor a restore's."""
    if name.startswith("system."):
        return name == "system.js"
    return not name.startswith((RESTORING, SWAPPING))


def is_view(found: Mapping[str, Any]) -> bool:
    """Return whether the server lists a view, not a collection."""
    return found.get("type") == "view"


def unsupported_reason(database: str, found: Mapping[str, Any]) -> str | None:
    """Return why a collection cannot be dumped or renamed, after its name; ``None`` if it can.

    ``found`` is what the server lists for it.
    """
    name = str(found["name"])
    length = len(f"{database}.{name}".encode()) + _PREFIX_LENGTH
    reasons = {
        "a time series": found.get("type") == "timeseries",
        "encrypted": "encryptedFields" in found.get("options", {}),
        "stored functions": name == "system.js",
        "its name contains $, which mongodump skips": "$" in name,
        "its name is too long": length > _NAME_LENGTH,
    }
    return next((f"{name} ({reason})" for reason, holds in reasons.items() if holds), None)


def sources_of_view(found: Mapping[str, Any]) -> set[str]:
    """Return the collections and views that a view reads, however deep in its pipeline."""
    options = found.get("options", {})
    return {str(options.get("viewOn"))} | set(_sources(options.get("pipeline")))


def _sources(part: Any) -> Iterator[str]:
    """Yield what the stages of a pipeline read: ``$lookup``, ``$graphLookup``, ``$unionWith``."""
    if isinstance(part, Mapping):
        for key, value in part.items():
            if key == "$unionWith" and isinstance(value, str):
                yield value
            elif key in ("$lookup", "$graphLookup", "$unionWith") and isinstance(value, Mapping):
                yield from (
                    one for name in ("from", "coll") if isinstance(one := value.get(name), str)
                )
            yield from _sources(value)
    elif isinstance(part, list | tuple):
        for one in part:
            yield from _sources(one)


def collection_name(label: str) -> str:
    """Return the collection of a model (``"sessions.Session"``), or else the name itself."""
    return table_name(label) or label
