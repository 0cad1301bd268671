"""The record of a rehearsal: that a backup was read back, or restored, and what was found.

It is stored next to the manifest, as ``<path>.rehearsed`` or ``<path>.read``, and signed with
the same keys. It names the manifest by its signature, so that the record of one backup
says nothing about another that is put in its place.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from django.core.signing import Signer

from ..rclone.decoding import json_object, typed_fields
from .signing import Signed, signer_for

_SALT = "django_rclone.backups.rehearsal"


class Proof(StrEnum):
    """What was done with a backup to prove it; each has a record of its own."""

    REHEARSED = "rehearsed"
    """It was restored into a scratch place, and what came back was compared and questioned."""
    READ = "read"
    """All of it was downloaded, and compared with the manifest; no database was involved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal(Signed):
    """What was found when a backup was rehearsed. The annotations are the types that are read."""

    path: str
    """That of the backup, relative to the remote."""
    manifest: str
    """The signature of its manifest."""
    proof: str
    passed: bool
    finished_at: datetime
    """Aware, in UTC."""
    duration: int
    """Seconds, rounded up."""
    host: str
    compared: tuple[str, ...] = ()
    """What was compared, in words."""
    complaints: tuple[str, ...] = ()
    """Why it did not pass, in sentences."""

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a stored record. Raises ``ValueError`` for anything else."""
        return cls(**typed_fields(cls, json_object(data)))


def record_path(path: str, proof: Proof) -> str:
    """Return where the record about the backup at ``path`` is stored."""
    return f"{path}.{proof}"


def record_signer(key: str, fallbacks: tuple[str, ...]) -> Signer:
    """Return the signer of records."""
    return signer_for(_SALT, key, fallbacks)


def read_record(data: bytes | None, manifest: str, signer: Signer) -> Rehearsal | None:
    """Return the record in ``data`` if it is one about the backup with this ``manifest``.

    ``manifest`` is the signature of the manifest. Whatever is forged, damaged or about
    another backup counts as none.
    """
    try:
        record = Rehearsal.from_bytes(data or b"")
    except ValueError:
        return None
    return record if record.manifest == manifest and record.is_signed_by(signer) else None
