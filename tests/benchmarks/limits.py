"""What we aim at that is no ratio: milliseconds, memory, processes, round trips."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.benchmarks.contenders import OURS
from tests.benchmarks.figures import Series
from tests.benchmarks.works.starting import IDLE, OWN, named


@dataclass(frozen=True)
class Limit:
    """A figure of ours, and the most that it may be."""

    what: str
    found: float
    at_most: float
    unit: str


def limits(series: Sequence[Series]) -> list[Limit]:
    """Return those that were measured."""
    right = [one for one in series if one.right]
    idle = next((one for one in right if one.contender == named(OURS.name, IDLE)), None)
    own = next((one for one in right if one.contender == named(OURS.name, OWN)), None)
    ours = [one for one in right if one.contender == OURS.name]
    return [*_start(idle, own), *_memory(idle, ours), *_processes(ours), *_round_trips(ours)]


def _start(idle: Series | None, own: Series | None) -> Iterator[Limit]:
    if idle and own:
        pairs = zip(own.runs, idle.runs, strict=False)
        more = statistics.median(mine.wall - its.wall for mine, its in pairs)
        yield Limit("`dbbackup --help` over `help`", more * 1000, 60, "ms")


def _memory(idle: Series | None, ours: Sequence[Series]) -> Iterator[Limit]:
    if idle and ours:
        where = max(ours, key=lambda one: one.median("own_peak"))
        what = f"memory of our process over an idle one ({where.work}, {where.step})"
        more = where.median("own_peak") - idle.median("own_peak")
        yield Limit(what, more / 1e6, 60, "MB")


def _processes(ours: Sequence[Series]) -> Iterator[Limit]:
    counted = [(one.programs.get("rclone", 0), one) for one in ours if one.programs]
    if counted:
        most, where = max(counted, key=lambda pair: pair[0])
        yield Limit(f"runs of rclone in a command ({where.work}, {where.step})", most, 1, "")


def _round_trips(ours: Sequence[Series]) -> Iterator[Limit]:
    for one in ours:
        trips = one.runs[-1].round_trips
        if one.work.startswith("tiny") and one.step == "backup" and trips is not None:
            yield Limit(f"round trips one after the other ({one.work}, backup)", trips, 8, "")
