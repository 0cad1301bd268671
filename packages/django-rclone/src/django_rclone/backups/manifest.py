"""The manifest: what makes a stored dump a backup.

It is written last, next to the dump, as ``<path>.json``: one line of canonical
JSON. Its signature covers name, time and hash together, so that a backup can be
neither altered, nor renamed, nor passed off as another.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from types import NoneType
from typing import Any, Self

from django.core.signing import BadSignature, Signer

from ..pipeline.relay import Digest

VERSION = 1
SUFFIX = ".json"
_SALT = "django_rclone.backups.manifest"


class ManifestError(ValueError):
    """A manifest cannot be read; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What is known of one backup. Values are compared, never obeyed."""

    path: str
    """Relative to the remote."""
    created_at: datetime
    """When the operation started; aware, in UTC."""
    vendor: str
    """The kind of database, as Django names it (``connection.vendor``), or ``"media"``."""
    format: str
    size: int
    """Bytes as stored."""
    environment: str
    django_version: str
    version: int = VERSION
    database: str | None = None
    compression: str | None = None
    sha256: str | None = None
    """Of the stored bytes, hexadecimal."""
    raw_size: int | None = None
    """Bytes before compression."""
    count: int | None = None
    """Files, for media."""
    tool: str = ""
    tool_version: str = ""
    server_version: str = ""
    migrations: tuple[str, ...] = ()
    """The migrations applied when the backup was made, as ``app.name``."""
    partial: bool = False
    signature: str = ""

    @property
    def digest(self) -> Digest | None:
        """What the stored dump must turn out to be; ``None`` for media."""
        if self.sha256 is None or self.raw_size is None:
            return None
        return Digest(size=self.size, sha256=self.sha256, raw_size=self.raw_size)

    def signed(self, signer: Signer) -> Self:
        """Return the same manifest with its signature."""
        return replace(self, signature=signer.signature(self._payload()))

    def is_signed_by(self, signer: Signer) -> bool:
        """Tell whether the signature is of ``signer``'s key, or of one of its fallbacks."""
        try:
            signer.unsign(f"{self._payload()}{signer.sep}{self.signature}")
        except (BadSignature, UnicodeError):
            return False
        return True

    def to_bytes(self) -> bytes:
        """Return what is stored."""
        return (_canonical(self._values()) + "\n").encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what was stored. Raises ``ManifestError`` for anything but a manifest."""
        try:
            values = json.loads(data)
        except (ValueError, RecursionError):
            raise ManifestError("it is no JSON") from None
        if not isinstance(values, dict):
            raise ManifestError("it is no JSON object")
        version = values.get("version")
        if version != VERSION or isinstance(version, bool):
            raise ManifestError(f"its version is {str(version)[:20]}, this release reads {VERSION}")
        return cls(**_checked(values))

    def _payload(self) -> str:
        values = self._values()
        del values["signature"]
        return _canonical(values)

    def _values(self) -> dict[str, Any]:
        return {**asdict(self), "created_at": self.created_at.astimezone(UTC).isoformat()}


def manifest_path(path: str) -> str:
    """Return where the manifest of the backup at ``path`` is stored."""
    return path + SUFFIX


def signer(key: str, fallbacks: tuple[str, ...]) -> Signer:
    """Return the signer of manifests."""
    return Signer(key=key, fallback_keys=list(fallbacks), salt=_SALT)


def _canonical(values: Mapping[str, Any]) -> str:
    return json.dumps(values, sort_keys=True, separators=(",", ":"))


_OPTIONAL_TEXT = (str, NoneType)
_OPTIONAL_NUMBER = (int, NoneType)
_TYPES: dict[str, type | tuple[type, ...]] = {
    "path": str,
    "created_at": str,
    "vendor": str,
    "format": str,
    "size": int,
    "environment": str,
    "django_version": str,
    "version": int,
    "database": _OPTIONAL_TEXT,
    "compression": _OPTIONAL_TEXT,
    "sha256": _OPTIONAL_TEXT,
    "raw_size": _OPTIONAL_NUMBER,
    "count": _OPTIONAL_NUMBER,
    "tool": str,
    "tool_version": str,
    "server_version": str,
    "migrations": list,
    "partial": bool,
    "signature": str,
}


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(Manifest)}
    if set(values) != names:
        wrong = ", ".join(sorted(str(name) for name in set(values) ^ names))
        raise ManifestError(f"it lacks fields, or has unknown ones: {wrong[:200]}")
    for name, value in values.items():
        is_flag = isinstance(value, bool)
        if not isinstance(value, _TYPES[name]) or is_flag != (name == "partial"):
            raise ManifestError(f"its field {name!r} has a wrong type")
        if isinstance(value, int) and value < 0:
            raise ManifestError(f"its field {name!r} is negative")
    if not all(isinstance(migration, str) for migration in values["migrations"]):
        raise ManifestError("its field 'migrations' has a wrong type")
    return {
        **values,
        "created_at": _moment(values["created_at"]),
        "migrations": tuple(values["migrations"]),
    }


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        aware = moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        raise ManifestError("its date cannot be read") from None
    if aware is None:
        raise ManifestError("its date has no time zone")
    return aware
