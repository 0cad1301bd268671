"""Site backup: the databases first, then the media files, then the record that ties them."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ... import conf
from ...backups import Backup
from ...backups.catalog import database_catalog
from ...backups.sites import (
    DATABASE,
    MEDIA,
    Part,
    SiteRecord,
    commit_site,
    mark_path,
    names_of,
    new_name,
    site_signer,
)
from ...conf import Settings
from ...conf.media_sources import MediaSource
from ...console import Console
from ...exceptions import (
    BackupNotFound,
    BackupsFailed,
    DjangoRcloneError,
    ExecutableNotFound,
    MediaIncomplete,
    RcloneError,
    SiteBackupFailed,
)
from ...rclone import Remote, session
from ...rclone.copying import Copying
from ...reporting import Sender
from ..media.backup import Stored
from ..media.places import media_place
from ..media.runs import run_catalog
from ..media.several import backup_sources
from ..places import require_media_apart
from ..several import backup_databases
from .prune import prune_sites

_QUIET = Console()


@session()
def backup_site(
    aliases: Sequence[str],
    sources: Sequence[MediaSource],
    *,
    sender: Sender,
    retries: int = 0,
    verify: bool = False,
    jobs: int = 1,
    force: bool = False,
    clean: bool = False,
    console: Console = _QUIET,
) -> SiteRecord:
    """Back up databases, then media files, and return the record that they belong together.

    A file that a database names was there before its dump began, so it is in the run. Each
    part is tried, whatever becomes of the others, with the signals and events of its own;
    there is a site backup only if all of them are stored and, with ``verify``, the
    databases were rehearsed. The options are those of ``backup_databases()`` and
    ``backup_sources()``; with ``clean``, old site backups are deleted, and then what no rule
    keeps of the same databases and sources.

    Raises ``InvalidSettings`` before anything is done; ``SiteBackupFailed`` if there is no
    site backup; ``MediaIncomplete`` if there is one that lacks files; and ``BackupsFailed``
    if all is stored and a clean-up failed.
    """
    settings = conf.load()
    require_media_apart(settings)
    _require_places(sources, settings)
    parts = _Parts(settings)
    with parts.released_on_error():
        parts.add_databases(
            aliases, sender=sender, retries=retries, verify=verify, jobs=jobs, console=console
        )
        parts.add_media(sources, sender=sender, force=force, console=console)
        record = parts.commit()
    console.stored_site(record.name, record.size)
    parts.require_complete()
    if clean:
        prune_sites(record, Remote(settings), settings, sender=sender, console=console)
    return record


def _require_places(sources: Sequence[MediaSource], settings: Settings) -> None:
    """Raise ``InvalidSettings`` for a source that has no place."""
    with suppress(ExecutableNotFound):  # the first operation says so, to observers too
        copying = Copying(settings)
        for source in sources:
            media_place(source, settings, copying)


@dataclass(slots=True)
class _Parts:
    """What was stored so far, and what was not."""

    settings: Settings
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    name: str = ""
    stored: list[Part] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    incomplete: list[MediaIncomplete] = field(default_factory=list)
    """The errors of the runs that are stored and lack files."""
    partial: bool = False
    size: int = 0

    def __post_init__(self) -> None:
        self.name = new_name(self.started, secrets.token_hex(4))

    @contextmanager
    def released_on_error(self) -> Iterator[None]:
        """Take the marks away if there is no site backup after the block."""
        try:
            yield
        except BaseException:
            for part in self.stored:
                Remote(self.settings).try_delete(mark_path(part.path))
            raise

    def add_databases(
        self,
        aliases: Sequence[str],
        *,
        sender: Sender,
        retries: int,
        verify: bool,
        jobs: int,
        console: Console,
    ) -> None:
        try:
            backups: Sequence[object] = backup_databases(
                aliases, sender=sender, retries=retries, verify=verify, jobs=jobs, console=console
            )
        except BackupsFailed as error:
            backups = error.stored
            self.errors.append(error)
        for backup in backups:
            assert isinstance(backup, Backup)
            self._add(DATABASE, backup, backup.size)

    def add_media(
        self, sources: Sequence[MediaSource], *, sender: Sender, force: bool, console: Console
    ) -> None:
        for source in sources:
            try:
                (run,) = backup_sources([source], sender=sender, force=force, console=console)
            except MediaIncomplete as error:
                stored = error.run
                assert isinstance(stored, Stored)
                self._add(MEDIA, stored.run, stored.size)
                self.incomplete.append(error)
            except DjangoRcloneError as error:
                self.errors.append(error)
            else:
                self._add(MEDIA, run.run, run.size)

    def _add(self, kind: str, backup: Backup, size: int) -> None:
        self.stored.append(Part(kind, str(backup.database), backup.path, backup.signature))
        self.size += size
        self.partial = self.partial or backup.partial
        try:
            # From now on no clean-up deletes it.
            Remote(self.settings).write(mark_path(backup.path), f"{self.name}\n".encode())
        except DjangoRcloneError as error:
            self.errors.append(error)

    def require_complete(self) -> None:
        """Raise ``MediaIncomplete`` if a run lacks files."""
        if self.incomplete:
            text = "\n".join(error.message for error in self.incomplete)
            raise MediaIncomplete(text, hint=self.incomplete[0].hint)

    def commit(self) -> SiteRecord:
        """Store the record of all parts. Raises ``SiteBackupFailed`` if one failed."""
        if self.errors:
            raise SiteBackupFailed(self.errors, list(names_of(self.stored)))
        record = SiteRecord(
            name=self.name,
            created_at=self.started,
            environment=self.settings.environment,
            size=self.size,
            partial=self.partial,
            parts=tuple(self.stored),
        )
        record = record.signed(site_signer(self.settings))
        try:
            remote = Remote(self.settings)
            _require_there(record, remote, self.settings)
            commit_site(remote, record)
        except DjangoRcloneError as error:
            raise SiteBackupFailed([error], list(names_of(self.stored))) from error
        return record


def _require_there(record: SiteRecord, remote: Remote, settings: Settings) -> None:
    """Raise ``RcloneError`` unless the remote has all parts: a clean-up may have been faster."""
    catalogs = {
        DATABASE: database_catalog(remote, settings),
        MEDIA: run_catalog(remote, settings),
    }
    for part in record.parts:
        try:
            found = catalogs[part.kind].get(part.path)
        except BackupNotFound:
            found = None
        if found is None or not found.verified or found.signature != part.manifest:
            raise RcloneError(
                f"{part.path} is not on the remote any more as it was stored.",
                hint="Look for what deletes backups there, such as a clean-up at the same time.",
            )
