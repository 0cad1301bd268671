"""Retention: deleting the backups that no rule keeps."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from .. import conf
from ..backups import Backup
from ..backups.catalog import Catalog, database_catalog
from ..backups.contents import Contents
from ..backups.manifest import Facts, manifest_path
from ..backups.naming import Naming
from ..backups.pins import REHEARSED_SUFFIX
from ..backups.retention import (
    CLOCK_TOLERANCE,
    dated_after,
    orphaned_dumps,
    with_empty_manifests,
)
from ..backups.rules import Verdict, judge
from ..clients import get_client
from ..conf import Settings
from ..conf.retention import Policy, time_zone
from ..console import Console
from ..events import Operation
from ..exceptions import BackupNotFound
from ..locks import exclusive
from ..pipeline.compression import SUFFIXES
from ..rclone import Remote
from ..reporting import Sender, new_operation, report

_QUIET = Console()


class Pruned(NamedTuple):
    """What retention deleted: backups that no rule keeps, and orphaned dumps, oldest first."""

    backups: list[Backup]
    orphans: list[str]


class _Plan(NamedTuple):
    """What a listing says of the backups of one database in this environment."""

    verdicts: list[Verdict]
    """Newest first."""
    orphans: list[str]


def prune_database(
    alias: str, *, sender: Sender, keep_path: str | None = None, console: Console = _QUIET
) -> Pruned:
    """Delete the backups of one database that neither ``RETENTION`` nor anything else keeps.

    ``keep_path`` is the path of one to keep in any case, such as the newest. Only verified
    backups of this environment are counted and deleted, partial ones apart, and none that
    is dated in the future, or pinned. Dumps that a killed run left without a manifest are
    deleted two days later. Nothing is deleted unless the remote could be listed completely,
    and was then asked for by its name. Raises ``InvalidSettings``, ``OperationLocked`` or
    ``RcloneError``.
    """
    settings = conf.load()
    event = new_operation(Operation.DB_PRUNE, environment=settings.environment, database=alias)
    with report(event, sender=sender, console=console):
        remote = Remote(settings)
        with exclusive(remote, event):
            pruned = _prune(alias, remote, settings, keep_path, console)
    return pruned


def plan_prune(alias: str, *, upcoming: bool = False) -> list[Verdict]:
    """Return what ``prune_database()`` would keep, and why, newest first. Nothing changes.

    ``upcoming`` is to count a backup that would be made first. Raises ``InvalidSettings``
    or ``RcloneError``.
    """
    settings = conf.load()
    contents = database_catalog(Remote(settings), settings).read()
    now = datetime.now(UTC)
    extra = [_upcoming(alias, now, settings)] if upcoming else []
    return _plan(alias, contents, settings, now, extra=extra).verdicts


def judged(
    backups: Sequence[Backup],
    contents: Contents,
    settings: Settings,
    now: datetime,
    *,
    keep_path: str | None = None,
) -> list[Verdict]:
    """Return why each of ``backups``, those of one database here, stays, newest first."""
    return judge(
        backups,
        settings.retention or Policy(last=settings.db_cleanup_keep),
        zone=time_zone(),
        now=now,
        keep_path=keep_path,
        pinned=contents.pinned,
        rehearsed=contents.rehearsed,
    )


def _plan(
    alias: str,
    contents: Contents,
    settings: Settings,
    now: datetime,
    *,
    keep_path: str | None = None,
    extra: Sequence[Backup] = (),
) -> _Plan:
    ours = [b for b in contents.of(alias) if b.environment == settings.environment]
    orphans = orphaned_dumps(
        contents.uncommitted,
        alias,
        Naming(settings.db_filename_template, settings.db_date_format),
        extensions=_extensions(alias, settings),
        now=now,
    )
    verdicts = judged([*extra, *ours], contents, settings, now, keep_path=keep_path)
    return _Plan(verdicts, orphans)


def _prune(
    alias: str, remote: Remote, settings: Settings, keep_path: str | None, console: Console
) -> Pruned:
    catalog = database_catalog(remote, settings)
    contents = catalog.read()
    now = datetime.now(UTC)
    plan = _plan(alias, contents, settings, now, keep_path=keep_path)
    goes = [verdict.backup for verdict in reversed(plan.verdicts) if verdict.goes]
    pruned = Pruned(
        [backup for backup in goes if _may_go(backup, catalog, console)],
        [path for path in plan.orphans if _is_orphaned(path, catalog, console)],
    )
    for backup in pruned.backups:
        # The manifest first: an interrupted deletion leaves no backup behind.
        remote.delete(manifest_path(backup.path))
        if backup.path in contents.rehearsed:
            remote.delete(backup.path + REHEARSED_SUFFIX)
        remote.delete(backup.path)
        console.deleted(backup.path)
    for path in with_empty_manifests(pruned.orphans, contents.uncommitted):
        remote.delete(path)
        console.deleted(path)
    _warn_of_kept([verdict.backup for verdict in plan.verdicts], now, console)
    return pruned


def _upcoming(alias: str, now: datetime, settings: Settings) -> Backup:
    """Return the backup that is yet to be made."""
    facts = Facts(now, alias, settings.environment, 0, partial=get_client(alias, settings).partial)
    return Backup(path=f"{settings.db_backup_dir}/(the new backup)", size=0, facts=facts)


def _extensions(alias: str, settings: Settings) -> list[str]:
    """Return the extensions of the dumps of a database, compressed or not."""
    plain = get_client(alias, settings).extension
    return [plain, *(f"{plain}.{suffix}" for suffix in SUFFIXES.values())]


def _may_go(backup: Backup, catalog: Catalog, console: Console) -> bool:
    """Ask for a backup and its pin by their names before it is deleted: a listing may be wrong."""
    try:
        found = catalog.get(backup.path)
    except BackupNotFound:
        return False
    if catalog.has_pin(backup.path):
        console.warn(f"{backup.path} has a pin, which the listing lacked; it was kept.")
        return False
    if found.verified and found.manifest and found.manifest.facts == backup.facts:
        return True
    console.warn(f"{backup.path} is not what the listing says; it was kept.")
    return False


def _is_orphaned(path: str, catalog: Catalog, console: Console) -> bool:
    """Ask for the manifest by its name: its absence from one listing proves nothing."""
    if not catalog.has_manifest(path):
        return True
    console.warn(f"{path} has a manifest, which the listing lacked; it was kept.")
    return False


def _warn_of_kept(ours: Sequence[Backup], now: datetime, console: Console) -> None:
    if unverified := [backup for backup in ours if not backup.verified]:
        console.warn(f"{len(unverified)} backups could not be verified; they were kept.")
    if ahead := dated_after(ours, now + CLOCK_TOLERANCE):
        console.warn(
            f"{len(ahead)} backups are dated in the future, such as {ahead[0].path}; they were "
            "kept and not counted. Check the clock of this host and of the one that made them."
        )
