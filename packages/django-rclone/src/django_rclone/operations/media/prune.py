"""Retention of runs, and the deletion of content that no run needs."""

from collections.abc import Sequence
from datetime import UTC, datetime

from ... import conf
from ...backups import Backup
from ...backups.catalog import Catalog
from ...backups.contents import Contents
from ...backups.index import EXTENSION
from ...backups.manifest import Facts
from ...backups.retention import orphaned_dumps
from ...backups.rules import Verdict
from ...conf import Settings
from ...console import Console
from ...events import Operation
from ...exceptions import BackupRejected
from ...locks import exclusive
from ...rclone import Remote, session
from ...rclone.copying import Copying
from ...reporting import Sender, new_operation, report
from ..deletion import delete_all, may_go, warn_of_kept
from ..verdicts import judge_here, pins_of
from .content_store import content_name
from .runs import (
    NAMING,
    content_folder,
    read_index,
    run_catalog,
)
from .stored import list_stored
from .workset import WorkSet

_QUIET = Console()
_BATCH = 10_000  # names


@session()
def prune_media(
    source: str, *, sender: Sender, keep_path: str | None = None, console: Console = _QUIET
) -> list[Backup]:
    """Delete the runs of a source that no rule keeps, and return them.

    The rules are those of databases, with ``MEDIA_CLEANUP_KEEP`` if ``RETENTION`` is not set: only
    verified runs of this environment count, incomplete ones apart, and pinned ones stay. Then
    content is deleted that no run on the remote needs, of whatever source or environment,
    verified or not. If one of their indexes cannot be read, no content is. ``keep_path`` is the
    path of a run to keep in any case. Raises ``InvalidSettings``, ``OperationLocked``,
    ``BackupRejected`` or ``RcloneError``.
    """
    settings = conf.load()
    event = new_operation(
        Operation.MEDIA_PRUNE, environment=settings.environment, started_at=datetime.now(UTC)
    )
    with report(event, sender=sender, console=console) as context:
        remote = Remote(settings)
        # It excludes backups and restores, too: a run on its way may need any content.
        with exclusive(remote, event):
            catalog = run_catalog(remote, settings)
            contents = catalog.read()
            runs = contents.backups
            pruned = _prune_runs(source, contents, catalog, keep_path, console)
            gone = {run.path for run in pruned}
            kept = [run for run in runs if run.path not in gone]
            _require_complete(runs, contents, catalog)
            context.size = _prune_content(kept, remote, settings, console)
    return pruned


@session()
def plan_media_prune(source: str) -> list[Verdict]:
    """Return what ``prune_media()`` would keep after one more run, and why, newest first.

    Nothing changes. Raises ``InvalidSettings`` or ``RcloneError``.
    """
    settings = conf.load()
    catalog = run_catalog(Remote(settings), settings)
    now = datetime.now(UTC)
    facts = Facts(now, source, settings.environment, 0, partial=False, signature="")
    upcoming = Backup(path=f"{settings.media_backup_dir}/(the new run)", size=0, facts=facts)
    return _judged(source, catalog.read(), catalog, now, extra=[upcoming])


def _judged(
    source: str,
    contents: Contents,
    catalog: Catalog,
    now: datetime,
    *,
    keep_path: str | None = None,
    extra: Sequence[Backup] = (),
) -> list[Verdict]:
    settings = catalog.settings
    whose = (source, settings.environment)
    ours = [run for run in contents.backups if (run.database, run.environment) == whose]
    return judge_here(
        [*extra, *ours],
        settings,
        now,
        keep=settings.media_cleanup_keep,
        pins=pins_of(ours, contents, catalog.remote, settings),
        in_sites=contents.in_sites,
        keep_path=keep_path,
    )


def _prune_runs(
    source: str,
    contents: Contents,
    catalog: Catalog,
    keep_path: str | None,
    console: Console,
) -> list[Backup]:
    now = datetime.now(UTC)
    verdicts = _judged(source, contents, catalog, now, keep_path=keep_path)
    goes = [verdict.backup for verdict in reversed(verdicts) if verdict.goes]
    runs = [run for run in goes if may_go(run, contents, catalog, now, console)]
    orphans = [
        path
        for path in orphaned_dumps(
            contents.uncommitted, source, NAMING, extensions=[EXTENSION], now=now
        )
        if not catalog.has_manifest(path)
    ]
    delete_all(runs, orphans, contents, catalog.remote, console)
    warn_of_kept([verdict.backup for verdict in verdicts], "runs", now, console)
    return runs


def _require_complete(runs: Sequence[Backup], contents: Contents, catalog: Catalog) -> None:
    """Raise ``BackupRejected`` if there is a run that the listing lacks.

    Absence in one listing is not absence: what looks like half a run is asked for by name.
    """
    for path in sorted(contents.halves - {run.path for run in runs}):
        if catalog.remote.size(path) is not None and catalog.has_manifest(path):
            raise BackupRejected(
                f"The listing of the remote lacked part of {path}: no content was deleted.",
                hint="Run the command again.",
            )


def _prune_content(
    kept: Sequence[Backup], remote: Remote, settings: Settings, console: Console
) -> int:
    """Delete the content that none of the runs needs, and return its bytes."""
    copying = Copying(settings)
    place = remote.address(content_folder(settings))
    with WorkSet() as work:
        list_stored(copying, place, work)
        for run in kept:
            work.run("DELETE FROM run")
            _read_any(remote, run, work)
            work.run("DELETE FROM stored WHERE sha256 IN (SELECT sha256 FROM run)")
        size = work.number("SELECT sum(size) FROM stored")
        count = work.number("SELECT count(*) FROM stored")
        while names := _some_names(work):
            copying.delete(place, names)
        if count:
            console.deleted(f"{count:,} contents that no run needs")
    return size


def _read_any(remote: Remote, run: Backup, work: WorkSet) -> None:
    """Read the index of a run. Raises ``BackupRejected`` if that is impossible."""
    try:
        read_index(remote, run, work)
    except BackupRejected as error:
        raise BackupRejected(
            f"Old runs were deleted, but no content was, since {run.path} may need it: "
            f"{error.message}",
            hint="Find out what happened to it. As long as it is there, content is only added.",
        ) from None


def _some_names(work: WorkSet) -> list[str]:
    rows = work.rows("SELECT sha256 FROM stored ORDER BY sha256 LIMIT ?", (_BATCH,))
    hashes = [h for (h,) in rows if isinstance(h, bytes)]
    if hashes:
        work.run("DELETE FROM stored WHERE sha256 <= ?", (hashes[-1],))
    return [content_name(h) for h in hashes]
