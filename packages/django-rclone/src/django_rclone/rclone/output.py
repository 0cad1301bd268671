"""The JSON that rclone prints, as typed values.

Each function raises ``RcloneError`` for output that rclone itself would not print.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..exceptions import RcloneError
from .decoding import json_value

_NO_TIMES = 100 * 365 * 24 * 3600 * 10**9
"""The precision, in nanoseconds, of a storage without times: ``fs.ModTimeNotSupported``."""


@dataclass(frozen=True, slots=True)
class RemoteObject:
    """One stored object: its path relative to the remote, and its size in bytes."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class FolderSize:
    """How many files a folder holds, and how many bytes."""

    count: int
    size: int

    def __bool__(self) -> bool:
        """Whether there are any files."""
        return self.count > 0


@dataclass(frozen=True, slots=True)
class Features:
    """What a storage knows of its files besides their sizes."""

    hashes: frozenset[str]
    """The names of the hashes of their contents."""
    times: bool
    """Whether it keeps the times that files were given."""


def objects(data: bytes) -> list[RemoteObject]:
    """Return the objects of a listing."""
    return [
        RemoteObject(_field(row, "Path", str), _field(row, "Size", int))
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


def folder_size(data: bytes) -> FolderSize:
    """Return the size of a folder."""
    found = _decoded(data)
    return FolderSize(count=_field(found, "count", int), size=_field(found, "bytes", int))


def names(data: bytes) -> frozenset[str]:
    """Return the paths of all objects of a listing, relative to the folder that was listed.

    rclone prints a line for each, so that no more than one is decoded at a time.
    """
    lines = data.split()
    if lines[:1] != [b"["] or lines[-1:] != [b"]"]:
        raise unreadable("it is not a list")
    rows = data.strip().removeprefix(b"[").removesuffix(b"]").split(b"\n")
    return frozenset(_field(_decoded(row.rstrip(b",")), "Path", str) for row in rows if row.strip())


def sections(data: bytes) -> dict[str, dict[str, str]]:
    """Return the options of each remote in rclone's configuration file."""
    found = _decoded(data)
    return {
        str(name): {str(key): str(value) for key, value in options.items()}
        for name, options in (found.items() if isinstance(found, dict) else ())
        if isinstance(options, dict)
    }


def features(found: Mapping[str, Any]) -> Features:
    """Return what a storage can be compared by."""
    # For a storage without any, rclone prints null.
    hashes = _field(found, "Hashes", list | None) or []
    times = _field(found, "Precision", int) < _NO_TIMES
    return Features(hashes=frozenset(map(str, hashes)), times=times)


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
