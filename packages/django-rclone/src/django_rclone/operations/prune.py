"""Retention: deleting the backups beyond those to keep."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from .. import conf
from ..backups import Backup
from ..backups.catalog import Catalog, database_catalog
from ..backups.manifest import manifest_path
from ..backups.naming import Naming
from ..backups.retention import (
    CLOCK_TOLERANCE,
    dated_after,
    expired,
    orphaned_dumps,
    with_empty_manifests,
)
from ..clients import get_client
from ..conf import Settings
from ..console import Console
from ..events import Operation
from ..exceptions import BackupNotFound
from ..locks import exclusive
from ..pipeline.compression import SUFFIXES
from ..rclone import Remote, session
from ..reporting import Sender, new_operation, report

_QUIET = Console()


class Pruned(NamedTuple):
    """What retention deleted: backups beyond those to keep, and orphaned dumps, oldest first."""

    backups: list[Backup]
    orphans: list[str]


@session()
def prune_database(
    alias: str, *, sender: Sender, keep_path: str | None = None, console: Console = _QUIET
) -> Pruned:
    """Delete the verified backups of one database beyond the newest ``DB_CLEANUP_KEEP``.

    ``keep_path`` is the path of one to keep in any case, such as the newest. Only backups
    of this environment are counted and deleted, partial ones apart, and none that is dated
    in the future. Dumps that a killed run left without a manifest are deleted two days
    later. Nothing is deleted unless the remote could be listed completely, and was then
    asked for by its name. Raises ``InvalidSettings``, ``OperationLocked`` or ``RcloneError``.
    """
    settings = conf.load()
    event = new_operation(Operation.DB_PRUNE, environment=settings.environment, database=alias)
    with report(event, sender=sender, console=console):
        remote = Remote(settings)
        with exclusive(remote, event):
            pruned = _prune(alias, remote, settings, keep_path, console)
    return pruned


def _prune(
    alias: str, remote: Remote, settings: Settings, keep_path: str | None, console: Console
) -> Pruned:
    catalog = database_catalog(remote, settings)
    contents = catalog.read()
    now = datetime.now(UTC)
    whose = (alias, settings.environment)
    ours = [b for b in contents.backups if (b.database, b.environment) == whose]
    ahead = dated_after(ours, now)
    past = [backup for backup in ours if backup not in ahead]
    backups = expired(past, keep=settings.db_cleanup_keep, keep_path=keep_path)
    orphans = orphaned_dumps(
        contents.uncommitted,
        alias,
        Naming(settings.db_filename_template, settings.db_date_format),
        extensions=_extensions(alias, settings),
        now=now,
    )
    pruned = Pruned(
        [backup for backup in reversed(backups) if _is_as_listed(backup, catalog, console)],
        [path for path in orphans if _is_orphaned(path, catalog, console)],
    )
    for backup in pruned.backups:
        # The manifest first: an interrupted deletion leaves no backup behind.
        remote.delete(manifest_path(backup.path))
        remote.delete(backup.path)
        console.deleted(backup.path)
    for path in with_empty_manifests(pruned.orphans, contents.uncommitted):
        remote.delete(path)
        console.deleted(path)
    _warn_of_kept(
        [b for b in ours if not b.verified], dated_after(ahead, now + CLOCK_TOLERANCE), console
    )
    return pruned


def _extensions(alias: str, settings: Settings) -> list[str]:
    """Return the extensions of the dumps of a database, compressed or not."""
    plain = get_client(alias, settings).extension
    return [plain, *(f"{plain}.{suffix}" for suffix in SUFFIXES.values())]


def _is_as_listed(backup: Backup, catalog: Catalog, console: Console) -> bool:
    """Ask for a backup by its name before it is deleted: one listing may be wrong."""
    try:
        found = catalog.get(backup.path)
    except BackupNotFound:
        return False
    if found.verified and found.manifest == backup.manifest:
        return True
    console.warn(f"{backup.path} is not what the listing says; it was kept.")
    return False


def _is_orphaned(path: str, catalog: Catalog, console: Console) -> bool:
    """Ask for the manifest by its name: its absence from one listing proves nothing."""
    if not catalog.has_manifest(path):
        return True
    console.warn(f"{path} has a manifest, which the listing lacked; it was kept.")
    return False


def _warn_of_kept(unverified: Sequence[Backup], ahead: Sequence[Backup], console: Console) -> None:
    if unverified:
        console.warn(f"{len(unverified)} backups could not be verified; they were kept.")
    if ahead:
        console.warn(
            f"{len(ahead)} backups are dated in the future, such as {ahead[0].path}; they were "
            "kept and not counted. Check the clock of this host and of the one that made them."
        )
