"""Restoring files from a tar archive that another tool made."""

import os
from contextlib import closing
from dataclasses import dataclass

from ...backups import Backup
from ...conf import Settings
from ...conf.media_sources import MediaSource
from ...console import Console
from ...events import MediaCounts, Operation, TargetState
from ...exceptions import BackupRejected
from ...interrupts import interruptible, look
from ...locks import exclusive
from ...pipeline.decoding import Decoder, read_head
from ...rclone import Remote, session
from ...rclone.copying import Copying
from ...reporting import Sender, new_operation, report
from ...scratch import scratch_directory
from ..foreign import foreign_backup, is_archive
from .archive import Archive, ArchiveStream, Unpacked
from .destination import find_destination
from .places import MediaPlace
from .restore import incomplete, opened
from .storage_place import StoragePlace

_QUIET = Console()
_BATCH = 1_000  # files


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveRestorePlan:
    """A restore of an archive that can work."""

    archive: Backup
    place: MediaPlace
    first: str
    """The first name in the archive, for the operator's eyes."""
    remote: Remote
    copying: Copying
    settings: Settings


@session()
def plan_archive_restore(
    source: MediaSource, path: str, *, to: str | None = None
) -> ArchiveRestorePlan:
    """Check all that can be checked before files are replaced.

    ``path`` is that of the archive on the remote, ``to`` another folder than that of the source.
    Nothing changes. Raises ``InvalidSettings``, ``BackupNotFound``, ``BackupRejected``,
    ``MediaGuardError`` or ``RcloneError``.
    """
    destination = find_destination(source, to)
    place, remote = destination.place, destination.remote
    if isinstance(place, StoragePlace):
        place.require_exact_names()
    archive = foreign_backup(path, remote)
    with remote.download(archive.path) as download:
        head = read_head(download, decrypt=True)
    if not is_archive(head.data):
        raise BackupRejected(
            f"{archive.path} is not a tar archive of files.",
            hint="`manage.py listbackups --foreign` says what it is, and what restores it.",
        )
    return ArchiveRestorePlan(
        archive=archive,
        place=place,
        first=head.data[:100].split(b"\0")[0].decode("utf-8", "replace"),
        remote=remote,
        copying=destination.copying,
        settings=destination.settings,
    )


@session()
def restore_archive(
    plan: ArchiveRestorePlan, *, sender: Sender, console: Console = _QUIET
) -> tuple[MediaCounts, dict[bytes, str]]:
    """Put the files of an archive in place, and return what was done and what was left out.

    All are unpacked next to their place before the first is put there, so that a damaged archive
    changes nothing; then each file is old or new at any moment. Nothing is deleted. Raises as
    ``restore_media()`` does.
    """
    event = new_operation(
        Operation.MEDIA_RESTORE, environment=plan.settings.environment, path=plan.archive.path
    )
    with report(event, sender=sender, console=console) as context:
        context.target_state = TargetState.UNCHANGED
        context.send_pre_signal()
        with (
            exclusive(plan.remote, event, warn=console.warn),
            opened(plan.place, plan.copying, plan.settings) as (target, temporary),
            scratch_directory(temporary) as folder,
        ):
            files, left_out = _unpack(plan, os.fsencode(folder), console)
            context.target_state = TargetState.UNKNOWN
            problems: dict[bytes, str] = {}
            for number, one in enumerate(files, 1):
                try:
                    target.put(one.staged, one.path, modified=one.modified, mode=one.mode)
                except OSError as error:
                    problems[one.path] = error.strerror or str(error)
                if number % _BATCH == 0:
                    problems |= target.flush()
            problems |= target.flush()
            context.target_state = TargetState.CHANGED
        missing = len(problems) + len(left_out)
        counts = MediaCounts(
            files=len(files),
            added=len(files) - len(problems),
            changed=0,
            deleted=0,
            left_out=missing,
        )
        context.counts = counts
        context.size = plan.archive.size
        if problems:
            raise incomplete(problems, "")
    return counts, left_out


def _unpack(
    plan: ArchiveRestorePlan, folder: bytes, console: Console
) -> tuple[list[Unpacked], dict[bytes, str]]:
    files: dict[bytes, Unpacked] = {}
    with (
        interruptible(),
        closing(Decoder()) as decoder,
        plan.remote.download(plan.archive.path) as download,
    ):
        stream = ArchiveStream(download, decoder)
        archive = Archive(stream, folder)
        for one in archive.unpack():
            look()
            files[one.path] = one  # the last of a name is the newest
            console.progress(stream.read_so_far, plan.archive.size)
    return list(files.values()), archive.left_out
