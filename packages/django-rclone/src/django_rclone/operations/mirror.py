"""The mirror of the media files on the remote: its manifest, and the guards of both directions."""

from dataclasses import replace
from pathlib import Path

import django
from django.core.signing import Signer

from ..backups import Backup
from ..backups.catalog import commit_manifest
from ..backups.manifest import Manifest, ManifestError, manifest_path, signer
from ..backups.verification import read_backup
from ..conf import Settings
from ..events import OperationEvent
from ..exceptions import InvalidSettings, MediaGuardError
from ..interrupts import interruptible
from ..rclone import Remote
from ..rclone.binary import format_version
from ..rclone.mirroring import Mirroring, Preview
from ..rclone.output import FolderSize
from .media_files import Survey, survey

_VENDOR = "media"
_FORMAT = "mirror"

OLD_KEY = "If the key changed, add the old one to SIGNING_KEY_FALLBACKS or SECRET_KEY_FALLBACKS."
# No hint names the option that deletes: what it does must be read first.
_HELP = "see `--help` of this command."
_OF_ITS_OWN = "Let this site use a REMOTE or MEDIA_BACKUP_DIR of its own."


def media_source(settings: Settings) -> str:
    """Return the folder or remote of the media files, as rclone names it."""
    source = settings.media_source
    if not source:
        raise InvalidSettings(
            "MEDIA_SOURCE", "is not set, and MEDIA_ROOT is empty", "Set MEDIA_ROOT."
        )
    return source if is_remote(source) else str(Path(source).absolute())


def is_remote(place: str) -> bool:
    """Return whether a place is a remote of rclone, not a folder."""
    return ":" in place.partition("/")[0]


def survey_of(place: str, settings: Settings) -> Survey | None:
    """Look at a media folder; ``None`` if it is a remote. Raises ``MediaGuardError``."""
    if is_remote(place):
        return None
    try:
        with interruptible():
            return survey(place, settings.media_links)
    except (FileNotFoundError, NotADirectoryError):
        raise MediaGuardError(
            f"There is no media folder {place}.", hint="Correct MEDIA_ROOT, or mount it."
        ) from None
    except OSError as error:
        raise MediaGuardError(f"The media folder cannot be reached: {error}.") from error


def require_files(remote: Remote, source: str, found: Survey | None, *, allow_empty: bool) -> None:
    """Raise ``MediaGuardError`` if the source is missing, or empty unless ``allow_empty``."""
    if found is None:
        size = remote.folder_size(source)
        if size is None:
            raise MediaGuardError(
                f"There is no media folder {source}.", hint="Correct MEDIA_SOURCE."
            )
        empty = not size
    else:
        empty = not (found.files or found.links or found.problems)
    if empty and not allow_empty:
        raise MediaGuardError(
            f"The media folder {source} is empty: a backup would empty the mirror as well.",
            hint=f"Check that it is mounted. If it is meant to be empty: {_HELP}",
        )


def require_own_mirror(remote: Remote, settings: Settings) -> None:
    """Raise ``MediaGuardError`` unless the mirror on the remote is known to be that of this site.

    What only the mirror has would be deleted: it may be that of production, seen from
    staging, or that of this site before its key was lost.
    """
    path = settings.media_backup_dir
    data = remote.read(manifest_path(path))
    if data is None:
        # An empty one is that of a run which was killed while writing it.
        if remote.size(manifest_path(path)) == 0 or not mirror_size(remote, path):
            return
        raise MediaGuardError(
            f"The folder {path} on the remote has files, and no manifest says whose they are.",
            hint=_OF_ITS_OWN,
        )
    try:
        manifest = Manifest.from_bytes(data)
    except ManifestError as error:
        raise MediaGuardError(
            f"The manifest of the mirror on the remote cannot be read: {error}.", hint=_OF_ITS_OWN
        ) from None
    if not manifest.is_signed_by(_signer(settings)):
        raise MediaGuardError(
            "The manifest of the mirror on the remote was altered, or signed with another key.",
            hint=f"{OLD_KEY} {_OF_ITS_OWN}",
        )
    if manifest.environment != settings.environment:
        raise MediaGuardError(
            f"The mirror on the remote was made in environment {manifest.environment!r}, "
            f"this is {settings.environment!r}.",
            hint=_OF_ITS_OWN,
        )


def previewed(remote: Remote, run: Mirroring, destination: str) -> tuple[Preview, int]:
    """Return what a run would delete, and how many files the destination has."""
    present = remote.folder_size(destination)
    if not present:
        return Preview(deletions=0, in_the_way=()), 0
    return run.preview(), present.count


def deletion_limit(
    preview: Preview, present: int, destination: str, settings: Settings, *, force: bool
) -> int | None:
    """Return how many of the files ``present`` the run may delete; ``None`` means any number.

    Raises ``MediaGuardError`` if it would delete more.
    """
    if force or present == 0:
        return None
    limit = present * settings.media_max_delete // 100
    if preview.deletions > limit:
        raise MediaGuardError(
            f"{preview.deletions:,} of {present:,} files in {destination} would be deleted, "
            f"more than MEDIA_MAX_DELETE allows ({settings.media_max_delete} %).",
            hint=f"Check both sides. If these files are meant to go: {_HELP}",
        )
    return limit


def mirror_size(remote: Remote, path: str) -> FolderSize:
    """Return the size of the mirror. In a folder, links that were stored are links again."""
    return remote.folder_size(remote.address(path), links="store") or FolderSize(0, 0)


def find_mirror(remote: Remote, settings: Settings) -> Backup | None:
    """Return the media backup; ``None`` if there are neither files nor a manifest."""
    path = settings.media_backup_dir
    found = mirror_size(remote, path)
    data = remote.read(manifest_path(path))
    if data is None and not found:
        return None
    backup = read_backup(path, found.size, data, _signer(settings))
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


def commit_mirror(
    remote: Remote, settings: Settings, event: OperationEvent, found: FolderSize, *, partial: bool
) -> Manifest:
    """Write the manifest of the mirror as it was ``found``, and return it.

    A ``partial`` mirror lacks files, or has those of an earlier run.
    """
    manifest = _manifest(settings, event, found, remote.version, partial=partial)
    commit_manifest(remote, manifest)
    return manifest


def _manifest(
    settings: Settings,
    event: OperationEvent,
    found: FolderSize,
    rclone_version: tuple[int, ...],
    *,
    partial: bool = False,
    unfinished: bool = False,
) -> Manifest:
    manifest = Manifest(
        path=settings.media_backup_dir,
        created_at=event.started_at,
        vendor=_VENDOR,
        format=_FORMAT,
        size=found.size,
        count=found.count,
        partial=partial,
        unfinished=unfinished,
        tool="rclone",
        tool_version=format_version(rclone_version),
        django_version=django.get_version(),
        environment=settings.environment,
    )
    return manifest.signed(_signer(settings))


def _signer(settings: Settings) -> Signer:
    return signer(settings.signing_key, settings.signing_key_fallbacks)
