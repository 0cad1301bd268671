"""Media backup: the order of steps of a run."""

from dataclasses import dataclass
from datetime import UTC, datetime

from ... import conf
from ...backups import Backup
from ...conf import Settings
from ...conf.media_sources import MediaSource
from ...console import Console
from ...events import MediaCounts, Operation, OperationEvent
from ...exceptions import MediaIncomplete
from ...interrupts import interruptible
from ...locks import exclusive
from ...rclone import Remote, session
from ...rclone.copying import Copying
from ...reporting import Sender, new_operation, report
from ..places import require_media_apart
from .cache import Cache, cache_path, temporary_folder
from .commit import commit_run
from .counts import count, gone
from .guards import named, require_few_gone, require_files
from .patterns import matcher
from .places import MediaPlace, media_place
from .runs import (
    content_folder,
    newest_run,
    read_index,
    run_catalog,
    run_path,
)
from .sending import Sending, hash_all
from .stored import StoredContent
from .workset import WorkSet

_QUIET = Console()


@dataclass(frozen=True, slots=True)
class Stored:
    """A run that was made, and what it is about."""

    run: Backup
    counts: MediaCounts
    size: int
    """Bytes of all files."""
    sent: int
    """Bytes sent."""


@session()
def backup_media(
    source: MediaSource, *, sender: Sender, force: bool = False, console: Console = _QUIET
) -> Stored:
    """Make a run: store the content that is new, and then the index of all files.

    Refuses a source that is missing or empty, or of which more than ``MEDIA_MAX_DELETE``
    percent of the files of the last run are gone; ``force`` allows all but the first. Raises
    ``InvalidSettings`` before anything is sent; ``MediaGuardError``, ``OperationVetoed``,
    ``OperationLocked`` or ``RcloneError`` if there is no run; and ``MediaIncomplete``
    if there is one that lacks files.
    """
    settings = conf.load()
    copying = Copying(settings)
    place = media_place(source, settings, copying)
    require_media_apart(settings)
    started = datetime.now(UTC)
    event = new_operation(
        Operation.MEDIA_BACKUP,
        environment=settings.environment,
        path=run_path(source.name, started, settings),
        started_at=started,
    )
    with report(event, sender=sender, console=console) as context, WorkSet() as work:
        remote = Remote(settings)
        remote.begin()
        cache = Cache(work, cache_path(settings, place.address))
        run = _Run(source, place, settings, remote, copying, work, cache, console)
        # Before the files are looked at: a receiver may mount them, or add some.
        context.send_pre_signal()
        # Nobody may delete content from when it is listed to when the run that needs it exists.
        with exclusive(remote, event), StoredContent(copying, run.content) as content:
            deleted = run.look(force=force)
            stored = run.store(event, content, deleted)
        context.size, context.counts, context.sent = stored.size, stored.counts, stored.sent
        run.require_complete(stored)
    return stored


@session()
def preview_backup(source: MediaSource, *, force: bool = False) -> MediaCounts:
    """Return what a run would be about. Files that have changed are read, nothing is stored.

    Raises what ``backup_media()`` raises before anything is stored.
    """
    settings = conf.load()
    copying = Copying(settings)
    place = media_place(source, settings, copying)
    require_media_apart(settings)
    remote = Remote(settings)
    remote.begin()
    with WorkSet() as work:
        cache = Cache(work, cache_path(settings, place.address))
        run = _Run(source, place, settings, remote, copying, work, cache, _QUIET)
        deleted = run.look(force=force)
        run.hash_all()
        return count(work, deleted)


@dataclass(frozen=True, slots=True)
class _Run:
    """What the steps of one run share."""

    source: MediaSource
    place: MediaPlace
    settings: Settings
    remote: Remote
    copying: Copying
    work: WorkSet
    cache: Cache
    console: Console

    def look(self, *, force: bool) -> int:
        """Find all files, compare them with the last run, and raise what a guard says.

        Return how many files of that run are gone.
        """
        with interruptible():
            self.work.add_found(self.place.scan())
        require_files(self.work, self.place.address, force=force)
        runs = run_catalog(self.remote, self.settings).for_database(self.source.name)
        last = newest_run([r for r in runs if r.environment == self.settings.environment])
        if last is not None and not self.cache.recall_run(last):
            read_index(self.remote, last, self.work)
        deleted = gone(self.work)
        require_few_gone(self.work, deleted, self.settings, force=force)
        return deleted

    @property
    def content(self) -> str:
        """The address of the folder of contents."""
        return self.remote.address(content_folder(self.settings))

    def store(self, event: OperationEvent, content: StoredContent, deleted: int) -> Stored:
        """Send what is missing, and commit the run."""
        assert event.path
        self.cache.recall_hashes()
        content.add_to(self.work)
        self.cache.distrust_stored()
        sending = Sending(
            self.work, self.cache, self.place, self.copying, self.content, self.console
        )
        sending.store_missing(temporary_folder(self.settings))
        partial = bool(self._left_out()[0])
        counts = count(self.work, deleted)
        manifest = commit_run(
            self.remote, self.settings, self.work, self.source.name, event, counts, partial=partial
        )
        run = Backup(path=event.path, size=manifest.size, manifest=manifest)
        self.cache.remember(run)
        return Stored(run, counts, manifest.content_size or 0, sending.bytes)

    def hash_all(self) -> None:
        """Fill in the hashes of all files."""
        self.cache.recall_hashes()
        hash_all(self.work, self.place, temporary_folder(self.settings))

    def require_complete(self, stored: Stored) -> None:
        """Raise ``MediaIncomplete`` if files are missing in the run, and warn of tolerated ones."""
        missing, tolerated = self._left_out()
        if tolerated:
            self.console.warn(f"Left out, as MEDIA_SOURCES says: {named(tolerated)}.")
        if missing:
            files = f"{len(missing):,} files" if len(missing) > 1 else "1 file"
            raise MediaIncomplete(
                f"{files} could not be stored, all others were: {named(missing)}.",
                hint="Correct that, and run the command again. The run is listed as incomplete.",
                run=stored,
            )

    def _left_out(self) -> tuple[list[tuple[bytes, str]], list[tuple[bytes, str]]]:
        """Return what is missing in the run, and what may be, each with the reason."""
        tolerates = matcher(self.source.tolerate)
        missing: list[tuple[bytes, str]] = []
        tolerated: list[tuple[bytes, str]] = []
        rows = self.work.connection.execute(
            "SELECT path, reason FROM found WHERE kind = 'left out' ORDER BY path"
        )
        for path, reason in rows:
            skipped = self.source.links == "skip" and reason.startswith("a link to ")
            fine = skipped or (tolerates is not None and tolerates(path))
            (tolerated if fine else missing).append((path, reason))
        return missing, tolerated
