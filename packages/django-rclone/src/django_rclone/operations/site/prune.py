"""Retention of site backups: whole ones go by the rules, and then their parts."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from ...backups import Backup
from ...backups.manifest import Facts
from ...backups.retention import LEFTOVER_AGE
from ...backups.sites import (
    DATABASE,
    MARK_SUFFIX,
    SiteRecord,
    date_of,
    mark_path,
    read_sites,
    record_path,
)
from ...conf import Settings
from ...console import Console
from ...exceptions import BackupsFailed, DjangoRcloneError
from ...rclone import Remote
from ...reporting import Sender
from ..media.prune import prune_media
from ..media.runs import runs_folder
from ..prune import prune_database
from ..verdicts import judge_here
from .listing import ListedSite, with_missing


def prune_sites(
    newest: SiteRecord, remote: Remote, settings: Settings, *, sender: Sender, console: Console
) -> None:
    """Delete the site backups that no rule keeps, and then what no rule keeps of their parts.

    The rules are those of databases. Site backups in which something is missing count
    apart. No part of one that stays is deleted. ``newest`` is the one just made, whose
    databases and sources are pruned. Raises ``BackupsFailed`` if any of that failed.
    """
    steps: dict[str, Callable[[], object]] = {
        "site": partial(_prune_records, newest, remote, settings, console)
    }
    for part in newest.parts:
        prune = prune_database if part.kind == DATABASE else prune_media
        steps[part.of if part.kind == DATABASE else f"media source {part.of}"] = partial(
            prune, part.of, sender=sender, keep_path=part.path, console=console
        )
    failed: dict[str, Exception] = {}
    for name, step in steps.items():
        try:
            step()
        except DjangoRcloneError as error:
            failed[name] = error
    if failed:
        raise BackupsFailed([newest], {}, failed)


def _prune_records(
    newest: SiteRecord, remote: Remote, settings: Settings, console: Console
) -> None:
    sites = with_missing(read_sites(remote, settings), remote, settings)
    ours = {
        listed.site.path: (listed, listed.site.record)
        for listed in sites
        if listed.site.record and listed.site.record.environment == settings.environment
    }
    verdicts = judge_here(
        [_as_backup(*one) for one in ours.values()],
        settings,
        datetime.now(UTC),
        keep=settings.db_cleanup_keep,
        keep_path=record_path(newest.name),
    )
    for path in [verdict.backup.path for verdict in reversed(verdicts) if verdict.goes]:
        # The record first: an interrupted clean-up leaves parts, and no site backup.
        remote.delete(path)
        console.deleted(path)
        for part in ours[path][1].parts:
            remote.delete(mark_path(part.path))
    _delete_orphaned_marks(remote, settings)


def _delete_orphaned_marks(remote: Remote, settings: Settings) -> None:
    """Delete the marks of parts whose site backup is gone, or whose run died before it was one.

    A mark that cannot be read stays: it can only protect.
    """
    folders = (settings.db_backup_dir, runs_folder(settings))
    marks = {
        item.path
        for folder in folders
        for item in remote.list(folder)
        if item.path.endswith(MARK_SUFFIX)
    }
    sites = read_sites(remote, settings)
    kept = {mark_path(part.path) for one in sites if one.record for part in one.record.parts}
    for mark in sorted(marks - kept):
        name = (remote.read(mark) or b"").decode("utf-8", "replace").strip()
        date = date_of(name)
        # One that is young may belong to a run at work.
        if date is None or date > datetime.now(UTC) - LEFTOVER_AGE:
            continue
        # Absence in one listing is not absence.
        if remote.size(record_path(name)) is None:
            remote.delete(mark)


def _as_backup(listed: ListedSite, record: SiteRecord) -> Backup:
    """Return a site backup as the rules of retention take it."""
    facts = Facts(
        record.created_at,
        None,
        record.environment,
        record.size,
        record.partial or bool(listed.missing),
        record.signature,
    )
    site = listed.site
    return Backup(path=site.path, size=record.size, facts=facts, problem=site.problem)
