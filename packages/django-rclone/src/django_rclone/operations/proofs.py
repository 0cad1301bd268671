"""The signed records about backups: which were rehearsed or read back, when, and how it went."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from ..backups import Backup
from ..backups.rehearsal import Proof, Rehearsal, read_record, record_path, record_signer
from ..conf import Settings
from ..rclone import Remote


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
    signer = record_signer(settings.signing_key, settings.signing_key_fallbacks)
    for backup in backups:
        for proof in proofs:
            path = record_path(backup.path, proof)
            if backup.verified and path in listed:
                record = read_record(remote.read(path), backup.signature, signer)
                if record and record.proof == proof:
                    yield record
