"""The reading of a stored dump, compared with its manifest."""

from ..backups import Backup
from ..backups.inventory import Inventory
from ..console import Console
from ..exceptions import BackupRejected
from ..pipeline.compression import Decompressor
from ..pipeline.decoding import Decoder
from ..pipeline.relay import Digest, Sink, apply_dump
from ..rclone import Remote

_ANOTHER = (
    "Choose another backup with -i. `manage.py dbverify --all --remote-only` says which ones can "
    "be read."
)


def stream(backup: Backup, remote: Remote, sink: Sink, console: Console) -> None:
    """Write the whole backup to ``sink`` and finish it, once it was compared with its manifest."""
    try:
        with remote.download(backup.path) as download:
            apply_dump(
                download,
                sink,
                compression=_compression_of(backup),
                expected=_expected_digest(backup),
                progress=lambda done: console.progress(done, backup.size),
            )
    except BackupRejected as error:
        raise BackupRejected(error.message, hint=error.hint or _ANOTHER) from error


def expected_inventory(backup: Backup) -> Inventory | None:
    """Return what a restore of the backup must bring back, if its manifest is verified and knows.

    Raises ``BackupRejected`` for an inventory that cannot be read.
    """
    if backup.manifest is None or not backup.verified or not backup.manifest.inventory:
        return None
    try:
        return Inventory.from_text(backup.manifest.inventory)
    except ValueError as error:
        raise BackupRejected(
            f"The inventory in the manifest of {backup.path} cannot be read: {error}.",
            hint="It was made by another release of django-rclone: restore it with that one.",
        ) from None


def _compression_of(backup: Backup) -> str | Decompressor | None:
    """Return the compression that its manifest names or, without one, what its content shows."""
    if backup.manifest is not None and backup.verified:
        return backup.manifest.compression
    return Decoder()


def _expected_digest(backup: Backup) -> Digest | None:
    """Return what the dump must match, if the manifest is verified."""
    if backup.manifest is None or not backup.verified:
        return None
    return backup.manifest.digest
