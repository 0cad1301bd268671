"""The record of a rehearsal: that a backup was read back, or restored, and what was found.

It is stored next to the manifest, as ``<path>.rehearsed`` or ``<path>.read``, and signed with
the same keys. It names the manifest by its signature, so that the record of one backup
says nothing about another that is put in its place.
"""

import math
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self, TypeVar

from django.core.signing import Signer

from ..rclone.decoding import json_object, typed_fields
from .manifest import Manifest
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
    def finished(
        cls,
        manifest: Manifest,
        proof: Proof,
        *,
        clock: float,
        compared: Iterable[str],
        complaints: Iterable[str],
        **more: Any,
    ) -> Self:
        """Return the record of what ends now, and began when ``time.monotonic()`` was ``clock``.

        ``more`` are the fields of a kind of its own.
        """
        complaints = tuple(complaints)
        facts: dict[str, Any] = {
            "path": manifest.path,
            "manifest": manifest.signature,
            "proof": proof,
            "passed": not complaints,
            "finished_at": datetime.now(UTC),
            "duration": math.ceil(time.monotonic() - clock),
            "host": socket.gethostname(),
            "compared": tuple(compared),
            "complaints": complaints,
        }
        return cls(**facts, **more)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a stored record. Raises ``ValueError`` for anything else."""
        return cls(**typed_fields(cls, json_object(data)))

    @property
    def proven_at(self) -> datetime | None:
        """The date of which it proves the backup; ``None`` if it did not pass."""
        return self.finished_at if self.passed else None


_Record = TypeVar("_Record", bound=Rehearsal)


def refuting(records: Iterable[Rehearsal]) -> Rehearsal | None:
    """Return the record that says that a backup is not restorable, if one does.

    ``records`` are about one backup. Of each kind the last one counts. A rehearsal that passed
    refutes an earlier reading that did not, but no reading refutes a rehearsal.
    """
    by_date = sorted(records, key=lambda record: record.finished_at)
    last = {record.proof: record for record in by_date}
    rehearsed, read = last.get(Proof.REHEARSED), last.get(Proof.READ)
    if rehearsed and not rehearsed.passed:
        return rehearsed
    if read and not read.passed and not (rehearsed and rehearsed.finished_at > read.finished_at):
        return read
    return None


def record_path(path: str, proof: Proof) -> str:
    """Return where the record about the backup at ``path`` is stored."""
    return f"{path}.{proof}"


def record_signer(key: str, fallbacks: tuple[str, ...]) -> Signer:
    """Return the signer of records."""
    return signer_for(_SALT, key, fallbacks)


def read_record(
    data: bytes | None, manifest: str, signer: Signer, kind: type[_Record]
) -> _Record | None:
    """Return the record in ``data`` if it is one about the backup with this ``manifest``.

    ``manifest`` is the signature of the manifest. Whatever is forged, damaged or about
    another backup counts as none.
    """
    try:
        record = kind.from_bytes(data or b"")
    except ValueError:
        return None
    return record if record.manifest == manifest and record.is_signed_by(signer) else None
