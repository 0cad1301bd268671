"""The plan of a media restore: what is known before anything changes."""

import os
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from ...backups import Backup
from ...conf import Settings
from ...conf.media_sources import MediaSource
from ...events import MediaCounts
from ...exceptions import BackupRejected, MediaGuardError
from ...interrupts import interruptible
from ...rclone import Remote, session
from ...rclone.copying import Copying
from . import difference
from .cache import Cache, cache_path, temporary_folder
from .choice import choose_run
from .destination import find_destination
from .guards import named, require_few_deletions
from .places import FolderPlace, MediaPlace
from .remote_place import RemotePlace
from .runs import is_whole, run_catalog
from .selection import read_selected
from .sending import hash_all
from .storage_place import StoragePlace
from .workset import WorkSet


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaRestorePlan:
    """A media restore that can work. It is a context manager, which frees what it holds."""

    run: Backup
    place: MediaPlace
    delete: bool
    """Whether files that the run lacks are deleted."""
    extra: int
    """How many files the run lacks."""
    conflicts: list[tuple[bytes, str]]
    """What is in the way and is deleted."""
    warnings: list[str]
    """What the operator should know before agreeing."""
    work: WorkSet
    remote: Remote
    copying: Copying
    settings: Settings

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.work.__exit__(kind, error, traceback)

    def compare(self) -> MediaCounts:
        """Compare what is there with the run, by content, and return what there is to do."""
        Cache(self.work, cache_path(self.settings, self.place.address)).recall_hashes()
        difference.unhashed(self.work)
        hash_all(self.work, self.place, temporary_folder(self.settings))
        wanted, _ = difference.wanted_size(self.work)
        replaced = difference.replaced_count(self.work)
        return MediaCounts(
            files=self.work.number("SELECT count(*) FROM run WHERE kind IN ('file', 'link')"),
            added=wanted - replaced + sum(1 for _ in difference.links(self.work)),
            changed=replaced,
            deleted=self.extra if self.delete else 0,
            left_out=0,
        )


@session()
def plan_media_restore(
    source: MediaSource,
    *,
    at: str | None = None,
    path: str | None = None,
    to: str | None = None,
    delete: bool = False,
    from_environment: str | None = None,
    unverified: bool = False,
    force: bool = False,
) -> MediaRestorePlan:
    """Choose the run, and check all that can be checked before files are replaced.

    ``path`` restricts the restore to a file, a folder or a pattern; ``to`` is another folder
    than that of the source. With ``delete`` files that the run lacks are deleted, and what
    is in the way; ``force`` allows more of that than ``MEDIA_MAX_DELETE`` percent. Nothing
    changes. Raises ``InvalidSettings``, ``BackupNotFound``, ``BackupRejected``,
    ``MediaGuardError`` or ``RcloneError``.
    """
    destination = find_destination(source, to)
    place, remote, settings = destination.place, destination.remote, destination.settings
    environment = settings.environment if from_environment is None else from_environment
    catalog = run_catalog(remote, settings)
    run, warnings = choose_run(catalog, source.name, at, environment, unverified=unverified)
    if isinstance(place, StoragePlace):
        place.require_exact_names()
    if not is_whole(run):
        if delete:
            raise BackupRejected(
                f"{run.name} is not known to be whole, so nothing is deleted because of it.",
                hint="Leave out --delete, or choose another run with --at.",
            )
        warnings.append(f"{run.name} is not known to be whole: files may be missing in it.")
    work = WorkSet()
    try:
        _look(work, remote, run, place, path)
        plan = MediaRestorePlan(
            run=run,
            place=place,
            delete=delete,
            extra=difference.extra_count(work),
            conflicts=difference.conflicts(work) if isinstance(place, FolderPlace) else [],
            warnings=warnings,
            work=work,
            remote=remote,
            copying=destination.copying,
            settings=settings,
        )
        _require_possible(plan, path, force=force)
    except BaseException:
        work.close()
        raise
    return plan


def _look(
    work: WorkSet,
    remote: Remote,
    run: Backup,
    place: MediaPlace,
    path: str | None,
) -> None:
    wanted = read_selected(remote, run, work, path)
    work.connection.create_function("wanted", 1, wanted, deterministic=True)
    if not run.verified:
        _disarm(work)
    if not isinstance(place, FolderPlace) or os.path.lexists(place.address):
        try:
            with interruptible():
                work.add_found(place.scan())
        except MediaGuardError:
            # A remote that is empty: the restore fills it.
            if not isinstance(place, RemotePlace):
                raise


def _disarm(work: WorkSet) -> None:
    """Drop the links that lead out: whoever can forge a run must not show files of this machine."""
    leading_out = [
        path
        for path, target in difference.links(work)
        if target.startswith(b"/") or b".." in target.split(b"/")
    ]
    for path in leading_out:
        work.run("DELETE FROM run WHERE path = ?", (path,))


def _require_possible(plan: MediaRestorePlan, path: str | None, *, force: bool) -> None:
    files = plan.work.number("SELECT count(*) FROM run")
    if path is not None and not files:
        raise MediaGuardError(
            f"{plan.run.name} has nothing that matches {path!r}.",
            hint=f"`listbackups --media --at {plan.run.name}` shows what it has.",
        )
    if plan.conflicts and not plan.delete:
        raise MediaGuardError(
            f"These are in the way in {plan.place.address}: {named(plan.conflicts)}.",
            hint="Move them away, or restore to another folder with --to.",
        )
    if isinstance(plan.place, FolderPlace) and plan.place.has_patterns:
        _require_none_hidden(plan, os.fsencode(plan.place.address))
    if plan.delete:
        present = plan.work.number("SELECT count(*) FROM found WHERE kind IN ('file', 'link')")
        require_few_deletions(plan.extra, present, plan.place.address, plan.settings, force=force)


def _require_none_hidden(plan: MediaRestorePlan, folder: bytes) -> None:
    """Raise ``MediaGuardError`` for what is in the way and may not be deleted either."""
    if hidden := difference.hidden_conflicts(plan.work, folder):
        raise MediaGuardError(
            f"These are in the way in {plan.place.address}, and left out by the patterns of "
            f"the source: {named(hidden)}.",
            hint="Move them away, or restore to another folder with --to.",
        )
