"""The plan of a site restore: all parts are there, signed and restorable, before any changes."""

from dataclasses import dataclass

from ... import conf
from ...backups import Backup
from ...backups.sites import DATABASE, MEDIA, Part, SiteRecord
from ...conf import Settings
from ...conf.media_sources import MediaSource
from ...exceptions import BackupRejected
from ...rclone import Remote, session
from ..media.plan import MediaRestorePlan, plan_media_restore
from ..media.reading_back import wrongly_stored
from ..media.runs import content_folder
from ..media.stored import list_stored
from ..restore import RestorePlan, plan_restore
from .choice import by_hand, choose_site


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaStep:
    """What is known of the restore of one media source. It is planned again when it begins."""

    part: Part
    source: MediaSource
    address: str
    """The place of the files, for the operator's eyes."""
    extra: int
    """How many files the run lacks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaOptions:
    """How media files are restored; see ``plan_media_restore()``."""

    delete: bool = False
    force: bool = False
    from_environment: str | None = None

    def plan(self, source: MediaSource, part: Part) -> MediaRestorePlan:
        """Plan the restore of a run. Raises what ``plan_media_restore()`` does."""
        plan = plan_media_restore(
            source,
            at=part.name,
            delete=self.delete,
            force=self.force,
            from_environment=self.from_environment,
        )
        try:
            _require_recorded(plan.run, part)
        except BaseException:
            plan.work.close()
            raise
        return plan


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRestorePlan:
    """A site restore that can work."""

    record: SiteRecord
    databases: tuple[tuple[Part, RestorePlan], ...]
    media: tuple[MediaStep, ...]
    options: MediaOptions
    partial: bool
    safety_backup: bool
    warnings: tuple[str, ...]
    """What the operator should know before agreeing."""
    settings: Settings

    def by_hand(self, part: Part) -> str:
        """Return the command that restores one part in the same way."""
        given = (
            {"--partial": self.partial, "--no-safety-backup": not self.safety_backup}
            if part.kind == DATABASE
            else {"--delete": self.options.delete}
        )
        options = [option for option, is_given in given.items() if is_given]
        return by_hand(part, self.record.environment, self.settings, options)


@session()
def plan_site_restore(
    *,
    at: str | None = None,
    from_environment: str | None = None,
    partial: bool = False,
    safety_backup: bool = True,
    jobs: int = 1,
    delete: bool = False,
    force: bool = False,
) -> SiteRestorePlan:
    """Choose the site backup, and check all that can be checked of all its parts.

    ``at`` is its name, or a moment; by default it is the newest whole one of
    ``from_environment``, by default this environment. ``partial``, ``safety_backup`` and
    ``jobs`` are for databases, as in ``plan_restore()``; ``delete`` and ``force`` for media
    files. Nothing changes. Raises
    ``InvalidSettings``, ``BackupNotFound``, ``BackupRejected``, ``RestoreError``,
    ``MediaGuardError`` or ``RcloneError``.
    """
    settings = conf.load()
    remote = Remote(settings)
    remote.require_supported()
    environment = settings.environment if from_environment is None else from_environment
    record, warnings = choose_site(remote, settings, at, environment)
    sources = {source.name: source for source in settings.media_sources}
    _require_known(record, sources)
    databases = []
    for part in record.of_kind(DATABASE):
        plan = plan_restore(
            part.of,
            name=part.name,
            from_environment=from_environment,
            partial=partial,
            safety_backup=safety_backup,
            jobs=jobs,
        )
        _require_recorded(plan.backup, part)
        databases.append((part, plan))
        warnings += [f"Database {part.of!r}: {warning}" for warning in plan.warnings]
    options = MediaOptions(delete=delete, force=force, from_environment=from_environment)
    media = []
    for part in record.of_kind(MEDIA):
        with options.plan(sources[part.of], part) as files:
            _require_content(files, part)
            media.append(
                MediaStep(
                    part=part,
                    source=sources[part.of],
                    address=files.place.address,
                    extra=files.extra,
                )
            )
            warnings += files.warnings
    return SiteRestorePlan(
        record=record,
        databases=tuple(databases),
        media=tuple(media),
        options=options,
        partial=partial,
        safety_backup=safety_backup,
        warnings=tuple(warnings),
        settings=settings,
    )


def _require_known(record: SiteRecord, sources: dict[str, MediaSource]) -> None:
    """Raise ``BackupRejected`` unless this site has all databases and sources."""
    aliases = conf.database_aliases()
    for part in record.parts:
        known, where = (
            (aliases, "DATABASES") if part.kind == DATABASE else (sources, "MEDIA_SOURCES")
        )
        if part.of not in known:
            raise BackupRejected(
                f"Site backup {record.name} has {part}, and there is no {part.of!r} in {where}.",
                hint="Add it, or restore the other parts on their own, with dbrestore and "
                "mediarestore.",
            )


def _require_recorded(backup: Backup, part: Part) -> None:
    """Raise ``BackupRejected`` if another backup has taken the place of a part."""
    if backup.signature != part.manifest:
        raise BackupRejected(
            f"{part.path} is not the one that belongs to this site backup.",
            hint="Find out who replaced it, or choose another site backup with --at.",
        )


def _require_content(plan: MediaRestorePlan, part: Part) -> None:
    """Raise ``BackupRejected`` unless the content of all files is stored, as one listing shows."""
    content = plan.remote.address(content_folder(plan.settings))
    list_stored(plan.copying, content, plan.work)
    if missing := sum(1 for _ in wrongly_stored(plan.work)):
        raise BackupRejected(
            f"{missing:,} contents of files in {part.path} are not on the remote.",
            hint="Choose another site backup with --at. `mediarestore` restores the other files, "
            "and names those that are missing.",
        )
