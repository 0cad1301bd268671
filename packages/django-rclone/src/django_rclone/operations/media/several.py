"""The backup of several media sources: each is tried, whatever becomes of the others."""

import time
from collections.abc import Sequence

from ... import conf
from ...conf.media_sources import MediaSource
from ...console import Console
from ...exceptions import BackupsFailed, DjangoRcloneError
from ...rclone import session
from ...reporting import Sender
from ..places import require_media_apart
from .backup import Stored, backup_media
from .prune import prune_media

_QUIET = Console()


@session()
def backup_sources(
    sources: Sequence[MediaSource],
    *,
    sender: Sender,
    force: bool = False,
    clean: bool = False,
    console: Console = _QUIET,
) -> list[Stored]:
    """Back up several sources, each whatever becomes of the others; return what was stored.

    ``force`` and ``sender`` are those of ``backup_media()``. With ``clean`` the old runs of
    each source that was backed up are pruned. The error of a single source is raised as it
    is, those of several as ``BackupsFailed``; so is a failed clean-up.
    """
    require_media_apart(conf.load())
    stored: list[Stored] = []
    failed: dict[str, Exception] = {}
    unpruned: dict[str, Exception] = {}
    for source in sources:
        console.backing_up_media(source.name, source.place)
        clock = time.monotonic()
        try:
            done = backup_media(source, sender=sender, force=force, console=console)
        except DjangoRcloneError as error:
            if len(sources) == 1:
                raise
            failed[source.name] = error
            continue
        stored.append(done)
        console.stored_media(
            done.run.path, done.counts, done.size, done.sent, time.monotonic() - clock
        )
        if clean:
            try:
                prune_media(source.name, sender=sender, keep_path=done.run.path, console=console)
            except DjangoRcloneError as error:
                unpruned[source.name] = error
    if failed or unpruned:
        raise BackupsFailed([one.run for one in stored], failed, unpruned, kind="Media source")
    return stored
