"""Whether the backups of one database are as they should be. Pure rules: nothing is read here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from statistics import median

from ..conf.limits import CheckLimits
from . import Backup
from .rehearsal import Proof, Rehearsal
from .retention import CLOCK_TOLERANCE, dated_after

_COMPARED = 10  # backups, to whose sizes that of the newest is compared
_ENOUGH = 3  # of them, to say what is usual


class Level(IntEnum):
    """How bad a finding is: the exit statuses that monitoring systems expect.

    See https://nagios-plugins.org/doc/guidelines.html#AEN78.
    """

    OK = 0
    WARNING = 1
    CRITICAL = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be, in words."""

    level: Level
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What was found about the backups of one database, or of media."""

    database: str | None
    """``None`` for media."""
    newest: Backup | None
    """The newest verified backup that is not dated in the future."""
    proven: Rehearsal | None
    """The last rehearsal, or the last reading back, that passed."""
    findings: tuple[Finding, ...]

    @property
    def level(self) -> Level:
        """That of the worst finding."""
        return max((finding.level for finding in self.findings), default=Level.OK)


def examine(
    database: str | None,
    backups: Sequence[Backup],
    records: Sequence[Rehearsal],
    limits: CheckLimits,
    now: datetime,
) -> Health:
    """Return the health of the ``backups`` of one database in one environment.

    ``backups`` are newest first, those that are not verified among them; ``records`` are
    those about them that are signed.
    """
    verified = [backup for backup in backups if backup.verified]
    ahead = dated_after(verified, now + CLOCK_TOLERANCE)
    past = [backup for backup in verified if backup not in ahead]
    by_date = sorted(records, key=lambda record: record.finished_at)
    proven = next((record for record in reversed(by_date) if record.passed), None)
    findings = [
        *_of_age(past, limits.max_age, now),
        *_of_proof(by_date, proven, limits.max_unverified_age, now, any_backup=bool(past)),
        *_of_size(past, limits.max_size_change),
        *_of_wrong_ones([backup for backup in backups if not backup.verified], past, ahead),
    ]
    return Health(
        database=database,
        newest=past[0] if past else None,
        proven=proven,
        findings=tuple(sorted(findings, key=lambda finding: -finding.level)),
    )


def _of_age(past: Sequence[Backup], limit: timedelta | None, now: datetime) -> Iterator[Finding]:
    if not past:
        yield Finding(Level.CRITICAL, "there is no backup")
        return
    newest = past[0]
    if newest.partial:
        yield Finding(Level.WARNING, f"the newest backup, {newest.name}, is not complete")
    if limit is not None and newest.created_at and now - newest.created_at > limit:
        age = words(now - newest.created_at)
        yield Finding(
            Level.CRITICAL, f"the newest backup is {age} old, the limit is {words(limit)}"
        )


def _of_proof(
    by_date: Sequence[Rehearsal],
    proven: Rehearsal | None,
    limit: timedelta | None,
    now: datetime,
    *,
    any_backup: bool,
) -> Iterator[Finding]:
    if by_date and not by_date[-1].passed:
        last = by_date[-1]
        reasons = "; ".join(last.complaints)
        yield Finding(Level.CRITICAL, f"{last.path} is not restorable: {reasons}")
    if limit is None or not any_backup:
        return
    if proven is None:
        yield Finding(Level.WARNING, "no backup was ever verified: run `manage.py dbverify`")
    elif now - proven.finished_at > limit:
        age = words(now - proven.finished_at)
        yield Finding(
            Level.WARNING, f"the last one was verified {age} ago, the limit is {words(limit)}"
        )


def _of_size(past: Sequence[Backup], limit: int | None) -> Iterator[Finding]:
    former = [backup.size for backup in past[1 : 1 + _COMPARED]]
    if limit is None or len(former) < _ENOUGH:
        return
    usual = median(former)
    change = 100 * (past[0].size - usual) / usual if usual else 0
    if abs(change) > limit:
        how = "larger" if change > 0 else "smaller"
        yield Finding(
            Level.WARNING,
            f"the newest backup is {abs(change):.0f} % {how} than the {len(former)} before it",
        )


def _of_wrong_ones(
    unverified: Sequence[Backup], past: Sequence[Backup], ahead: Sequence[Backup]
) -> Iterator[Finding]:
    if unverified:
        first = unverified[0]
        newest = max((b.created_at for b in past if b.created_at), default=None)
        later = first.created_at and newest and first.created_at > newest
        count = f"{len(unverified):,} backups are" if len(unverified) > 1 else "1 backup is"
        yield Finding(
            Level.CRITICAL if later else Level.WARNING,
            f"{count} not verified, such as {first.name}: {first.problem}",
        )
    if ahead:
        yield Finding(
            Level.WARNING, f"{ahead[0].name} is dated in the future: a clock was or is wrong"
        )


def words(span: timedelta) -> str:
    """Return a span as ``30 hours`` or ``8 days``."""
    hours = int(span.total_seconds() // 3600)
    if hours >= 72:
        return f"{hours // 24} days"
    if hours >= 2:
        return f"{hours} hours"
    return f"{int(span.total_seconds() // 60)} minutes"


def last_proof(record: Rehearsal, now: datetime) -> str:
    """Return when a backup passed, and how: ``rehearsed 3 days ago``."""
    done = "rehearsed" if record.proof == Proof.REHEARSED else "read back"
    return f"{done} {words(now - record.finished_at)} ago"
