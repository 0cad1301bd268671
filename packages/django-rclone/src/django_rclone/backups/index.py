"""The index of a media run: every file, link and folder of the source, in the order of paths.

It is stored compressed, as lines of JSON: the first describes the index, each other one an
entry. Python reads and writes a path that is not UTF-8 with ``surrogateescape``.
"""

import json
import re
from enum import StrEnum
from typing import Any, NamedTuple, Self

from ..rclone.decoding import json_object

FORMAT = "index"
VERSION = 1
EXTENSION = "index.zst"

_SHA256 = re.compile(r"[0-9a-f]{64}")
_LINE_LIMIT = 1 << 20  # characters; the longest path has 4,096 bytes
_NOT_PARTS = (b"", b".", b"..")
# One for all: json.dumps() finds out each time which it needs.
_quoted = json.JSONEncoder().encode


class Kind(StrEnum):
    """What an entry is."""

    FILE = "file"
    LINK = "link"
    FOLDER = "folder"
    LEFT_OUT = "left out"
    """It was there, and is not in the run."""


class Entry(NamedTuple):
    """One line of the index. Fields that mean nothing for its kind are empty."""

    path: bytes
    """Relative to the source, with slashes."""
    kind: Kind
    size: int = 0
    """Bytes."""
    modified: int = 0
    """Nanoseconds since 1970."""
    mode: int = 0
    """The permissions, as ``chmod`` takes them."""
    sha256: bytes = b""
    """Of the content."""
    target: bytes = b""
    """What a link points to."""
    reason: str = ""
    """Why it was left out."""

    def to_line(self) -> bytes:
        """Return the entry as the index holds it."""
        return to_line(*self)

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """Read what ``to_line()`` returned. Raises ``ValueError`` for anything else."""
        if len(line) > _LINE_LIMIT:
            raise ValueError("a line is too long")
        values = json_object(line)
        kind = Kind(_typed(values, "kind", str))
        entry = cls(
            path=_bytes(_typed(values, "path", str)),
            kind=kind,
            reason=_typed(values, "reason", str) if kind is Kind.LEFT_OUT else "",
            modified=0 if kind is Kind.LEFT_OUT else _typed(values, "modified", int),
            mode=0 if kind is Kind.LEFT_OUT else _typed(values, "mode", int),
            size=_typed(values, "size", int) if kind is Kind.FILE else 0,
            sha256=_sha256(values) if kind is Kind.FILE else b"",
            target=_bytes(_typed(values, "target", str)) if kind is Kind.LINK else b"",
        )
        entry._require_sound()
        return entry

    def _require_sound(self) -> None:
        if b"\0" in self.path or any(part in _NOT_PARTS for part in self.path.split(b"/")):
            raise ValueError("a path leads elsewhere")
        if not 0 <= self.mode <= 0o7777 or not 0 <= self.size < 1 << 63:
            raise ValueError("a number is out of range")
        if not -(1 << 63) <= self.modified < 1 << 63:
            raise ValueError("a time is out of range")
        if self.kind is Kind.LINK and (not self.target or b"\0" in self.target):
            raise ValueError("a link points to nothing")


def to_line(
    path: bytes,
    kind: str,
    size: int,
    modified: int,
    mode: int,
    sha256: bytes,
    target: bytes,
    reason: str,
) -> bytes:
    """Return an entry, whose fields these are, as the index holds it.

    Of a million files, half of the time goes into making objects and dictionaries of them.
    """
    name = _quoted(text_of(path))
    if kind == Kind.FILE:
        return (
            f'{{"path":{name},"kind":"file","modified":{modified},"mode":{mode},"size":{size},'
            f'"sha256":"{sha256.hex()}"}}\n'
        ).encode()
    if kind == Kind.LEFT_OUT:
        facts = f'"reason":{_quoted(reason)}'
    else:
        facts = f'"modified":{modified},"mode":{mode}'
    if kind == Kind.LINK:
        facts += f',"target":{_quoted(text_of(target))}'
    return f'{{"path":{name},"kind":"{kind}",{facts}}}\n'.encode()


def header(source: str) -> bytes:
    """Return the first line of the index of a source."""
    return (json.dumps({"version": VERSION, "source": source}) + "\n").encode()


def require_header(line: bytes) -> None:
    """Raise ``ValueError`` unless ``line`` is the first one of an index that can be read."""
    version = json_object(line).get("version")
    if version != VERSION or isinstance(version, bool):
        raise ValueError(f"its version is {str(version)[:20]}, this release reads {VERSION}")


def shown(path: bytes) -> str:
    """Return a path for people."""
    return path.decode("utf-8", "backslashreplace")


def _typed(values: dict[str, Any], name: str, kind: type) -> Any:
    value = values.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"a field {name!r} is missing or has the wrong type")
    return value


def _sha256(values: dict[str, Any]) -> bytes:
    text: str = _typed(values, "sha256", str)
    if not _SHA256.fullmatch(text):
        raise ValueError("a hash is not one")
    return bytes.fromhex(text)


def text_of(path: bytes) -> str:
    """Return a path as text, also one that is not UTF-8."""
    return path.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise ValueError("a path is not one") from None
