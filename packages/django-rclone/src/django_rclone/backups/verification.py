"""One stored object and what its manifest says of it: whether they belong together."""

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from django.core.signing import Signer

from . import Backup
from .manifest import Manifest, ManifestError


class Facts(NamedTuple):
    """What a listing takes from a manifest."""

    created_at: datetime
    database: str | None
    environment: str
    size: int
    partial: bool

    def backup(self, path: str, size: int, problem: str = "") -> Backup:
        """Return the object of ``size`` bytes at ``path`` as a backup with these facts."""
        if not problem and self.size != size:
            problem = f"it has {size:,} bytes, its manifest says {self.size:,}"
        return Backup(
            path=path,
            size=size,
            problem=problem,
            created_at=self.created_at,
            database=self.database,
            environment=self.environment,
            partial=self.partial,
        )


def read_backup(path: str, size: int, data: bytes | None, signer: Signer) -> Backup:
    """Return the object of ``size`` bytes at ``path`` as a backup.

    ``data`` is its stored manifest, or ``None`` if there is none.
    """
    if data is None:
        return Backup(path=path, size=size, problem="it has no manifest")
    try:
        manifest = Manifest.from_bytes(data)
    except ManifestError as error:
        return Backup(path=path, size=size, problem=f"its manifest cannot be read: {error}")
    return replace(compare(path, size, manifest, signer), manifest=manifest)


def compare(path: str, size: int, manifest: Manifest, signer: Signer) -> Backup:
    """Return the object of ``size`` bytes at ``path``, which ``manifest`` is found next to."""
    problem = _problem(path, manifest, signer)
    if manifest.path != path:
        # It may be a copy of a good one, or forged: in neither case it is about this object.
        return Backup(path=path, size=size, problem=problem)
    facts = Facts(
        manifest.created_at,
        manifest.database,
        manifest.environment,
        manifest.size,
        manifest.partial,
    )
    return facts.backup(path, size, problem)


def _problem(path: str, manifest: Manifest, signer: Signer) -> str:
    """Return why ``manifest`` says nothing about ``path``; nothing if it does."""
    if not manifest.is_signed_by(signer):
        return "its manifest was altered, or signed with another key"
    if manifest.path != path:
        return f"its manifest is that of {manifest.path}"
    return "its last run did not finish" if manifest.unfinished else ""
