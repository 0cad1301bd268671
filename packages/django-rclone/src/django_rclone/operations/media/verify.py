"""Verification of a media run: its content is read back, all of it or the next share."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction

from ... import conf
from ...backups import Backup
from ...backups.catalog import Catalog
from ...backups.readings import END, Part, Reading, next_share, with_part
from ...backups.rehearsal import Proof
from ...conf.media_sources import MediaSource
from ...console import Console
from ...events import Operation
from ...exceptions import BackupNotFound, BackupRejected, DjangoRcloneError, VerificationFailed
from ...locks import exclusive
from ...rclone import Remote, session
from ...rclone.copying import Copying
from ...reporting import Sender, new_operation, report
from ..proofs import RECENT, readings_of, store_record
from .choice import choose_run
from .content_store import content_name
from .guards import named
from .reading_back import MISSING, read_back, wrongly_stored
from .runs import content_folder, read_index, run_catalog
from .stored import list_stored
from .workset import WorkSet

_QUIET = Console()
_HINT = (
    "Move what is damaged away on the remote, then run `manage.py mediabackup`: it stores again "
    "what is not there, if the file is still in the source."
)


@session()
def verify_media(
    source: str,
    *,
    at: str | None = None,
    share: Fraction = Fraction(1),
    sender: Sender,
    console: Console = _QUIET,
) -> Reading:
    """Read a run back, and store a signed record of it next to the run.

    ``at`` is the name of a run or a moment, by default the newest whole run is taken. Its index
    and the sizes of its contents are always compared; of the contents a ``share`` is read, on
    from where the last reading of this source ended.

    Raises ``InvalidSettings``, ``BackupNotFound`` and ``BackupRejected`` before anything is
    sent; ``VerificationFailed`` if the run did not pass, which is recorded, too; and
    ``OperationVetoed``, ``OperationLocked`` or ``RcloneError`` if it could not be read.
    """
    settings = conf.load()
    remote = Remote(settings)
    catalog = run_catalog(remote, settings)
    run, _ = choose_run(catalog, source, at, settings.environment, unverified=False)
    event = new_operation(Operation.MEDIA_VERIFY, environment=settings.environment, path=run.path)
    with report(event, sender=sender, console=console) as context, WorkSet() as work:
        remote.require_supported()
        context.send_pre_signal()
        # No backup is kept from its work: a clean-up that takes the run is noticed.
        with exclusive(remote, event, warn=console.warn):
            task = _Task(source, run, share, catalog, work, console)
            record = task.record()
        store_record(record, remote, settings, console, hint=_HINT)
        context.size = run.manifest.content_size if run.manifest else None
    return record


@session()
def verify_sources(
    sources: Sequence[MediaSource],
    *,
    share: Fraction = Fraction(1),
    sender: Sender,
    console: Console = _QUIET,
) -> list[Reading]:
    """Verify the newest whole run of each source; return the records of those that passed.

    One that fails does not keep the others from being tried. Raises ``VerificationFailed`` in
    the end if any failed, with the words of each; otherwise as ``verify_media()``.
    """
    passed: list[Reading] = []
    failed: list[DjangoRcloneError] = []
    for source in sources:
        try:
            passed.append(verify_media(source.name, share=share, sender=sender, console=console))
        except DjangoRcloneError as error:
            failed.append(error)
    if len(failed) == 1 and not passed:
        raise failed[0]
    if failed:
        raise VerificationFailed("\n".join(map(str, failed)))
    return passed


@dataclass(frozen=True, slots=True)
class _Task:
    """The verification of one run."""

    source: str
    run: Backup
    share: Fraction
    catalog: Catalog
    work: WorkSet
    console: Console

    def record(self) -> Reading:
        """Read what is to be read, and return what was found."""
        clock = time.monotonic()
        parts = self._parts_so_far()
        compared: list[str] = []
        complaints: list[str] = []
        try:
            read_index(self.catalog.remote, self.run, self.work)
        except BackupRejected as error:
            complaints.append(error.message.rstrip("."))
        else:
            start, end = next_share(parts, self.share)
            complaints += self._compare(start, end, compared)
            if not complaints:
                parts = with_part(parts, Part(start, end, datetime.now(UTC)))
        if complaints and not self.catalog.has_manifest(self.run.path):
            raise BackupNotFound(
                f"{self.run.path} was deleted while it was read.", hint="Run the command again."
            )
        assert self.run.manifest is not None, "it was chosen since it is verified"
        return Reading.finished(
            self.run.manifest,
            Proof.READ,
            clock=clock,
            compared=compared,
            complaints=complaints,
            parts=tuple(map(str, parts)),
        )

    def _compare(self, start: int, end: int, compared: list[str]) -> list[str]:
        """Compare what is stored with the index, note what was, and return what is wrong."""
        remote, settings, work = self.catalog.remote, self.catalog.settings, self.work
        folder = content_folder(settings)
        list_stored(Copying(settings), remote.address(folder), work)
        problems = [
            (
                path,
                MISSING
                if lost
                else f"its content has another size: {folder}/{content_name(sha256)}",
            )
            for path, sha256, lost in wrongly_stored(work)
        ]
        total = work.number(
            "SELECT count(DISTINCT sha256) FROM run WHERE kind = 'file' AND size > 0"
        )
        compared += ["the index", f"the sizes of {total:,} contents"]
        read = read_back(remote, settings, work, (start, end), self.console)
        problems += read.problems
        whole = "all" if (start, end) == (0, END) else f"{read.count:,}"
        compared.append(f"{whole} of them read ({read.size:,} bytes)")
        return [named(sorted(problems))] if problems else []

    def _parts_so_far(self) -> list[Part]:
        """Return what the last reading of this source says of it and those before."""
        contents = self.catalog.read()
        runs = [
            run
            for run in contents.of(self.source)
            if run.verified and run.environment == self.catalog.settings.environment
        ]
        remote, settings = self.catalog.remote, self.catalog.settings
        records = readings_of(runs[:RECENT], contents.stored, remote, settings)
        last = max(records, key=lambda record: record.finished_at, default=None)
        return last.known_parts if last else []
