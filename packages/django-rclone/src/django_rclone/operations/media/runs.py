"""Where runs and their content are stored, and the reading of both."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from ...backups import Backup
from ...backups.catalog import Catalog
from ...backups.index import EXTENSION, Entry, require_header
from ...backups.naming import Identity, Naming
from ...backups.retention import CLOCK_TOLERANCE, dated_after
from ...conf import Settings
from ...console import Console
from ...exceptions import BackupRejected
from ...pipeline.compression import ZSTD
from ...pipeline.relay import apply_dump
from ...rclone import Remote
from .workset import WorkSet

VENDOR = "media"
NAMING = Naming("{database}-{datetime}.{ext}", "%Y-%m-%d-%H%M%S")

_LINE_LIMIT = 1 << 20
_QUIET = Console()


@dataclass(frozen=True, slots=True)
class RunNames:
    """The names of the runs of all sources."""

    sources: tuple[str, ...]

    def identify(self, name: str) -> Identity | None:
        """Return what the name of an index says; ``None`` for any other name."""
        for source in self.sources:
            if moment := NAMING.parse_timestamp(source, name, [EXTENSION]):
                return Identity(source, NAMING.latest_possible(moment))
        return None


def runs_folder(settings: Settings) -> str:
    """Return the folder of the indexes and their manifests."""
    return f"{settings.media_backup_dir}/runs"


def content_folder(settings: Settings) -> str:
    """Return the folder of the contents of files."""
    return f"{settings.media_backup_dir}/content"


def run_path(source: str, moment: datetime, settings: Settings) -> str:
    """Return the path of a new run."""
    name = NAMING.name(source, moment, secrets.token_hex(4), EXTENSION)
    return f"{runs_folder(settings)}/{name}"


def run_catalog(remote: Remote, settings: Settings) -> Catalog:
    """Return the catalog of the runs of all sources."""
    names = RunNames(tuple(source.name for source in settings.media_sources))
    return Catalog(
        remote,
        settings,
        folder=runs_folder(settings),
        names=names,
        listing="listbackups --media",
    )


def is_whole(run: Backup) -> bool:
    """Return whether a run is known to have all that there was."""
    return run.verified and run.manifest is not None and not run.manifest.partial


def newest_run(runs: list[Backup]) -> Backup | None:
    """Return the newest whole run; without any, the newest that is not.

    ``runs`` are the newest first. One that is dated in the future is the last choice.
    """
    verified = [run for run in runs if run.verified]
    ahead = dated_after(verified, datetime.now(UTC) + CLOCK_TOLERANCE)
    in_order = [run for run in verified if run not in ahead] + ahead
    return next((run for run in in_order if is_whole(run)), next(iter(in_order), None))


def read_index(
    remote: Remote,
    run: Backup,
    work: WorkSet,
    *,
    wanted: Callable[[bytes], bool] | None = None,
) -> None:
    """Add the entries of a run, or those whose path is ``wanted``, to the facts.

    Raises ``BackupRejected`` for an index that is damaged, and ``RcloneError``.
    """
    manifest = run.manifest
    sink = _Lines(work, wanted)
    with remote.download(run.path) as download:
        apply_dump(
            download,
            sink,
            compression=manifest.compression if manifest and run.verified else ZSTD,
            expected=manifest.digest if manifest and run.verified else None,
            progress=_QUIET.progress,
        )


class _Lines:
    """Takes an index in pieces."""

    def __init__(self, work: WorkSet, wanted: Callable[[bytes], bool] | None) -> None:
        self._work = work
        self._wanted = wanted
        self._rest = b""
        self._started = False

    def write(self, data: bytes) -> None:
        """Add the entries of all lines that end in ``data``."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        try:
            if len(self._rest) > _LINE_LIMIT:
                raise ValueError("a line is too long")
            if lines and not self._started:
                require_header(lines.pop(0))
                self._started = True
            self._work.add_run(self._entries(lines))
        except ValueError as error:
            raise BackupRejected(f"The index of the run cannot be read: {error}.") from None

    def finish(self) -> None:
        """Raise ``BackupRejected`` unless the index ended with a line."""
        if self._rest or not self._started:
            raise BackupRejected("The index of the run ends too early: it is damaged.")

    def _entries(self, lines: list[bytes]) -> Iterator[Entry]:
        for line in lines:
            entry = Entry.from_line(line)
            if self._wanted is None or self._wanted(entry.path):
                yield entry
