"""Whether the backups of one database are as they should be. Pure rules: nothing is read here."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from statistics import median

from ..conf.limits import CheckLimits
from ..console import counted
from . import Backup
from .rehearsal import Proof, Rehearsal, refuting
from .retention import CLOCK_TOLERANCE, dated_after
from .wording import ago, duration

_COMPARED = 10  # backups, to whose sizes that of the newest is compared
_ENOUGH = 3  # of them, to say what is usual

_DONE = {Proof.REHEARSED: "rehearsed", Proof.READ: "read back"}
_REHEARSE = "no backup was ever verified: run `manage.py dbverify`"
_READ = "no run was ever read back whole: run `manage.py mediaverify`"


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
    """What was found about the backups of one database, or the runs of one media source."""

    database: str | None
    """``None`` for media."""
    source: str | None = None
    """``None`` for databases."""
    newest: Backup | None
    """The newest verified backup that is not dated in the future."""
    proven: Rehearsal | None
    """The last rehearsal, or the last reading back, that proves a backup."""
    size: int | None = None
    """Bytes of the newest: as stored, for media those of all files."""
    free: int | None = None
    """Bytes that the remote has left, if it says so."""
    findings: tuple[Finding, ...]

    @property
    def whose(self) -> str:
        """The database or the media source, for people."""
        return f"source {self.source}" if self.source else str(self.database)

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
    *,
    source: str | None = None,
    free: int | None = None,
    pinned: Collection[str] = (),
) -> Health:
    """Return the health of the ``backups`` of one database, or one media source, in one environment.

    ``backups`` are newest first, those that are not verified among them; ``records`` are
    those about them that are signed. ``free`` are the bytes that the remote has left, if
    that is known. ``pinned`` are the paths of backups that somebody looked at, and wants to stay.
    """
    size_of, advice = (_content_size, _READ) if source else (_stored_size, _REHEARSE)
    verified = [backup for backup in backups if backup.verified]
    ahead = dated_after(verified, now + CLOCK_TOLERANCE)
    past = [backup for backup in verified if backup not in ahead]
    about: dict[str, list[Rehearsal]] = {}
    for record in records:
        about.setdefault(record.path, []).append(record)
    proven = _last_proof(about.values())
    failures = list(_of_failure([about[one.path] for one in past if one.path in about]))
    proof = _of_proof(proven, limits.max_unverified_age, now, advice) if past else ()
    findings = [
        *_of_age(past, limits.max_age, now),
        *failures,
        # What did not pass was verified; that says it all.
        *(() if failures and not proven else proof),
        *_of_size([size_of(one) for one in past], limits.max_size_change),
        *(_of_room(past[0], free, limits.min_room) if past else ()),
        *_of_unverified([backup for backup in backups if not backup.verified], past),
        *_of_the_future([backup for backup in ahead if backup.path not in pinned]),
    ]
    return Health(
        database=database,
        source=source,
        newest=past[0] if past else None,
        size=size_of(past[0]) if past else None,
        free=free,
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
        age = duration(now - newest.created_at)
        yield Finding(
            Level.CRITICAL, f"the newest backup is {age} old, the limit is {duration(limit)}"
        )


def _last_proof(about: Iterable[Sequence[Rehearsal]]) -> Rehearsal | None:
    """Return the last record that proves a backup which none refutes."""
    proving = [
        (record.proven_at, record.finished_at, record)
        for records in about
        if not refuting(records)
        for record in records
        if record.proven_at
    ]
    return max(proving, key=lambda one: one[:2])[2] if proving else None


def _of_failure(about: Sequence[Sequence[Rehearsal]]) -> Iterator[Finding]:
    """Look at the newest backup that was tried, of those whose records are given, newest first."""
    if about and (failed := refuting(about[0])):
        reasons = "; ".join(failed.complaints)
        yield Finding(Level.CRITICAL, f"{failed.path} is not restorable: {reasons}")


def _of_proof(
    proven: Rehearsal | None, limit: timedelta | None, now: datetime, advice: str
) -> Iterator[Finding]:
    if limit is None:
        return
    if proven is None or proven.proven_at is None:
        yield Finding(Level.WARNING, advice)
    elif now - proven.proven_at > limit:
        age = duration(now - proven.proven_at)
        yield Finding(
            Level.WARNING, f"the last one was verified {age} ago, the limit is {duration(limit)}"
        )


def _of_room(newest: Backup, free: int | None, limit: int | None) -> Iterator[Finding]:
    """Compare what the remote has left with the size of the newest backup."""
    if free is None or limit is None or free >= limit * newest.size:
        return
    room = free // newest.size
    if not room:
        yield Finding(Level.CRITICAL, "the remote has no room for another backup of this size")
        return
    more = f"{counted(room, 'more backup')} of this size"
    yield Finding(Level.WARNING, f"the remote has room for {more}, the limit is {limit}")


def _of_size(sizes: Sequence[int], limit: int | None) -> Iterator[Finding]:
    former = sizes[1 : 1 + _COMPARED]
    if limit is None or len(former) < _ENOUGH:
        return
    usual = median(former)
    change = 100 * (sizes[0] - usual) / usual if usual else 0
    if abs(change) > limit:
        how = "larger" if change > 0 else "smaller"
        yield Finding(
            Level.WARNING,
            f"the newest backup is {abs(change):.0f} % {how} than the {len(former)} before it",
        )


def _of_unverified(unverified: Sequence[Backup], past: Sequence[Backup]) -> Iterator[Finding]:
    if not unverified:
        return
    first = unverified[0]
    newest = max((b.created_at for b in past if b.created_at), default=None)
    later = first.created_at and newest and first.created_at > newest
    count = f"{len(unverified):,} backups are" if len(unverified) > 1 else "1 backup is"
    yield Finding(
        Level.CRITICAL if later else Level.WARNING,
        f"{count} not verified, such as {first.name}: {first.problem}",
    )


def _of_the_future(ahead: Sequence[Backup]) -> Iterator[Finding]:
    if ahead:
        yield Finding(
            Level.WARNING,
            f"{ahead[0].name} is dated in the future: a clock was or is wrong. Once it is right, pin "
            "that backup, and nothing more is said of it",
        )


def _stored_size(backup: Backup) -> int:
    return backup.size


def _content_size(run: Backup) -> int:
    return (run.manifest.content_size if run.manifest else None) or 0


def last_proofs(records: Iterable[Rehearsal], now: datetime) -> str:
    """Return when a backup passed, and how: ``rehearsed 3 days ago, read back just now``."""
    return ", ".join(
        f"{_DONE[Proof(one.proof)]}{'' if one.proven_at else ' in part'} "
        f"{ago(one.proven_at or one.finished_at, now)}"
        for one in records
        if one.passed
    )
