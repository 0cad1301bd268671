"""The commit of a run: its index, and then the manifest that makes it one."""

from itertools import chain

import django

from ...backups.catalog import commit_manifest
from ...backups.index import FORMAT, header
from ...backups.manifest import Manifest, signer
from ...conf import Settings
from ...events import MediaCounts, OperationEvent
from ...pipeline.compression import ZSTD
from ...pipeline.relay import Digest, upload_dump
from ...rclone import Remote
from ...rclone.binary import format_version
from ..uploads import deleted_on_error, require_size
from .counts import content_size
from .runs import VENDOR
from .workset import WorkSet

_LEVEL = 1  # of compression: higher ones make it no smaller, since most of it are hashes


def commit_run(
    remote: Remote,
    settings: Settings,
    work: WorkSet,
    source: str,
    event: OperationEvent,
    counts: MediaCounts,
    *,
    partial: bool,
) -> Manifest:
    """Store the index of what was found, check what was stored, and commit it.

    ``partial`` is whether files are missing in it. After an error nothing of it stays.
    Raises ``RcloneError``.
    """
    path = event.path or ""
    with deleted_on_error(remote, path):
        with remote.upload(path, progress=lambda _: None) as upload:
            digest = upload_dump(_Lines(work, source), upload, compression=ZSTD, level=_LEVEL)
        require_size(remote, path, digest.size)
        manifest = _manifest(remote, settings, work, source, event, counts, digest, partial)
        commit_manifest(remote, manifest)
    return manifest


def _manifest(
    remote: Remote,
    settings: Settings,
    work: WorkSet,
    source: str,
    event: OperationEvent,
    counts: MediaCounts,
    digest: Digest,
    partial: bool,
) -> Manifest:
    manifest = Manifest(
        database=source,
        path=event.path or "",
        created_at=event.started_at,
        vendor=VENDOR,
        format=FORMAT,
        compression=ZSTD,
        size=digest.size,
        sha256=digest.sha256,
        raw_size=digest.raw_size,
        count=counts.files,
        content_size=content_size(work),
        added=counts.added,
        changed=counts.changed,
        deleted=counts.deleted,
        left_out=counts.left_out,
        partial=partial,
        tool="rclone",
        tool_version=format_version(remote.version),
        django_version=django.get_version(),
        environment=settings.environment,
    )
    return manifest.signed(signer(settings.signing_key, settings.signing_key_fallbacks))


class _Lines:
    """The index as a stream."""

    def __init__(self, work: WorkSet, source: str) -> None:
        self._lines = chain([header(source)], work.lines())

    def read(self, size: int) -> bytes:
        """Return about ``size`` bytes, and nothing at the end."""
        pieces = []
        while size > 0 and (lines := next(self._lines, None)):
            pieces.append(lines)
            size -= len(lines)
        return b"".join(pieces)

    def finish(self) -> None:
        """Do nothing: the end of the facts is the end of the index."""
