"""Media backup and restore: the order of steps, in both directions of the mirror."""

from dataclasses import dataclass, replace
from pathlib import Path

from .. import conf
from ..backups import Backup
from ..conf import Settings
from ..console import Console
from ..events import Operation, TargetState
from ..exceptions import BackupNotFound, BackupRejected
from ..locks import exclusive
from ..rclone import Remote, session
from ..rclone.mirroring import Basis, Mirroring, Preview
from ..reporting import OperationContext, Sender, new_operation, report
from .media_files import missing
from .mirror import (
    OLD_KEY,
    commit_mirror,
    deletion_limit,
    find_mirror,
    is_remote,
    mark_unfinished,
    media_source,
    mirror_size,
    previewed,
    require_files,
    require_own_mirror,
    survey_of,
)
from .places import require_media_apart
from .transfer import incomplete, lost_from_mirror, prepare_run, store_files, warnings_of

_QUIET = Console()


@session()
def backup_media(*, sender: Sender, force: bool = False, console: Console = _QUIET) -> Backup:
    """Make the mirror on the remote equal the media files.

    Refuses a source that is missing or empty, a mirror made in another environment or with
    another key, and a run that would delete more than ``MEDIA_MAX_DELETE`` percent of the
    mirror; ``force`` allows all but the first. Raises ``InvalidSettings`` before anything is
    sent; ``MediaGuardError``, ``OperationVetoed``, ``OperationLocked`` or ``RcloneError``;
    and ``MediaIncomplete`` if some files could not be stored, when all others are.
    """
    settings = conf.load()
    source = media_source(settings)
    require_media_apart(settings)
    path = settings.media_backup_dir
    event = new_operation(Operation.MEDIA_BACKUP, environment=settings.environment, path=path)
    with report(event, sender=sender, console=console) as context:
        remote = Remote(settings)
        remote.require_supported()
        found = survey_of(source, settings)
        require_files(remote, source, found, allow_empty=force)
        if not force:
            require_own_mirror(remote, settings)
        mirror = remote.address(path)
        run = prepare_run(remote, source, mirror, settings, found, prefer=Basis.TIMES)
        preview, present = previewed(remote, run, mirror)
        limit = deletion_limit(preview, present, mirror, settings, force=force)
        for warning in warnings_of(run, found):
            console.warn(warning)
        context.send_pre_signal()
        with exclusive(remote, event):
            mark_unfinished(remote, settings, event)
            run.clear(preview.in_the_way)
            problems, error = store_files(run, found, limit, console)
            stored = mirror_size(remote, path)
            problems |= lost_from_mirror(remote, source, mirror, found, stored, settings)
            manifest = commit_mirror(remote, settings, event, stored, partial=bool(problems))
        context.size = manifest.size
        if problems:
            raise incomplete("stored", problems, error)
    return Backup(path=path, size=manifest.size, manifest=manifest)


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaRestorePlan:
    """A media restore that can work."""

    backup: Backup
    target: str
    max_delete: int | None
    remote: Remote
    settings: Settings
    run: Mirroring
    preview: Preview
    warnings: tuple[str, ...] = ()
    """What the operator should know before agreeing."""

    @property
    def whole(self) -> bool:
        """Whether the mirror is known to be whole. Only then other files are deleted."""
        manifest = self.backup.manifest
        return self.backup.verified and manifest is not None and not manifest.partial


@session()
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
    require_media_apart(settings)
    remote = Remote(settings)
    remote.require_supported()
    backup = find_mirror(remote, settings)
    if backup is None:
        raise BackupNotFound(
            "There is no media backup on the remote.",
            hint="Correct REMOTE or MEDIA_BACKUP_DIR, if there should be one.",
        )
    if not backup.verified and not unverified:
        raise BackupRejected(
            f"Refusing to restore the media backup: {backup.problem}.",
            hint=f"{OLD_KEY} To copy what is there without deleting anything, add --unverified.",
        )
    wanted = settings.environment if from_environment is None else from_environment
    if backup.manifest is not None and backup.environment != wanted:
        raise BackupRejected(
            f"The media backup was made in environment {backup.environment!r}, not in {wanted!r}.",
            hint=f"To restore it anyway, add --from-environment {backup.environment!r}.",
        )
    return _media_plan(backup, target, remote, settings, force=force)


def _media_plan(
    backup: Backup, target: str, remote: Remote, settings: Settings, *, force: bool
) -> MediaRestorePlan:
    local = None if is_remote(target) or not Path(target).exists() else survey_of(target, settings)
    mirror = remote.address(backup.path)
    run = prepare_run(remote, mirror, target, settings, local, prefer=Basis.HASHES)
    warnings = warnings_of(run, local)
    preview, present = previewed(remote, run, target)
    plan = MediaRestorePlan(
        backup=backup,
        target=target,
        max_delete=None,
        remote=remote,
        settings=settings,
        run=run,
        preview=preview,
    )
    if not plan.whole:
        warnings.append("The mirror is not known to be whole: no file is deleted.")
        return replace(plan, warnings=tuple(warnings))
    limit = deletion_limit(preview, present, target, settings, force=force)
    return replace(plan, max_delete=limit, warnings=tuple(warnings))


@session()
def restore_media(plan: MediaRestorePlan, *, sender: Sender, console: Console = _QUIET) -> None:
    """Make the media files equal the mirror, by content where the storage knows hashes.

    If the mirror is not known to be whole, its files are copied and no other is deleted.
    Raises ``OperationVetoed``, ``OperationLocked`` or ``RcloneError``, and
    ``MediaIncomplete`` if some files are missing afterwards. An interrupted restore leaves
    files of both states; running it again completes it.
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
    # Files are replaced one by one: after an error it is unknown whether one already was.
    context.target_state = TargetState.UNKNOWN
    if plan.whole:
        plan.run.clear(plan.preview.in_the_way)
    plan.run.transfer(delete=plan.whole, max_delete=plan.max_delete, progress=console.progress)
    context.target_state = TargetState.CHANGED
    if lost := _not_restored(plan):
        raise incomplete("restored", lost, None)


def _not_restored(plan: MediaRestorePlan) -> dict[str, str]:
    """Return the files of the mirror that are not among the media files now."""
    mirrored = plan.remote.names(plan.remote.address(plan.backup.path), links="store")
    local = survey_of(plan.target, plan.settings)
    if local is None:
        return missing(mirrored, plan.remote.names(plan.target))
    lost = missing(mirrored, local.files)
    for path in local.left_out if lost else ():
        above = path.removesuffix("/")
        reason = local.problems.get(above, "a link that is not followed is in its place")
        below = [name for name in lost if f"{name}/".startswith(f"{above}/")]
        lost |= dict.fromkeys(below, reason)
    return lost


@session()
def list_media() -> list[Backup]:
    """Return the media backup, if there is one. Raises ``InvalidSettings`` or ``RcloneError``."""
    settings = conf.load()
    mirror = find_mirror(Remote(settings), settings)
    if mirror is None or mirror.manifest is None or mirror.manifest.unfinished:
        return []
    return [mirror]
