"""What code of a site may call for media files, by ``from django_rclone import backup_media``.

As for databases: see ``operations.from_code``.
"""

from fractions import Fraction

from ... import conf
from ...backups import Backup
from ...backups.readings import Reading
from ...conf.media_sources import MediaSource
from ...events import MediaCounts
from ...exceptions import InvalidSettings
from ...rclone import session
from ..listing import Listed
from ..logged import LOG, sender_of
from . import listing, prune, restore, several, verify
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
        _sources(source), sender=sender_of("mediabackup"), force=force, clean=clean, console=LOG
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
    [chosen, *others] = _sources(source)
    if others:
        known = ", ".join(repr(one.name) for one in (chosen, *others))
        problem = f"has several sources ({known}), and none was named"
        raise InvalidSettings("MEDIA_SOURCES", problem, "Name the one to restore.")
    plan = planning.plan_media_restore(
        chosen,
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


def verify_media(source: str, *, at: str | None = None, share: Fraction | int = 1) -> Reading:
    """Read a run back, the newest or that of ``at``, and return the record.

    Of the contents a ``share`` is read, by default all. Raises ``VerificationFailed`` if it
    did not pass, or another ``DjangoRcloneError`` or ``InvalidSettings`` if it could not be
    read.
    """
    return verify.verify_media(
        source, at=at, share=Fraction(share), sender=sender_of("mediaverify"), console=LOG
    )


def prune_media(source: str) -> list[Backup]:
    """Delete the runs of a source that no rule keeps, and return them.

    Raises ``OperationLocked``, ``RcloneError`` and others of ``DjangoRcloneError``, or
    ``InvalidSettings``.
    """
    return prune.prune_media(source, sender=sender_of("mediabackup"), console=LOG)


def _sources(name: str | None) -> list[MediaSource]:
    sources = {one.name: one for one in conf.load().media_sources}
    if name is None:
        return list(sources.values())
    if name not in sources:
        problem = f"has no source {name!r}"
        raise InvalidSettings("MEDIA_SOURCES", problem, f"Known: {', '.join(sources)}.")
    return [sources[name]]
