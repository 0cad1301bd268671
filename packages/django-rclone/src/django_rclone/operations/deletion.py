"""The deletion of backups and runs that no rule keeps, once each was asked for by its name."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from ..backups import Backup
from ..backups.catalog import Catalog
from ..backups.contents import Contents
from ..backups.manifest import manifest_path
from ..backups.pins import pin_path
from ..backups.rehearsal import Proof, record_path
from ..backups.retention import CLOCK_TOLERANCE, dated_after, with_empty_manifests
from ..console import Console
from ..exceptions import BackupNotFound
from ..rclone import Remote


def may_go(
    backup: Backup, contents: Contents, catalog: Catalog, now: datetime, console: Console
) -> bool:
    """Ask for a backup and what protects it by name before it is deleted: a listing may be wrong."""
    try:
        found = catalog.get(backup.path)
    except BackupNotFound:
        return False
    record = record_path(backup.path, Proof.REHEARSED)
    if (pin := catalog.pin_of(backup.path)) and pin.holds(now):
        reason = "has a pin, which the listing lacked"
    elif catalog.has_site(backup.path):
        reason = "is part of a site backup, which the listing lacked"
    elif record not in contents.stored and catalog.remote.size(record) is not None:
        reason = "was rehearsed, which the listing lacked"
    elif not found.verified or not found.manifest or found.manifest.facts != backup.facts:
        reason = "is not what the listing says"
    else:
        return True
    console.warn(f"{backup.path} {reason}; it was kept.")
    return False


def delete_all(
    backups: Sequence[Backup],
    orphans: Iterable[str],
    contents: Contents,
    remote: Remote,
    console: Console,
) -> None:
    """Delete backups with all that is next to them, and orphaned dumps. Raises ``RcloneError``."""
    for backup in backups:
        if backup.path in contents.pinned:
            remote.delete(pin_path(backup.path))  # it has ended
        # The manifest first: an interrupted deletion leaves no backup behind.
        remote.delete(manifest_path(backup.path))
        for record in (record_path(backup.path, proof) for proof in Proof):
            if record in contents.stored:
                remote.delete(record)
        remote.delete(backup.path)
        console.deleted(backup.path)
    for path in with_empty_manifests(orphans, contents.uncommitted):
        remote.delete(path)
        console.deleted(path)


def warn_of_kept(ours: Sequence[Backup], what: str, now: datetime, console: Console) -> None:
    """Warn of those that no rule counted; ``what`` is what they are called, in the plural."""
    if unverified := [backup for backup in ours if not backup.verified]:
        console.warn(f"{len(unverified)} {what} could not be verified; they were kept.")
    if ahead := dated_after(ours, now + CLOCK_TOLERANCE):
        console.warn(
            f"{len(ahead)} {what} are dated in the future, such as {ahead[0].path}; they were "
            "kept and not counted. Check the clock of this host and of the one that made them."
        )
