"""The manifest: what makes a stored dump a backup.

It is written last, next to the dump, as ``<path>.json``: one line of canonical
JSON. Its signature covers name, time and hash together, so that a backup cannot
be altered, renamed, or passed off as another.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

from django.core.signing import Signer

from ..pipeline.relay import Digest
from ..rclone.decoding import json_object, typed_fields
from ..rclone.remote import SMALL
from .signing import Signed, names, signer_for

VERSION = 1
MANIFEST_SUFFIX = ".json"
_SALT = "django_rclone.backups.manifest"


class Facts(NamedTuple):
    """What a listing needs of a manifest."""

    created_at: datetime
    database: str | None
    environment: str
    size: int
    partial: bool
    signature: str


class ManifestError(ValueError):
    """A manifest cannot be read; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest(Signed):
    """The facts about one backup. Values are compared, never obeyed.

    The annotations are the types that ``from_bytes()`` accepts.
    """

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
    """The alias; for media the name of the source."""
    compression: str | None = None
    sha256: str | None = None
    """Of the stored bytes, hexadecimal."""
    raw_size: int | None = None
    """Bytes before compression."""
    count: int | None = None
    """Media: files and links."""
    content_size: int | None = None
    """Media: the bytes of all files."""
    added: int | None = None
    """Media: files and links that the run before did not have."""
    changed: int | None = None
    """Media: those with another content than in the run before."""
    deleted: int | None = None
    """Media: those of the run before that were gone."""
    left_out: int | None = None
    """Media: what was there, and is not in the run."""
    tool: str = ""
    tool_version: str = ""
    server_version: str = ""
    migrations: tuple[str, ...] = ()
    """The migrations applied at the time of the backup, as ``app.name``."""
    inventory: str = ""
    """What the dump holds, as text of an ``Inventory``; empty if that is not known."""
    damage_check: str = ""
    """How the database was checked for damage, as its vendor calls it; empty if it was not."""
    partial: bool = False
    """Whether something is missing: tables or rows that options exclude, or files."""

    @property
    def digest(self) -> Digest | None:
        """The size and hash that the stored dump or index must have."""
        if self.sha256 is None or self.raw_size is None:
            return None
        return Digest(size=self.size, sha256=self.sha256, raw_size=self.raw_size)

    @property
    def facts(self) -> Facts:
        """What a listing needs of it."""
        return Facts(
            self.created_at,
            self.database,
            self.environment,
            self.size,
            self.partial,
            self.signature,
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a stored manifest. Raises ``ManifestError`` for anything else."""
        if len(data) > SMALL:
            raise ManifestError("it is too large")
        try:
            return cls(**_checked(json_object(data)))
        except ValueError as error:
            raise ManifestError(str(error)) from None


def manifest_path(path: str) -> str:
    """Return where the manifest of the backup at ``path`` is stored."""
    return path + MANIFEST_SUFFIX


def signer(key: str, fallbacks: tuple[str, ...]) -> Signer:
    """Return the signer of manifests."""
    return signer_for(_SALT, key, fallbacks)


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    version = values.get("version")
    if version != VERSION or isinstance(version, bool):
        raise ValueError(f"its version is {str(version)[:20]}, this release reads {VERSION}")
    if wrong_names := values.keys() ^ set(names(Manifest)):
        wrong = ", ".join(sorted(map(str, wrong_names)))
        raise ValueError(f"it has missing or unknown fields: {wrong[:200]}")
    return typed_fields(Manifest, values)
