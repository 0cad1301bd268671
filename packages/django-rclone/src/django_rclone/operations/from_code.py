"""What code of a site may call for databases, by ``from django_rclone import backup_database``.

Functions do what the commands do, return results, raise the errors of
``django_rclone.exceptions``, and log their steps. Nobody is asked: a restore begins at once.
Receivers of signals get the class of the command for a sender, as from the command itself.
"""

from collections.abc import Sequence

from django.db import DEFAULT_DB_ALIAS

from ..backups import Backup
from ..backups.health import Health
from ..backups.pins import Pin
from ..backups.rehearsal import Rehearsal
from ..backups.rules import Verdict
from ..rclone import session
from . import backup, check, listing, pinning, prune, restore, salvage, several, verify
from .databases import databases_named
from .listing import Listed
from .logged import LOG, sender_of
from .prune import Pruned
from .salvage import Salvage


def backup_database(database: str = DEFAULT_DB_ALIAS, *, retries: int = 0) -> Backup:
    """Back up one database, and return the backup.

    A failed backup is tried up to ``retries`` times more. Raises ``DumpError``,
    ``RcloneError``, ``OperationVetoed`` and others of ``DjangoRcloneError``, or
    ``InvalidSettings``.
    """
    LOG.backing_up(database)
    done = backup.backup_database(
        database, sender=sender_of("dbbackup"), retries=retries, console=LOG
    )
    LOG.stored(done.path, done.size)
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
        databases_named(databases, console=LOG),
        sender=sender_of("dbbackup"),
        retries=retries,
        verify=verify,
        clean=clean,
        jobs=jobs,
        console=LOG,
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
    foreign: str | None = None,
    jobs: int = 1,
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
        foreign=foreign,
        jobs=jobs,
    )
    for warning in plan.warnings:
        LOG.warn(warning)
    restore.restore_database(plan, sender=sender_of("dbrestore"), console=LOG)
    return plan.backup


@session()
def salvage_database(
    database: str = DEFAULT_DB_ALIAS,
    *,
    name: str | None = None,
    from_environment: str | None = None,
    unverified: bool = False,
    partial: bool = False,
) -> Salvage:
    """Make what can be made of a backup in a new place next to the database.

    The database is not touched. Returns the place, and a sentence for each thing that is
    missing there. The options are those of ``dbrestore``. Raises ``BackupNotFound``,
    ``BackupRejected``, ``RestoreError`` and others of ``DjangoRcloneError``, or
    ``InvalidSettings``.
    """
    plan = restore.plan_restore(
        database,
        name=name,
        from_environment=from_environment,
        unverified=unverified,
        partial=partial,
        salvage=True,
    )
    for warning in plan.warnings:
        LOG.warn(warning)
    return salvage.salvage_database(plan, console=LOG)


def verify_database(
    database: str = DEFAULT_DB_ALIAS,
    *,
    name: str | None = None,
    remote_only: bool = False,
    jobs: int = 1,
) -> Rehearsal:
    """Rehearse a backup, the newest or that of a ``name``, and return the record.

    With ``remote_only`` it is only read back. ``jobs`` is that of ``dbverify``. Raises
    ``VerificationFailed`` if it did not pass, or another ``DjangoRcloneError`` or
    ``InvalidSettings`` if it could not be tried.
    """
    return verify.verify_database(
        database,
        name=name,
        remote_only=remote_only,
        jobs=jobs,
        sender=sender_of("dbverify"),
        console=LOG,
    )


def verify_databases(
    databases: Sequence[str] | None = None,
    *,
    every: bool = False,
    remote_only: bool = False,
    jobs: int = 1,
) -> list[Rehearsal]:
    """Rehearse the newest backup of several databases, by default of all; return the records.

    With ``every`` it is every signed backup. Each is tried, whatever becomes of the others.
    Raises ``VerificationFailed`` in the end if one did not pass, with the words of each.
    """
    return verify.verify_databases(
        databases_named(databases, console=LOG),
        every=every,
        remote_only=remote_only,
        jobs=jobs,
        sender=sender_of("dbverify"),
        console=LOG,
    )


def plan_prune(database: str = DEFAULT_DB_ALIAS, *, upcoming: bool = False) -> list[Verdict]:
    """Return what ``prune_database()`` would keep, and why, newest first. Nothing changes.

    With ``upcoming`` a backup is counted that would be made first. Raises ``RcloneError`` or
    ``InvalidSettings``.
    """
    return prune.plan_prune(database, upcoming=upcoming)


def prune_database(database: str = DEFAULT_DB_ALIAS) -> Pruned:
    """Delete the backups of a database that no rule keeps, and return what was deleted.

    Raises ``OperationLocked``, ``RcloneError`` or ``InvalidSettings``.
    """
    return prune.prune_database(database, sender=sender_of("prune"), console=LOG)


def list_backups(database: str | None = None) -> list[Listed]:
    """Return the backups of one database, or of all, newest first, with what keeps each.

    Raises ``RcloneError`` or ``InvalidSettings``.
    """
    return listing.list_databases(database)


def check_backups() -> list[Health]:
    """Return the health of every database's backups, as ``backupcheck`` shows it.

    Raises ``RcloneError`` or ``InvalidSettings``.
    """
    return check.check_backups(sender=sender_of("backupcheck"), console=LOG)


def pin_backup(name: str, reason: str = "") -> Pin:
    """Let no clean-up delete a backup, and return its pin.

    Raises ``BackupNotFound``, ``RcloneError`` or ``InvalidSettings``.
    """
    return pinning.pin_backup(name, reason)


def unpin_backup(name: str) -> str:
    """Let clean-ups delete a backup again, and return its path."""
    return pinning.unpin_backup(name)
