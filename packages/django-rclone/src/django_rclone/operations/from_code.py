"""What code of a site may call, by ``from django_rclone import backup_database``.

Functions do what the commands do, return results, raise the errors of
``django_rclone.exceptions``, and log their steps. Nobody is asked: a restore begins at once.
Receivers of signals get the class of the command for a sender, as from the command itself.
"""

from collections.abc import Sequence

from django.core.management import load_command_class
from django.db import DEFAULT_DB_ALIAS

from .. import conf
from ..backups import Backup
from ..backups.health import Health
from ..backups.rehearsal import Rehearsal
from ..conf.media_sources import MediaSource
from ..events import MediaCounts
from ..exceptions import InvalidSettings
from ..rclone import session
from ..reporting import Sender
from . import backup, check, listing, pinning, prune, restore, several, verify
from .databases import every_database
from .listing import Listed
from .logged import LogConsole
from .media import plan as media_plan
from .media import prune as media_prune
from .media import restore as media_restore
from .media import runs
from .media import several as media_several
from .media.backup import Stored
from .prune import Pruned

_LOG = LogConsole()


def backup_database(database: str = DEFAULT_DB_ALIAS, *, retries: int = 0) -> Backup:
    """Back up one database, and return the backup.

    A failed backup is tried up to ``retries`` times more. Raises ``DumpError``,
    ``RcloneError``, ``OperationVetoed`` and others of ``DjangoRcloneError``, or
    ``InvalidSettings``.
    """
    _LOG.backing_up(database)
    done = backup.backup_database(
        database, sender=_sender("dbbackup"), retries=retries, console=_LOG
    )
    _LOG.stored(done.path, done.size)
    return done


def backup_databases(
    databases: Sequence[str] | None = None,
    *,
    verify: bool = False,
    clean: bool = False,
    retries: int = 0,
    jobs: int = 1,
) -> list[Backup]:
    """Back up several databases, by default every one, and return the backups.

    Each is tried, whatever becomes of the others. With ``verify`` each backup is rehearsed,
    with ``clean`` old ones are deleted; up to ``jobs`` databases are worked on at once. Raises
    ``BackupsFailed``, which has what was stored and what failed, or ``InvalidSettings``.
    """
    return several.backup_databases(
        every_database(console=_LOG) if databases is None else list(databases),
        sender=_sender("dbbackup"),
        retries=retries,
        verify=verify,
        clean=clean,
        jobs=jobs,
        console=_LOG,
    )


@session()
def restore_database(
    database: str = DEFAULT_DB_ALIAS,
    *,
    name: str | None = None,
    from_environment: str | None = None,
    unverified: bool = False,
    partial: bool = False,
    safety_backup: bool = True,
) -> Backup:
    """Replace a database with a backup, the newest or that of a ``name``, and return the backup.

    The others are the options of ``dbrestore``. Raises ``BackupNotFound``,
    ``BackupRejected``, ``RestoreError`` and others of ``DjangoRcloneError``, or
    ``InvalidSettings``. After ``SwapBroken`` and ``SwapUnknown`` alone the database may not be
    as it was.
    """
    plan = restore.plan_restore(
        database,
        name=name,
        from_environment=from_environment,
        unverified=unverified,
        partial=partial,
        safety_backup=safety_backup,
    )
    for warning in plan.warnings:
        _LOG.warn(warning)
    restore.restore_database(plan, sender=_sender("dbrestore"), console=_LOG)
    return plan.backup


def verify_database(
    database: str = DEFAULT_DB_ALIAS, *, name: str | None = None, remote_only: bool = False
) -> Rehearsal:
    """Rehearse a backup, the newest or that of a ``name``, and return the record.

    With ``remote_only`` it is only read back. Raises ``VerificationFailed`` if it did not
    pass, or another ``DjangoRcloneError`` or ``InvalidSettings`` if it could not be tried.
    """
    return verify.verify_database(
        database, name=name, remote_only=remote_only, sender=_sender("dbverify"), console=_LOG
    )


def prune_database(database: str = DEFAULT_DB_ALIAS) -> Pruned:
    """Delete the backups of a database that no rule keeps, and return what was deleted.

    Raises ``OperationLocked``, ``RcloneError`` or ``InvalidSettings``.
    """
    return prune.prune_database(database, sender=_sender("prune"), console=_LOG)


def list_backups(database: str | None = None) -> list[Listed]:
    """Return the backups of one database, or of all, newest first, with what keeps each.

    Raises ``RcloneError`` or ``InvalidSettings``.
    """
    return listing.list_databases(database)


def check_backups() -> list[Health]:
    """Return the health of every database's backups, as ``backupcheck`` shows it.

    Raises ``RcloneError`` or ``InvalidSettings``.
    """
    return check.check_backups(sender=_sender("backupcheck"), console=_LOG)


def pin_backup(name: str, reason: str = "") -> str:
    """Let no clean-up delete a backup, and return its path. Raises as ``list_backups()`` does."""
    return pinning.pin_backup(name, reason)


def unpin_backup(name: str) -> str:
    """Let clean-ups delete a backup again, and return its path."""
    return pinning.unpin_backup(name)


def backup_media(
    source: str | None = None, *, force: bool = False, clean: bool = False
) -> list[Stored]:
    """Back up the media files of one source, or of all, and return the runs.

    ``force`` and ``clean`` are those of ``mediabackup``. Raises ``MediaGuardError``,
    ``MediaIncomplete`` and others of ``DjangoRcloneError``, with several sources
    ``BackupsFailed``; or ``InvalidSettings``.
    """
    return media_several.backup_sources(
        _sources(source), sender=_sender("mediabackup"), force=force, clean=clean, console=_LOG
    )


@session()
def restore_media(
    source: str | None = None,
    *,
    at: str | None = None,
    path: str | None = None,
    to: str | None = None,
    delete: bool = False,
    from_environment: str | None = None,
    unverified: bool = False,
    force: bool = False,
) -> MediaCounts:
    """Make the media files of a source equal those of a run, and return what was done.

    Without ``source`` there must be one alone. The others are the options of
    ``mediarestore``. Raises ``BackupNotFound``, ``MediaGuardError``, ``MediaIncomplete``
    and others of ``DjangoRcloneError``, or ``InvalidSettings``.
    """
    [chosen, *others] = _sources(source)
    if others:
        known = ", ".join(repr(one.name) for one in (chosen, *others))
        problem = f"has several sources ({known}), and none was named"
        raise InvalidSettings("MEDIA_SOURCES", problem, "Name the one to restore.")
    plan = media_plan.plan_media_restore(
        chosen,
        at=at,
        path=path,
        to=to,
        delete=delete,
        from_environment=from_environment,
        unverified=unverified,
        force=force,
    )
    with plan:
        for warning in plan.warnings:
            _LOG.warn(warning)
        return media_restore.restore_media(plan, sender=_sender("mediarestore"), console=_LOG)


def list_media(source: str | None = None) -> list[Backup]:
    """Return the runs of one source, or of all, newest first.

    Raises ``RcloneError`` or ``InvalidSettings``.
    """
    return runs.list_runs(source)


def prune_media(source: str) -> list[Backup]:
    """Delete the runs of a source that no rule keeps, and return them.

    Raises ``OperationLocked``, ``RcloneError`` and others of ``DjangoRcloneError``, or
    ``InvalidSettings``.
    """
    return media_prune.prune_media(source, sender=_sender("mediabackup"), console=_LOG)


def _sender(command: str) -> Sender:
    """Return the class of a command. No import: commands stand above operations."""
    return type(load_command_class("django_rclone", command))


def _sources(name: str | None) -> list[MediaSource]:
    sources = {one.name: one for one in conf.load().media_sources}
    if name is None:
        return list(sources.values())
    if name not in sources:
        problem = f"has no source {name!r}"
        raise InvalidSettings("MEDIA_SOURCES", problem, f"Known: {', '.join(sources)}.")
    return [sources[name]]
