"""Retention: deleting the backups that no rule keeps."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from .. import conf
from ..backups import Backup
from ..backups.catalog import Catalog, database_catalog
from ..backups.contents import Contents
from ..backups.manifest import Facts
from ..backups.naming import SAFETY, Naming
from ..backups.rehearsal import Proof, Rehearsal
from ..backups.retention import orphaned_dumps
from ..backups.rules import Verdict
from ..clients import get_client
from ..conf import Settings
from ..console import Console
from ..events import Operation
from ..locks import exclusive
from ..pipeline.compression import SUFFIXES
from ..rclone import Remote, session
from ..reporting import Sender, new_operation, report
from .deletion import delete_all, may_go, warn_of_kept
from .proofs import records_of
from .verdicts import judge_here, newest_rehearsed, pins_of

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


@session()
def prune_database(
    alias: str, *, sender: Sender, keep_path: str | None = None, console: Console = _QUIET
) -> Pruned:
    """Delete the backups of one database that neither ``RETENTION`` nor anything else keeps.

    ``keep_path`` is the path of one to keep in any case, such as the newest. Only verified
    backups of this environment are counted and deleted, partial ones apart, and none that
    is dated in the future, pinned, or part of a site backup. Dumps that a killed run left
    without a manifest are deleted two days later. Nothing is deleted unless the remote could be
    listed completely, and was then asked for by its name. Raises ``InvalidSettings``,
    ``OperationLocked`` or ``RcloneError``.
    """
    settings = conf.load()
    event = new_operation(Operation.DB_PRUNE, environment=settings.environment, database=alias)
    with report(event, sender=sender, console=console):
        remote = Remote(settings)
        with exclusive(remote, event):
            pruned = _prune(alias, remote, settings, keep_path, console)
    return pruned


@session()
def plan_prune(alias: str, *, upcoming: bool = False) -> list[Verdict]:
    """Return what ``prune_database()`` would keep, and why, newest first. Nothing changes.

    ``upcoming`` is to count a backup that would be made first. Raises ``InvalidSettings``
    or ``RcloneError``.
    """
    settings = conf.load()
    catalog = database_catalog(Remote(settings), settings)
    contents = catalog.read()
    now = datetime.now(UTC)
    extra = [_upcoming(alias, now, settings)] if upcoming else []
    return _plan(alias, catalog, contents, now, extra=extra).verdicts


def _plan(
    alias: str,
    catalog: Catalog,
    contents: Contents,
    now: datetime,
    *,
    keep_path: str | None = None,
    extra: Sequence[Backup] = (),
) -> _Plan:
    settings = catalog.settings
    ours = [b for b in contents.of(alias) if b.environment == settings.environment]
    orphans = orphaned_dumps(
        contents.uncommitted,
        alias,
        Naming(settings.db_filename_template, settings.db_date_format),
        extensions=_extensions(alias, settings),
        now=now,
    )

    def records(some: Sequence[Backup]) -> Iterator[Rehearsal]:
        return records_of(some, contents.stored, catalog.remote, settings, [Proof.REHEARSED])

    judged = [*extra, *ours]
    verdicts = judge_here(
        judged,
        settings,
        now,
        keep=settings.db_cleanup_keep,
        pins=pins_of(ours, contents, catalog.remote, settings),
        in_sites=contents.in_sites,
        rehearsed=newest_rehearsed(judged, records, now),
        keep_path=keep_path,
    )
    return _Plan(verdicts, orphans)


def _prune(
    alias: str, remote: Remote, settings: Settings, keep_path: str | None, console: Console
) -> Pruned:
    catalog = database_catalog(remote, settings)
    contents = catalog.read()
    now = datetime.now(UTC)
    plan = _plan(alias, catalog, contents, now, keep_path=keep_path)
    goes = [verdict.backup for verdict in reversed(plan.verdicts) if verdict.goes]
    pruned = Pruned(
        [backup for backup in goes if may_go(backup, contents, catalog, now, console)],
        [path for path in plan.orphans if _is_orphaned(path, catalog, console)],
    )
    delete_all(pruned.backups, pruned.orphans, contents, remote, console)
    warn_of_kept([verdict.backup for verdict in plan.verdicts], "backups", now, console)
    return pruned


def _upcoming(alias: str, now: datetime, settings: Settings) -> Backup:
    """Return the backup that is yet to be made."""
    partial = get_client(alias, settings).partial
    facts = Facts(now, alias, settings.environment, 0, partial, signature="")
    return Backup(path=f"{settings.db_backup_dir}/(the new backup)", size=0, facts=facts)


def _extensions(alias: str, settings: Settings) -> list[str]:
    """Return the extensions of the dumps of a database, compressed or not."""
    plain = get_client(alias, settings).extension
    ends = [plain, *(f"{plain}.{suffix}" for suffix in SUFFIXES.values())]
    return [*ends, *(SAFETY + end for end in ends)]


def _is_orphaned(path: str, catalog: Catalog, console: Console) -> bool:
    """Ask for the manifest by its name: its absence from one listing proves nothing."""
    if not catalog.has_manifest(path):
        return True
    console.warn(f"{path} has a manifest, which the listing lacked; it was kept.")
    return False
