"""Which backups a policy keeps, and why."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_rclone.backups import Backup
from django_rclone.backups.manifest import Facts
from django_rclone.backups.rules import Verdict, judge
from django_rclone.conf.retention import Policy

START = datetime(2031, 1, 1, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def backup(
    moment: datetime, *, problem: str = "", partial: bool = False, safety: bool = False
) -> Backup:
    facts = Facts(moment, "default", "", 1, partial, "")
    path = f"db/{moment:%Y-%m-%d-%H%M%S}{'-partial' if partial else ''}"
    path += ".0123abcd.safety.x" if safety else ""
    return Backup(path=path, size=1, facts=facts, problem=problem)


def date_of(one: Backup) -> datetime:
    assert one.created_at
    return one.created_at


def daily(count: int) -> list[Backup]:
    return [backup(START + timedelta(days=day)) for day in range(count)]


def kept(verdicts: list[Verdict]) -> dict[str, list[str]]:
    """Return the days that stay, and why."""
    return {v.backup.name[:10]: [str(r) for r in v.reasons] for v in verdicts if not v.goes}


def test_each_rule_keeps_the_newest_of_its_periods() -> None:
    policy = Policy(last=2, daily=3, weekly=2, monthly=3, yearly=2)
    assert kept(judge(daily(400), policy, zone=UTC)) == {
        "2032-02-04": [
            "last 1 of 2",
            "daily 2032-02-04",
            "weekly 2032-W06",
            "monthly 2032-02",
            "yearly 2032",
            "newest",
        ],
        "2032-02-03": ["last 2 of 2", "daily 2032-02-03"],
        "2032-02-02": ["daily 2032-02-02"],
        "2032-02-01": ["weekly 2032-W05"],
        "2032-01-31": ["monthly 2032-01"],
        "2031-12-31": ["monthly 2031-12", "yearly 2031"],
    }


def test_days_without_a_backup_do_not_count() -> None:
    moments = [START + timedelta(days=day) for day in (0, 40, 41, 300)]
    verdicts = judge(map(backup, moments), Policy(daily=3), zone=UTC)
    assert [verdict.goes for verdict in verdicts] == [False, False, False, True]


def test_within_counts_from_the_newest_not_from_now() -> None:
    now = START + timedelta(days=1000)
    verdicts = judge(daily(5), Policy(within=timedelta(hours=48)), zone=UTC, now=now)
    assert [verdict.goes for verdict in verdicts] == [False, False, False, True, True]
    assert str(verdicts[1].reasons[0]) == "within 48 hours"


def test_a_day_is_that_of_the_site() -> None:
    # In Berlin the second is of the next day.
    first, second = (
        backup(datetime(2031, 7, 1, 21, 30, tzinfo=UTC)),
        backup(datetime(2031, 7, 1, 22, 30, tzinfo=UTC)),
    )
    policy = Policy(daily=2)
    assert [v.goes for v in judge([first, second], policy, zone=UTC)] == [False, True]
    assert [v.goes for v in judge([first, second], policy, zone=BERLIN)] == [False, False]


def test_a_clock_turned_back_past_midnight_brings_no_day_back() -> None:
    # At 00:01 of 7 November it became 23:01 of the 6th, and an hour later midnight again.
    midnight = datetime(2010, 11, 7, 2, 30, tzinfo=UTC)
    minutes = [backup(midnight + timedelta(minutes=30 * half)) for half in range(-4, 5)]
    verdicts = judge(minutes, Policy(daily=4), zone=ZoneInfo("America/St_Johns"))
    days = [str(r) for v in verdicts for r in v.reasons if r.rule == "daily"]
    assert days == ["daily 2010-11-07", "daily 2010-11-06"]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Havana", "Australia/Lord_Howe"])
def test_a_change_of_the_clock_makes_no_day_and_hides_none(zone: str) -> None:
    hours = [backup(START + timedelta(hours=hour)) for hour in range(24 * 370)]
    verdicts = judge(hours, Policy(daily=400), zone=ZoneInfo(zone))
    days = [str(r) for v in verdicts for r in v.reasons if r.rule == "daily"]
    assert len(days) == len(set(days)) in (370, 371)


def test_what_cannot_be_verified_or_is_of_the_future_neither_counts_nor_goes() -> None:
    odd = [backup(START + timedelta(days=9), problem="altered"), backup(START + timedelta(days=8))]
    now = START + timedelta(days=7)
    verdicts = judge([*daily(3), *odd], Policy(last=1), zone=UTC, now=now)
    assert [[r.rule for r in v.reasons] for v in verdicts] == [
        ["not verified"],
        ["ahead of the clock"],
        ["last", "newest"],
        [],
        [],
    ]


def test_what_is_protected_stays() -> None:
    backups = daily(6)
    paths = [one.path for one in backups]
    verdicts = judge(
        backups,
        Policy(last=1),
        zone=UTC,
        pinned={paths[0]: None},
        rehearsed={paths[1], paths[2]},
        keep_path=paths[3],
    )
    assert kept(verdicts) == {
        "2031-01-06": ["last 1 of 1", "newest"],
        "2031-01-04": ["just made"],
        "2031-01-03": ["newest rehearsed"],
        "2031-01-01": ["pinned"],
    }


counts = st.integers(0, 4)
policies = st.builds(
    Policy,
    last=counts,
    daily=counts,
    weekly=counts,
    monthly=counts,
    yearly=counts,
    within=st.sampled_from([timedelta(0), timedelta(hours=48), timedelta(days=40)]),
)
moments = st.builds(
    lambda hours, seconds: START + timedelta(hours=hours, seconds=seconds),
    st.one_of(st.integers(0, 200), st.integers(0, 30_000)),
    st.integers(0, 2),
)
histories = st.lists(
    st.builds(
        backup,
        moments,
        problem=st.sampled_from(["", "", "", "altered"]),
        partial=st.booleans(),
        safety=st.sampled_from([False, False, True]),
    ),
    max_size=30,
    unique_by=lambda one: one.path,
)
zones = st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Apia", "America/St_Johns"])


@given(histories, policies, zones)
def test_the_rules_are_those_of_a_plain_model(
    history: list[Backup], policy: Policy, name: str
) -> None:
    zone = ZoneInfo(name)
    expected = set()
    for partial in (False, True):
        group = [b for b in history if b.verified and b.partial == partial and not b.safety]
        group.sort(key=lambda b: b.path, reverse=True)
        expected |= {b.path for b in group[: policy.last]}
        for count, written in (
            (policy.daily, "%Y-%m-%d"),
            (policy.weekly, "%G-%V"),
            (policy.monthly, "%Y-%m"),
            (policy.yearly, "%Y"),
        ):
            newest = {}
            for b in reversed(group):
                newest[date_of(b).astimezone(zone).strftime(written)] = b.path
            expected |= {newest[period] for period in sorted(newest, reverse=True)[:count]}
        if policy.within and group:
            oldest = date_of(group[0]) - policy.within
            expected |= {b.path for b in group if date_of(b) >= oldest}
        if not partial:
            last = [b for b in history if b.verified and b.safety and not b.partial]
            last.sort(key=lambda b: b.path, reverse=True)
            expected |= {b.path for b in (group or last)[:1]}
    expected |= {b.path for b in history if not b.verified}
    assert {v.backup.path for v in judge(history, policy, zone=zone) if not v.goes} == expected


@given(histories, policies, zones, st.lists(st.integers(0, 30_000), max_size=6))
def test_no_clean_ups_at_any_time_take_the_newest_whole_backup(
    history: list[Backup], policy: Policy, name: str, clocks: list[int]
) -> None:
    """Whatever the clock of the host says at each of them, and whatever was deleted before."""
    all_whole = [b for b in history if b.verified and not b.partial]
    whole = [b for b in all_whole if not b.safety] or all_whole
    newest = max((b.path for b in whole), default=None)
    left = history
    for hours in clocks:
        now = START + timedelta(hours=hours)
        verdicts = judge(left, policy, zone=ZoneInfo(name), now=now)
        left = [v.backup for v in verdicts if not v.goes]
    assert newest is None or newest in {b.path for b in left}
    assert [b for b in history if not b.verified] == [b for b in history if b in left and b.problem]
