"""What code of a site may call for media files, by ``from django_rclone import backup_media``.

As for databases: see ``operations.from_code``.
"""

from collections.abc import Sequence
from fractions import Fraction

from ... import conf
from ...backups import Backup
from ...backups.index import Entry
from ...backups.readings import Reading
from ...conf.media_sources import MediaSource
from ...events import MediaCounts
from ...exceptions import InvalidSettings
from ...rclone import session
from ..listing import Listed
from ..logged import LOG, sender_of
from . import contents, listing, prune, restore, several, verify
from . import plan as planning
from .backup import Stored


def backup_media(
    source: str | None = None, *, force: bool = False, clean: bool = False
) -> list[Stored]:
    """Back up the media files of one source, or of all, and return the runs.

    ``force`` and ``clean`` are those of ``mediabackup``. Raises ``MediaGuardError``,
    ``MediaIncomplete`` and others of ``DjangoRcloneError``, with several sources
    ``BackupsFailed``; or ``InvalidSettings``.
    """
    return several.backup_sources(
        sources_named(None if source is None else [source]),
        sender=sender_of("mediabackup"),
        force=force,
        clean=clean,
        console=LOG,
    )


@session()
def restore_media(
    source: str | None = None,
    *,
    at: str | None = None,
    path: str | None = None,
    to: str | None = None,
    delete: bool = False,
    from_environment: str | None = None,
    unverified: bool = False,
    force: bool = False,
) -> MediaCounts:
    """Make the media files of a source equal those of a run, and return what was done.

    Without ``source`` there must be one alone. The others are the options of
    ``mediarestore``. Raises ``BackupNotFound``, ``MediaGuardError``, ``MediaIncomplete``
    and others of ``DjangoRcloneError``, or ``InvalidSettings``.
    """
    plan = planning.plan_media_restore(
        _source_named(source),
        at=at,
        path=path,
        to=to,
        delete=delete,
        from_environment=from_environment,
        unverified=unverified,
        force=force,
    )
    with plan:
        for warning in plan.warnings:
            LOG.warn(warning)
        return restore.restore_media(plan, sender=sender_of("mediarestore"), console=LOG)


def list_media(source: str | None = None) -> list[Listed]:
    """Return the runs of one source, or of all, newest first, with what keeps each.

    Raises ``RcloneError`` or ``InvalidSettings``.
    """
    return listing.list_runs(source)


def list_media_files(at: str, *, source: str | None = None, path: str | None = None) -> list[Entry]:
    """Return what is in a run, in the order of paths: files, links, folders, what was left out.

    ``at`` is its name or a moment, ``path`` a file, a folder or a pattern. Raises
    ``BackupNotFound``, ``BackupRejected``, ``RcloneError`` or ``InvalidSettings``.
    """
    with contents.run_contents(_source_named(source).name, at, path) as (_, entries):
        return list(entries)


def verify_media(
    source: str | None = None, *, at: str | None = None, share: Fraction | int = 1
) -> Reading:
    """Read a run back, the newest or that of ``at``, and return the record.

    Without ``source`` there must be one alone. Of the contents a ``share`` is read, by
    default all. Raises ``VerificationFailed`` if it
    did not pass, or another ``DjangoRcloneError`` or ``InvalidSettings`` if it could not be
    read.
    """
    return verify.verify_media(
        _source_named(source).name,
        at=at,
        share=Fraction(share),
        sender=sender_of("mediaverify"),
        console=LOG,
    )


def prune_media(source: str | None = None) -> list[Backup]:
    """Delete the runs of a source that no rule keeps, and return them.

    Without ``source`` there must be one alone. Raises ``OperationLocked``, ``RcloneError`` and others of ``DjangoRcloneError``, or
    ``InvalidSettings``.
    """
    return prune.prune_media(
        _source_named(source).name, sender=sender_of("mediabackup"), console=LOG
    )


def sources_named(names: Sequence[str] | None) -> list[MediaSource]:
    """Return the sources of these names, or all. Raises ``InvalidSettings``."""
    sources = {one.name: one for one in conf.load().media_sources}
    for name in names or ():
        if name not in sources:
            problem = f"has no source {name!r}"
            raise InvalidSettings("MEDIA_SOURCES", problem, f"Known: {', '.join(sources)}.")
    return list(sources.values()) if names is None else [sources[name] for name in names]


def _source_named(name: str | None) -> MediaSource:
    [chosen, *others] = sources_named(None if name is None else [name])
    if others:
        known = ", ".join(repr(one.name) for one in (chosen, *others))
        problem = f"has several sources ({known}), and none was named"
        raise InvalidSettings("MEDIA_SOURCES", problem, "Name the one that is meant.")
    return chosen
