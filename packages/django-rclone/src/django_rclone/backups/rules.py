"""Which backups a policy keeps, and why. Pure rules: nothing is read or deleted here."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from operator import attrgetter, itemgetter
from types import MappingProxyType
from typing import NamedTuple

from ..conf.retention import Policy
from . import Backup

_FIRST_DATE = datetime.min.replace(tzinfo=UTC)
_NOTHING: Mapping[str, datetime | None] = MappingProxyType({})


class Reason(NamedTuple):
    """Why a backup stays."""

    rule: str
    """Such as ``"daily"``."""
    detail: str = ""
    """Such as the day."""

    def __str__(self) -> str:
        return f"{self.rule} {self.detail}".rstrip()


class Verdict(NamedTuple):
    """A backup, and why it stays."""

    backup: Backup
    reasons: tuple[Reason, ...]

    @property
    def goes(self) -> bool:
        """Whether nothing keeps the backup."""
        return not self.reasons


class _Dated(NamedTuple):
    moment: datetime
    path: str
    backup: Backup
    safety: bool


def judge(
    backups: Iterable[Backup],
    policy: Policy,
    *,
    zone: tzinfo,
    now: datetime | None = None,
    keep_path: str | None = None,
    pinned: Mapping[str, datetime | None] = _NOTHING,
    rehearsed: Collection[str] = (),
    in_sites: Collection[str] = (),
) -> list[Verdict]:
    """Return why each backup stays, newest first. ``backups`` are those of one database in
    one environment.

    Rules count verified backups alone, and partial ones apart, so that they never push out
    a whole one; safety backups they do not count. What cannot be verified stays, and so
    does what is dated after ``now``; the backup at ``keep_path``, however wrong the clock
    that dated it; those ``pinned``, each until the date it has there, or forever; those that
    are part of site backups, ``in_sites``; the newest whole one; and the newest of those
    ``rehearsed``, a partial one apart. Days, weeks, months and years are those of ``zone``.
    """
    counted, others = _split(backups, now)
    reasons: dict[str, list[Reason]] = {}
    for partial in (False, True):
        group = [one for one in counted if one.backup.partial == partial and not one.safety]
        for path, reason in _kept(group, policy, zone):
            reasons.setdefault(path, []).append(reason)
    for path, reason in _protected(counted, keep_path, pinned, rehearsed, in_sites):
        reasons.setdefault(path, []).append(reason)
    verdicts = [Verdict(one.backup, tuple(reasons.get(one.path, ()))) for one in counted]
    if not others:
        return verdicts
    return sorted([*verdicts, *others], key=_date_and_path, reverse=True)


def _split(backups: Iterable[Backup], now: datetime | None) -> tuple[list[_Dated], list[Verdict]]:
    """Return what rules count, newest first, and the rest, with why it stays."""
    counted, others = [], []
    for backup in backups:
        moment = backup.created_at
        if not backup.verified or moment is None:
            others.append(Verdict(backup, (Reason("not verified"),)))
        elif now is not None and moment > now:
            others.append(Verdict(backup, (Reason("ahead of the clock"),)))
        else:
            counted.append(_Dated(moment, backup.path, backup, backup.safety))
    return sorted(counted, key=itemgetter(0, 1), reverse=True), others


def _kept(group: Sequence[_Dated], policy: Policy, zone: tzinfo) -> Iterator[tuple[str, Reason]]:
    """Yield what the rules keep of a group, newest first."""
    for number, one in enumerate(group[: policy.last], 1):
        yield one.path, Reason("last", f"{number} of {policy.last}")
    for rule, count, period in (
        ("daily", policy.daily, _day),
        ("weekly", policy.weekly, _week),
        ("monthly", policy.monthly, _month),
        ("yearly", policy.yearly, _year),
    ):
        newest = _newest_of_each(group, period, zone) if count else iter(())
        for one, name in islice(newest, count):
            yield one.path, Reason(rule, name)
    for one in group if policy.within else ():
        if group[0].moment - one.moment > policy.within:
            break
        yield one.path, Reason("within", _hours(policy.within))


def _protected(
    counted: Sequence[_Dated],
    keep_path: str | None,
    pinned: Mapping[str, datetime | None],
    rehearsed: Collection[str],
    in_sites: Collection[str],
) -> Iterator[tuple[str, Reason]]:
    # A safety backup is better than none at all.
    in_order = sorted(counted, key=attrgetter("safety"))
    whole = (one.path for one in in_order if not one.backup.partial)
    tested = [one for one in in_order if one.path in rehearsed]
    if (path := next(whole, None)) is not None:
        yield path, Reason("newest")
    for partial in (False, True):
        found = (one.path for one in tested if one.backup.partial == partial)
        if (path := next(found, None)) is not None:
            yield path, Reason("newest rehearsed")
    for one in counted:
        if one.path in pinned:
            until = pinned[one.path]
            yield one.path, Reason("pinned", f"until {until:%Y-%m-%d %H:%M} UTC" if until else "")
        if one.path in in_sites:
            yield one.path, Reason("site backup")
        if one.path == keep_path:
            yield one.path, Reason("just made")


def _newest_of_each(
    group: Sequence[_Dated], period: Callable[[datetime], str], zone: tzinfo
) -> Iterator[tuple[_Dated, str]]:
    """Yield the newest backup of each period that has one."""
    # A day can come back: a clock that is turned back past midnight.
    seen = set()
    for one in group:
        name = period(_local(one.moment, zone))
        if name not in seen:
            seen.add(name)
            yield one, name


def _local(moment: datetime, zone: tzinfo) -> datetime:
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment.astimezone(UTC)


def _day(moment: datetime) -> str:
    return moment.date().isoformat()


def _week(moment: datetime) -> str:
    """Return the week, which begins on Monday, as ISO 8601 numbers it."""
    year, week, _ = moment.isocalendar()
    return f"{year:04}-W{week:02}"


def _month(moment: datetime) -> str:
    return _day(moment)[:7]


def _year(moment: datetime) -> str:
    return _day(moment)[:4]


def _hours(time: timedelta) -> str:
    hours = int(time.total_seconds()) // 3600
    return f"{hours} hours" if hours % 24 or hours < 72 else f"{hours // 24} days"


def _date_and_path(verdict: Verdict) -> tuple[datetime, str]:
    return (verdict.backup.created_at or _FIRST_DATE, verdict.backup.path)
