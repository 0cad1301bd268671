"""The JSON that rclone prints, as typed values.

Each function raises ``RcloneError`` for output that rclone itself would not print.
"""

from dataclasses import dataclass, field
from typing import Any

from ..exceptions import RcloneError
from .decoding import json_value


@dataclass(frozen=True, slots=True)
class RemoteObject:
    """One stored object: its path relative to the remote, and its size in bytes."""

    path: str
    size: int
    modified: str = field(default="", compare=False)
    """When the storage got it, or the time that it was given; as rclone prints it."""


def objects(data: bytes) -> list[RemoteObject]:
    """Return the objects of a listing."""
    return [
        RemoteObject(
            _field(row, "Path", str), _field(row, "Size", int), str(row.get("ModTime", ""))
        )
        for row in _field(_decoded(data), "list", list)
    ]


def size_of(data: bytes) -> int | None:
    """Return the bytes of one object, or ``None`` if there is none."""
    found = _field(_decoded(data), "item", dict | None)
    if found is None or _field(found, "IsDir", bool):
        return None
    size: int = _field(found, "Size", int)
    return size


def free_space(data: bytes) -> int | None:
    """Return the free bytes of a storage, or ``None`` if it does not say."""
    free: int | None = _field(_decoded(data), "free", int | None)
    return free


def sections(data: bytes) -> dict[str, dict[str, str]]:
    """Return the options of each remote in rclone's configuration file."""
    found = _decoded(data)
    return {
        str(name): {str(key): str(value) for key, value in options.items()}
        for name, options in (found.items() if isinstance(found, dict) else ())
        if isinstance(options, dict)
    }


def _field(found: object, name: str, kind: Any) -> Any:
    value = found.get(name) if isinstance(found, dict) else found
    if not isinstance(found, dict) or not isinstance(value, kind):
        raise unreadable(f"its field {name!r} is missing or has the wrong type")
    return value


def _decoded(data: bytes) -> Any:
    try:
        return json_value(data)
    except ValueError as error:
        raise unreadable(str(error)) from None


def unreadable(problem: str) -> RcloneError:
    """Return the error of an answer that rclone itself would not give."""
    return RcloneError(
        f"The output of rclone cannot be read: {problem}.",
        hint="Is RCLONE_BINARY rclone itself? A wrapper must not print anything else to stdout.",
    )
