"""What code of a site may call for site backups, by ``from django_rclone import backup_site``.

As for databases: see ``operations.from_code``.
"""

from collections.abc import Sequence

from ...backups.sites import SiteRecord
from ...rclone import session
from ..databases import every_database
from ..logged import LOG, sender_of
from ..media.from_code import sources_named
from . import backup, listing, plan, restore
from .listing import ListedSite


def backup_site(
    databases: Sequence[str] | None = None,
    sources: Sequence[str] | None = None,
    *,
    verify: bool = False,
    clean: bool = False,
    force: bool = False,
    retries: int = 0,
    jobs: int = 1,
) -> SiteRecord:
    """Back up databases and media files that belong together, and return the record of it.

    By default all databases and all sources. The others are the options of ``backupsite``.
    Raises ``SiteBackupFailed`` if there is no site backup, ``MediaIncomplete`` if there is one
    that lacks files, ``BackupsFailed`` if a clean-up failed, or ``InvalidSettings``.
    """
    return backup.backup_site(
        every_database(console=LOG) if databases is None else list(databases),
        sources_named(sources),
        sender=sender_of("backupsite"),
        retries=retries,
        verify=verify,
        jobs=jobs,
        force=force,
        clean=clean,
        console=LOG,
    )


@session()
def restore_site(
    *,
    at: str | None = None,
    from_environment: str | None = None,
    partial: bool = False,
    safety_backup: bool = True,
    jobs: int = 1,
    delete: bool = False,
    force: bool = False,
) -> SiteRecord:
    """Make databases and media files equal a site backup, and return the record of it.

    It is the newest whole one, or that of ``at``. The others are the options of
    ``restoresite``. Raises ``SiteRestoreFailed``, which says what became of each part; before
    anything is changed ``BackupNotFound``, ``BackupRejected`` and others of
    ``DjangoRcloneError``, or ``InvalidSettings``.
    """
    planned = plan.plan_site_restore(
        at=at,
        from_environment=from_environment,
        partial=partial,
        safety_backup=safety_backup,
        jobs=jobs,
        delete=delete,
        force=force,
    )
    for warning in planned.warnings:
        LOG.warn(warning)
    restore.restore_site(planned, sender=sender_of("restoresite"), console=LOG)
    return planned.record


def list_sites() -> list[ListedSite]:
    """Return all site backups, newest first, with what is missing in each.

    Raises ``RcloneError`` or ``InvalidSettings``.
    """
    return listing.list_sites()
