"""Media backup and restore: a mirror in both directions, and its guards."""

from dataclasses import dataclass, replace
from pathlib import Path

import django

from .. import conf
from ..backups import Backup
from ..backups.catalog import read_backup
from ..backups.manifest import Manifest, ManifestError, manifest_path, signer
from ..conf import Settings
from ..console import Console
from ..events import Operation, OperationEvent, TargetState
from ..exceptions import (
    BackupNotFound,
    BackupRejected,
    InvalidSettings,
    MediaGuardError,
    RcloneError,
)
from ..locks import exclusive
from ..rclone import Remote
from ..rclone.binary import format_version
from ..rclone.output import FolderSize
from ..reporting import OperationContext, Sender, new_operation, report

_QUIET = Console()
_VENDOR = "media"
_FORMAT = "mirror"


def backup_media(*, sender: Sender, force: bool = False, console: Console = _QUIET) -> Backup:
    """Make the mirror on the remote equal the media files.

    Refuses a source that is missing or empty, a mirror made in another environment, and
    a run that would delete more than ``MEDIA_MAX_DELETE`` percent of the mirror;
    ``force`` allows all but the first. Raises ``InvalidSettings`` before anything is sent;
    ``MediaGuardError``, ``OperationVetoed``, ``OperationLocked`` or ``RcloneError``.
    """
    settings = conf.load()
    source = _media_source(settings)
    path = settings.media_backup_dir
    event = new_operation(Operation.MEDIA_BACKUP, environment=settings.environment, path=path)
    with report(event, sender=sender, console=console) as context:
        remote = Remote(settings)
        remote.require_supported()
        _require_files(remote, source, allow_empty=force)
        if not force:
            _require_own_mirror(remote, settings)
        mirror = remote.address(path)
        limit = _deletion_limit(remote, source, mirror, settings, follow_links=True, force=force)
        context.send_pre_signal()
        with exclusive(remote, event):
            # While files change the mirror is not a backup: its manifest says so until the end.
            _write(
                remote,
                _manifest(settings, event, FolderSize(0, 0), remote.version, unfinished=True),
            )
            remote.sync(
                source,
                mirror,
                follow_links=True,
                by_hash=False,
                max_delete=limit,
                progress=console.progress,
            )
            manifest = _commit(remote, settings, event)
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
    target = _media_source(settings)
    remote = Remote(settings)
    remote.require_supported()
    backup = _find_mirror(remote, settings)
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
    limit = _deletion_limit(
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
    mirror = _find_mirror(Remote(settings), settings)
    if mirror is None or mirror.manifest is None or mirror.manifest.unfinished:
        return []
    return [mirror]


def _media_source(settings: Settings) -> str:
    """Return the folder or remote of the media files, as rclone names it."""
    source = settings.media_source
    if not source:
        raise InvalidSettings(
            "MEDIA_SOURCE", "is not set, and MEDIA_ROOT is empty", "Set MEDIA_ROOT."
        )
    return source if _is_remote(source) else str(Path(source).absolute())


def _is_remote(place: str) -> bool:
    return ":" in place.partition("/")[0]


def _require_files(remote: Remote, source: str, *, allow_empty: bool) -> None:
    try:
        is_folder = _is_remote(source) or Path(source).is_dir()
    except OSError as error:
        raise MediaGuardError(f"The media folder cannot be reached: {error}.") from error
    found = remote.folder_size(source, follow_links=True) if is_folder else None
    if found is None:
        raise MediaGuardError(
            f"There is no media folder {source}.", hint="Correct MEDIA_ROOT, or mount it."
        )
    if found.count == 0 and not allow_empty:
        raise MediaGuardError(
            f"The media folder {source} is empty: a backup would empty the mirror as well.",
            hint="Check that it is mounted; if it is meant to be empty, add --force.",
        )


def _require_own_mirror(remote: Remote, settings: Settings) -> None:
    """Keep staging from replacing the media of production: a remote has one mirror."""
    try:
        manifest = Manifest.from_bytes(remote.read(manifest_path(settings.media_backup_dir)) or b"")
    except ManifestError:
        return
    if manifest.environment != settings.environment:
        raise MediaGuardError(
            f"The mirror on the remote was made in environment {manifest.environment!r}, "
            f"this is {settings.environment!r}.",
            hint="Give each environment a REMOTE or MEDIA_BACKUP_DIR of its own, "
            "or replace the mirror with --force.",
        )


def _deletion_limit(
    remote: Remote,
    source: str,
    destination: str,
    settings: Settings,
    *,
    follow_links: bool,
    force: bool,
) -> int | None:
    """Return how many files the run may delete; ``None`` means any number.

    Raises ``MediaGuardError`` if it would delete more.
    """
    present = remote.folder_size(destination)
    if force or present is None or present.count == 0:
        return None
    limit = present.count * settings.media_max_delete // 100
    deletions = remote.count_deletions(source, destination, follow_links=follow_links)
    if deletions > limit:
        raise MediaGuardError(
            f"{deletions:,} of {present.count:,} files in {destination} would be deleted, "
            f"more than MEDIA_MAX_DELETE allows ({settings.media_max_delete} %).",
            hint="Check both sides. To delete them, add --force.",
        )
    return limit


def _find_mirror(remote: Remote, settings: Settings) -> Backup | None:
    path = settings.media_backup_dir
    found = remote.folder_size(remote.address(path)) or FolderSize(0, 0)
    data = remote.read(manifest_path(path))
    if data is None and not found:
        return None
    key = signer(settings.signing_key, settings.signing_key_fallbacks)
    backup = read_backup(path, found.size, data, key)
    manifest = backup.manifest
    if manifest and backup.verified and manifest.count != found.count:
        problem = f"it has {found.count:,} files, its manifest says {manifest.count:,}"
        return replace(backup, problem=problem)
    return backup


def _commit(remote: Remote, settings: Settings, event: OperationEvent) -> Manifest:
    found = remote.folder_size(remote.address(settings.media_backup_dir)) or FolderSize(0, 0)
    manifest = _manifest(settings, event, found, remote.version, unfinished=False)
    _write(remote, manifest)
    return manifest


def _write(remote: Remote, manifest: Manifest) -> None:
    path, data = manifest_path(manifest.path), manifest.to_bytes()
    remote.write(path, data)
    if remote.read(path) != data:
        raise RcloneError("The manifest could not be read back as it was written.")


def _manifest(
    settings: Settings,
    event: OperationEvent,
    found: FolderSize,
    rclone_version: tuple[int, ...],
    *,
    unfinished: bool,
) -> Manifest:
    manifest = Manifest(
        path=settings.media_backup_dir,
        created_at=event.started_at,
        vendor=_VENDOR,
        format=_FORMAT,
        size=found.size,
        count=found.count,
        unfinished=unfinished,
        tool="rclone",
        tool_version=format_version(rclone_version),
        django_version=django.get_version(),
        environment=settings.environment,
    )
    return manifest.signed(signer(settings.signing_key, settings.signing_key_fallbacks))
