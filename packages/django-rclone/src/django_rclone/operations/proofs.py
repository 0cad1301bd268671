"""The signed records about backups: which were rehearsed or read back, when, and how it went."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TypeVar

from ..backups import Backup
from ..backups.readings import Reading
from ..backups.rehearsal import Proof, Rehearsal, read_record, record_path, record_signer
from ..conf import Settings
from ..console import Console
from ..exceptions import RcloneError, VerificationFailed
from ..rclone import Remote

RECENT = 20
"""How many backups of a database, or runs of a source, are recent enough that their records matter."""

_Record = TypeVar("_Record", bound=Rehearsal)


def records_of(
    backups: Sequence[Backup],
    listed: Collection[str],
    remote: Remote,
    settings: Settings,
    proofs: Iterable[Proof] = Proof,
) -> Iterator[Rehearsal]:
    """Yield the signed records about verified ``backups``, of those whose path is ``listed``.

    Each is read when it is asked for.
    """
    return _records_of_kind(Rehearsal, backups, listed, remote, settings, proofs)


def readings_of(
    runs: Sequence[Backup], listed: Collection[str], remote: Remote, settings: Settings
) -> Iterator[Reading]:
    """Yield the signed records about verified media runs, as ``records_of()`` does."""
    return _records_of_kind(Reading, runs, listed, remote, settings, [Proof.READ])


def _records_of_kind(
    kind: type[_Record],
    backups: Sequence[Backup],
    listed: Collection[str],
    remote: Remote,
    settings: Settings,
    proofs: Iterable[Proof],
) -> Iterator[_Record]:
    signer = record_signer(settings.signing_key, settings.signing_key_fallbacks)
    for backup in backups:
        for proof in proofs:
            path = record_path(backup.path, proof)
            if backup.verified and path in listed:
                record = read_record(remote.read(path), backup.signature, signer, kind)
                if record and record.proof == proof:
                    yield record


def store_record(
    record: Rehearsal, remote: Remote, settings: Settings, console: Console, *, hint: str
) -> None:
    """Sign a record and store it; a remote that cannot be written is a warning.

    Raises ``VerificationFailed``, with the hint, if it says that the backup did not pass.
    """
    signed = record.signed(record_signer(settings.signing_key, settings.signing_key_fallbacks))
    try:
        remote.write(record_path(record.path, Proof(record.proof)), signed.to_bytes())
    except RcloneError as error:
        console.warn(f"The result could not be recorded on the remote: {error.message}")
    if not record.passed:
        raise VerificationFailed(
            f"{record.path} is not restorable: {'; '.join(record.complaints)}.",
            hint=hint,
        )
