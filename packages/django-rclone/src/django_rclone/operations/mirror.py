"""The mirror of the media files on the remote: its manifest, and the guards of both directions."""

from dataclasses import replace
from pathlib import Path

import django

from ..backups import Backup
from ..backups.catalog import commit_manifest, read_backup
from ..backups.manifest import Manifest, ManifestError, manifest_path, signer
from ..conf import Settings
from ..events import OperationEvent
from ..exceptions import InvalidSettings, MediaGuardError
from ..rclone import Remote
from ..rclone.binary import format_version
from ..rclone.output import FolderSize

_VENDOR = "media"
_FORMAT = "mirror"


def media_source(settings: Settings) -> str:
    """Return the folder or remote of the media files, as rclone names it."""
    source = settings.media_source
    if not source:
        raise InvalidSettings(
            "MEDIA_SOURCE", "is not set, and MEDIA_ROOT is empty", "Set MEDIA_ROOT."
        )
    return source if _is_remote(source) else str(Path(source).absolute())


def _is_remote(place: str) -> bool:
    return ":" in place.partition("/")[0]


def require_files(remote: Remote, source: str, *, allow_empty: bool) -> None:
    """Raise ``MediaGuardError`` if the source is missing, or empty unless ``allow_empty``."""
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


def require_own_mirror(remote: Remote, settings: Settings) -> None:
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


def deletion_limit(
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


def find_mirror(remote: Remote, settings: Settings) -> Backup | None:
    """Return the media backup; ``None`` if there are neither files nor a manifest."""
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


def mark_unfinished(remote: Remote, settings: Settings, event: OperationEvent) -> None:
    """Say in the manifest that files are being transferred: until the end there is no backup."""
    nothing = FolderSize(0, 0)
    manifest = _manifest(settings, event, nothing, remote.version, unfinished=True)
    commit_manifest(remote, manifest)


def commit_mirror(remote: Remote, settings: Settings, event: OperationEvent) -> Manifest:
    """Write the manifest of the mirror as it is now, and return it."""
    found = remote.folder_size(remote.address(settings.media_backup_dir)) or FolderSize(0, 0)
    manifest = _manifest(settings, event, found, remote.version, unfinished=False)
    commit_manifest(remote, manifest)
    return manifest


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
