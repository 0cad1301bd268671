"""Media backup and restore: the order of steps, in both directions of the mirror."""

from dataclasses import dataclass

from .. import conf
from ..backups import Backup
from ..conf import Settings
from ..console import Console
from ..events import Operation, TargetState
from ..exceptions import BackupNotFound, BackupRejected
from ..locks import exclusive
from ..rclone import Remote
from ..reporting import OperationContext, Sender, new_operation, report
from .mirror import (
    commit_mirror,
    deletion_limit,
    find_mirror,
    mark_unfinished,
    media_source,
    require_files,
    require_own_mirror,
)

_QUIET = Console()


def backup_media(*, sender: Sender, force: bool = False, console: Console = _QUIET) -> Backup:
    """Make the mirror on the remote equal the media files.

    Refuses a source that is missing or empty, a mirror made in another environment, and
    a run that would delete more than ``MEDIA_MAX_DELETE`` percent of the mirror;
    ``force`` allows all but the first. Raises ``InvalidSettings`` before anything is sent;
    ``MediaGuardError``, ``OperationVetoed``, ``OperationLocked`` or ``RcloneError``.
    """
    settings = conf.load()
    source = media_source(settings)
    path = settings.media_backup_dir
    event = new_operation(Operation.MEDIA_BACKUP, environment=settings.environment, path=path)
    with report(event, sender=sender, console=console) as context:
        remote = Remote(settings)
        remote.require_supported()
        require_files(remote, source, allow_empty=force)
        if not force:
            require_own_mirror(remote, settings)
        mirror = remote.address(path)
        limit = deletion_limit(remote, source, mirror, settings, follow_links=True, force=force)
        context.send_pre_signal()
        with exclusive(remote, event):
            mark_unfinished(remote, settings, event)
            remote.sync(
                source,
                mirror,
                follow_links=True,
                by_hash=False,
                max_delete=limit,
                progress=console.progress,
            )
            manifest = commit_mirror(remote, settings, event)
        context.size = manifest.size
    return Backup(path=path, size=manifest.size, manifest=manifest)


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaRestorePlan:
    """A media restore that can work."""

    backup: Backup
    target: str
    max_delete: int | None
    remote: Remote
    settings: Settings


def plan_media_restore(
    *, from_environment: str | None = None, unverified: bool = False, force: bool = False
) -> MediaRestorePlan:
    """Check all that can be checked before media files are replaced. Nothing changes.

    ``unverified`` accepts a mirror without a valid manifest, such as that of an
    interrupted run; ``force`` accepts one that would delete more than
    ``MEDIA_MAX_DELETE`` percent of the media files. Raises ``InvalidSettings``,
    ``BackupNotFound``, ``BackupRejected`` or ``MediaGuardError``.
    """
    settings = conf.load()
    target = media_source(settings)
    remote = Remote(settings)
    remote.require_supported()
    backup = find_mirror(remote, settings)
    if backup is None:
        raise BackupNotFound(
            "There is no media backup on the remote.",
            hint="Run `manage.py mediabackup` first, or correct REMOTE or MEDIA_BACKUP_DIR.",
        )
    if not backup.verified and not unverified:
        raise BackupRejected(
            f"Refusing to restore the media backup: {backup.problem}.",
            hint="Run `manage.py mediabackup` again, or restore it as it is with --unverified.",
        )
    wanted = settings.environment if from_environment is None else from_environment
    if backup.manifest is not None and backup.environment != wanted:
        raise BackupRejected(
            f"The media backup was made in environment {backup.environment!r}, not in {wanted!r}.",
            hint=f"To restore it anyway, add --from-environment {backup.environment!r}.",
        )
    limit = deletion_limit(
        remote, remote.address(backup.path), target, settings, follow_links=False, force=force
    )
    return MediaRestorePlan(
        backup=backup, target=target, max_delete=limit, remote=remote, settings=settings
    )


def restore_media(plan: MediaRestorePlan, *, sender: Sender, console: Console = _QUIET) -> None:
    """Make the media files equal the mirror, by content where the storage knows hashes.

    Raises ``OperationVetoed``, ``OperationLocked`` or ``RcloneError``. An
    interrupted restore leaves files of both states; running it again completes it.
    """
    event = new_operation(
        Operation.MEDIA_RESTORE, environment=plan.settings.environment, path=plan.backup.path
    )
    with report(event, sender=sender, console=console) as context:
        context.target_state = TargetState.UNCHANGED
        context.send_pre_signal()
        with exclusive(plan.remote, event, warn=console.warn):
            _restore(plan, context, console)
        context.size = plan.backup.size


def _restore(plan: MediaRestorePlan, context: OperationContext, console: Console) -> None:
    source = plan.remote.address(plan.backup.path)
    by_hash = bool(plan.remote.hashes(source) & plan.remote.hashes(plan.target))
    # Files are replaced one by one: after an error it is unknown whether one already was.
    context.target_state = TargetState.UNKNOWN
    plan.remote.sync(
        source,
        plan.target,
        follow_links=False,
        by_hash=by_hash,
        max_delete=plan.max_delete,
        progress=console.progress,
    )
    context.target_state = TargetState.CHANGED


def list_media() -> list[Backup]:
    """Return the media backup, if there is one. Raises ``InvalidSettings`` or ``RcloneError``."""
    settings = conf.load()
    mirror = find_mirror(Remote(settings), settings)
    if mirror is None or mirror.manifest is None or mirror.manifest.unfinished:
        return []
    return [mirror]
