"""What the records about a backup say, for people and for programs."""

from collections.abc import Sequence
from datetime import datetime

from ..backups import Backup
from ..backups.health import last_proofs
from ..backups.rehearsal import Proof, Rehearsal, refuting


def proof_words(backup: Backup, proofs: Sequence[Rehearsal], now: datetime) -> str:
    """Return what is known of a backup, in words: it is signed, or was even restored."""
    if not backup.verified:
        return "NOT VERIFIED"
    if refuting(proofs):
        return "NOT RESTORABLE"
    return last_proofs(proofs, now) or "signed"


def proof_record(proofs: Sequence[Rehearsal]) -> dict[str, object] | None:
    """Return the record that counts, for programs: one that refutes a backup, or the last."""
    last = max(proofs, key=lambda record: record.finished_at, default=None)
    record = refuting(proofs) or last
    if record is None:
        return None
    return {
        "kind": record.proof,
        "passed": record.passed,
        "date": record.finished_at.isoformat(),
        "complaints": list(record.complaints),
    }


def passed_record(proofs: Sequence[Rehearsal]) -> dict[str, object]:
    """Return when a backup passed last, by what was done with it, for programs."""
    passed = {one.proof: one.proven_at for one in proofs if one.proven_at}
    dates = {proof: passed.get(proof) for proof in Proof}
    return {f"{proof}_at": date.isoformat() if date else None for proof, date in dates.items()}
