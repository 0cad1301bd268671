"""Medians, ratios, goals and limits are computed as the page says."""

from collections import Counter

import pytest

from tests.benchmarks.figures import Series, Spread, fastest, ratio, slope
from tests.benchmarks.goals import (
    COMPRESSED,
    IN_TURN,
    OWN_RESTORE,
    PEER,
    PIPELINE,
    Outcome,
    outcomes,
    yardstick,
)
from tests.benchmarks.growing import extrapolated
from tests.benchmarks.limits import limits
from tests.benchmarks.measure import Run


def series(contender: str, *walls: float, work: str = "sqlite", step: str = "backup", **more):
    stored = more.pop("stored", 100)
    remark = more.pop("remark", "")
    runs = [Run(wall=wall, cpu=wall / 2, stored=stored, remark=remark) for wall in walls]
    return Series(
        work=work,
        remote="folder",
        step=step,
        contender=contender,
        is_pipeline=more.pop("is_pipeline", False),
        runs=runs,
        **more,
    )


def wall(run: Run) -> float:
    return run.wall


def names(found: list[Outcome]) -> dict[str, tuple[str, float]]:
    """Return, by what a goal is against, who that is, and the ratio."""
    return {
        one.goal.against: (one.other.contender, one.found.median)
        for one in found
        if one.other and one.found
    }


def test_a_spread_is_the_median_with_the_least_and_the_most():
    assert Spread.of([3, 1, 8]) == Spread(3, 1, 8)
    assert Spread.of([]) is None


def test_a_ratio_is_formed_round_by_round():
    # The machine was three times slower in the second round; the median of each says 1.5.
    ours, other = series("ours", 2, 6, 3), series("other", 1, 3, 2)
    assert ratio(ours, other, wall) == Spread(2, 1.5, 2)


def test_a_contender_that_was_wrong_has_no_figures():
    wrong = series("wrong", 1, problem="wrong data: customer")
    assert wrong.spread(wall) is None
    assert ratio(wrong, series("right", 1), wall) is None
    slow = series("slow", 9)
    assert fastest([wrong, slow]) is slow
    assert fastest([wrong]) is None


def test_growth_is_taken_from_the_last_two_amounts():
    assert slope([(1000, 12), (1, 2), (100, 3)]) == pytest.approx(0.01)


def test_goals_compare_with_the_fastest_that_does_the_same():
    found = outcomes(
        [
            series("django-rclone", 2, 2),
            series("plain", 1, 1, stored=200),
            series("small", 8, 8, stored=120),
            series("shell", 4, 4, is_pipeline=True),
        ]
    )
    expected = {PEER: ("plain", 2.0), COMPRESSED: ("small", 0.25), PIPELINE: ("shell", 0.5)}
    assert names(found) == expected


def test_a_restore_is_not_compared_with_one_that_is_not_exact():
    ours = series("django-rclone", 2, work="mariadb", step="restore")
    inexact = series("peer", 1, work="mariadb", step="restore", remark="what came later stays")
    unsafe = series(
        "shell", 1, work="mariadb", step="restore", is_pipeline=True, caveat="not atomic"
    )
    swap = series("swap", 3, work="mariadb", step="restore", is_pipeline=True)
    found = {one.goal.against: one.other for one in outcomes([ours, inexact, unsafe, swap])}
    assert found == {PEER: None, PIPELINE: swap}
    assert yardstick([ours, inexact, unsafe, swap]) is swap


def test_without_a_pipeline_ours_is_the_yardstick():
    ours, peer = series("django-rclone", 5), series("peer", 1)
    assert yardstick([ours, peer]) is ours


def test_two_at_once_are_compared_with_one_after_the_other():
    one = series("django-rclone", 10, work="several", step="backup of all")
    two = series("django-rclone --jobs 2", 6, work="several", step="backup of all")
    assert names(outcomes([one, two])) == {IN_TURN: ("django-rclone", 0.6)}


def test_a_rehearsal_is_compared_with_the_restore_of_the_same_backup():
    restore = series("django-rclone", 10, work="postgresql", step="restore")
    other = series("django-rclone", 3, work="mariadb", step="restore")
    shell = series("shell", 2, work="postgresql", step="restore", is_pipeline=True)
    rehearsal = series("django-rclone", 9, work="postgresql", step="rehearsal")
    found = [one for one in outcomes([restore, other, shell, rehearsal]) if one.ours is rehearsal]
    assert names(found) == {OWN_RESTORE: ("django-rclone", 0.9)}


def test_limits_are_differences_to_an_idle_command():
    idle = series("django-rclone, help", 0.3, 0.5, work="start", step="start")
    own = series("django-rclone, dbbackup --help", 0.35, 0.55, work="start", step="start")
    work = series("django-rclone", 1, work="tiny sqlite", programs=Counter(rclone=6, python=1))
    idle.runs[0].own_peak = idle.runs[1].own_peak = 40_000_000
    work.runs[0].own_peak, work.runs[0].round_trips = 90_000_000, 9
    found = [(round(limit.found), limit.at_most) for limit in limits([idle, own, work])]
    assert found == [(50, 60), (50, 60), (6, 1), (9, 8)]


def test_a_terabyte_is_computed_from_what_was_measured():
    points = [
        series("django-rclone", 1 + n / 100, amount=n, step="sqlite: backup") for n in (10, 1000)
    ]
    [sentence] = extrapolated(points)
    assert sentence.startswith("sqlite: backup: 10.0 s for each GB more, so 1 TB takes 2.8 hours")


def test_nothing_is_computed_from_one_amount():
    assert list(extrapolated([series("django-rclone", 1, amount=10)])) == []
