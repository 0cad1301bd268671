"""Reading what rclone answers: its JSON, as values of ours.

Each reader raises ``RcloneError`` for what rclone would not say.
"""

import json
from dataclasses import dataclass
from typing import Any

from ..exceptions import RcloneError


@dataclass(frozen=True, slots=True)
class RemoteObject:
    """One stored object: its path relative to the remote, and its size in bytes."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class FolderSize:
    """How much lies in a folder: files, and bytes."""

    count: int
    size: int


def objects(folder: str, data: bytes) -> list[RemoteObject]:
    """Return the objects of a listing of ``folder``."""
    found = _parsed(data)
    if not isinstance(found, list):
        raise _unreadable("it is no list")
    return [
        RemoteObject(f"{folder}/{_field(row, 'Path', str)}", _field(row, "Size", int))
        for row in found
    ]


def size_of(data: bytes) -> int | None:
    """Return the bytes of one object, or ``None`` if there is none."""
    found = _parsed(data)
    if found is None or _field(found, "IsDir", bool):
        return None
    size: int = _field(found, "Size", int)
    return size


def folder_size(data: bytes) -> FolderSize:
    """Return how much lies in a folder."""
    found = _parsed(data)
    return FolderSize(count=_field(found, "count", int), size=_field(found, "bytes", int))


def hashes(data: bytes) -> frozenset[str]:
    """Return the names of the hashes that a storage knows."""
    # A storage without any has null there.
    return frozenset(map(str, _field(_parsed(data), "Hashes", list | None) or []))


def _field(found: object, name: str, kind: Any) -> Any:
    value = found.get(name) if isinstance(found, dict) else found
    if not isinstance(found, dict) or not isinstance(value, kind):
        raise _unreadable(f"it holds no proper {name!r}")
    return value


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise _unreadable("it is no JSON") from None


def _unreadable(problem: str) -> RcloneError:
    return RcloneError(
        f"What rclone answered cannot be read: {problem}.",
        hint="Is RCLONE_BINARY rclone itself? Nothing else may write to its output.",
    )
