"""Verification of a backup: it is read back, or restored into a scratch place and questioned there."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from .. import conf
from ..backups import Backup
from ..backups.catalog import Catalog, database_catalog
from ..backups.rehearsal import Proof, Rehearsal
from ..conf import Settings
from ..console import Console
from ..events import Operation
from ..exceptions import (
    BackupRejected,
    ClientError,
    DjangoRcloneError,
    ExecutableNotFound,
    ProcessError,
    RcloneError,
    VerificationFailed,
)
from ..locks import exclusive
from ..pipeline.relay import Sink
from ..rclone import Remote, session
from ..reporting import Sender, new_operation, report
from .newest import newest_backup, require_of
from .proofs import store_record
from .reading import stream
from .rehearsal import rehearse
from .restore import require_verified

_QUIET = Console()
_HINT = "Make another backup now, and verify it; keep this one until that has passed."


@session()
def verify_database(
    alias: str,
    *,
    name: str | None = None,
    remote_only: bool = False,
    jobs: int = 1,
    sender: Sender,
    console: Console = _QUIET,
) -> Rehearsal:
    """Prove one backup of a database, and store a signed record of it next to the manifest.

    Without ``name`` it is the newest of this environment. It is restored into a scratch place,
    compared with its manifest and questioned there, see ``rehearse()``; with ``remote_only`` it
    is only read back and compared. Up to ``jobs`` sessions work at once in a scratch place where
    the client can use them. The live database is not touched.

    Raises ``InvalidSettings`` and ``BackupNotFound`` before anything is sent;
    ``VerificationFailed`` if the backup did not pass, which is recorded, too; and
    ``OperationVetoed``, ``OperationLocked``, ``BackupRejected``, ``RestoreError`` or
    ``ProcessError`` if it could not be tried.
    """
    settings = conf.load()
    remote = Remote(settings)
    catalog = database_catalog(remote, settings)
    backup = _chosen(catalog, alias, name, settings)
    event = new_operation(
        Operation.DB_VERIFY, environment=settings.environment, database=alias, path=backup.path
    )
    with report(event, sender=sender, console=console) as context:
        remote.require_supported()
        require_verified(backup)
        context.send_pre_signal()
        with exclusive(remote, event, warn=console.warn):
            task = _Task(alias, backup, catalog, remote, settings, console, jobs)
            record = task.recorded(task.read if remote_only else task.rehearse)
        context.size = backup.size
    return record


@session()
def verify_databases(
    aliases: Sequence[str],
    *,
    every: bool = False,
    remote_only: bool = False,
    jobs: int = 1,
    sender: Sender,
    console: Console = _QUIET,
) -> list[Rehearsal]:
    """Prove the newest backup of each database, or ``every`` verified one; return what passed.

    One that fails does not keep the others from being tried. Raises ``VerificationFailed``
    in the end if any failed, with the words of each; otherwise as ``verify_database()``.
    """
    passed: list[Rehearsal] = []
    failed: list[DjangoRcloneError] = []
    for alias, name in _wanted(aliases, every=every):
        try:
            passed.append(
                verify_database(
                    alias,
                    name=name,
                    remote_only=remote_only,
                    jobs=jobs,
                    sender=sender,
                    console=console,
                )
            )
        except DjangoRcloneError as error:
            failed.append(error)
    if len(failed) == 1 and not passed:
        raise failed[0]
    if failed:
        raise VerificationFailed("\n".join(map(str, failed)))
    return passed


def _wanted(aliases: Sequence[str], *, every: bool) -> Iterator[tuple[str, str | None]]:
    if not every:
        yield from ((alias, None) for alias in aliases)
        return
    settings = conf.load()
    backups = database_catalog(Remote(settings), settings).read().backups
    for backup in backups:
        ours = backup.verified and backup.environment == settings.environment
        if ours and backup.database in aliases:
            yield str(backup.database), backup.name


def _chosen(catalog: Catalog, alias: str, name: str | None, settings: Settings) -> Backup:
    if name is None:
        return newest_backup(catalog, alias, settings.environment, by_name=True)[0]
    backup = catalog.get(name)
    require_of(alias, backup)
    return backup


@dataclass(frozen=True, slots=True)
class _Task:
    """The verification of one backup."""

    alias: str
    backup: Backup
    catalog: Catalog
    remote: Remote
    settings: Settings
    console: Console
    jobs: int

    def recorded(self, prove: "Callable[[_Findings], Proof]") -> Rehearsal:
        """Run ``prove``, and store what it found. Raises ``VerificationFailed``."""
        findings = _Findings()
        clock = time.monotonic()
        proof = prove(findings)
        assert self.backup.manifest is not None, "it was verified"
        record = Rehearsal.finished(
            self.backup.manifest,
            proof,
            clock=clock,
            compared=findings.compared,
            complaints=findings.complaints,
        )
        store_record(record, self.remote, self.settings, self.console, hint=_HINT)
        return record

    def read(self, findings: "_Findings") -> Proof:
        """Read the backup back, and compare it with its manifest."""
        with findings.noted():
            self._stream(_Nowhere())
        findings.compared.append("size and hash")
        return Proof.READ

    def rehearse(self, findings: "_Findings") -> Proof:
        """Restore the backup into a scratch place, and question it there."""
        with rehearse(
            self.alias, self.backup, self.catalog, self.settings, jobs=self.jobs
        ) as place:
            with findings.noted():
                self._stream(place)
                findings.complaints += place.complaints()
            findings.compared += ["size and hash", *place.compared]
            for remark in place.remarks():
                self.console.warn(remark)
        return Proof.REHEARSED

    def _stream(self, sink: Sink) -> None:
        stream(self.backup, self.remote, sink, self.console)


class _Findings:
    """What a verification compared, and what did not pass."""

    def __init__(self) -> None:
        self.compared: list[str] = []
        self.complaints: list[str] = []

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note what is wrong with the backup, in contrast to what keeps it from being tried."""
        try:
            yield
        except (BackupRejected, ClientError) as error:
            self.complaints.append(error.message.rstrip("."))
        except ProcessError as error:
            if not _refused(error):
                raise
            self.complaints.append(error.message.rstrip("."))


def _refused(error: ProcessError) -> bool:
    """Return whether a program of the database said no to what it was given, and why."""
    ended = error.returncode is not None and error.returncode > 0
    return ended and not error.transient and not isinstance(error, RcloneError | ExecutableNotFound)


class _Nowhere:
    """A sink of the relay that keeps nothing."""

    def write(self, data: bytes) -> None:
        """Take all of ``data``."""

    def finish(self) -> None:
        """Accept it."""
