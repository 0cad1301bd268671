"""What we aim at that is no ratio: milliseconds, memory, processes, round trips."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.benchmarks.contenders import OURS
from tests.benchmarks.figures import Series


@dataclass(frozen=True)
class Limit:
    """A figure of ours, and the most that it may be."""

    what: str
    found: float
    at_most: float
    unit: str


def limits(series: Sequence[Series]) -> list[Limit]:
    """Return those that were measured."""
    ours = [one for one in series if one.contender == OURS.name and one.right]
    return [*_start(ours), *_memory(ours), *_processes(ours), *_round_trips(ours)]


def _start(ours: Sequence[Series]) -> Iterator[Limit]:
    found = {one.step: one.median("wall") for one in ours if one.work == "start"}
    if len(found) == 2:
        plain, own = found.values()
        yield Limit("`dbbackup --help` over `help`", (own - plain) * 1000, 60, "ms")


def _memory(ours: Sequence[Series]) -> Iterator[Limit]:
    idle = [one.median("own_peak") for one in ours if one.step == "manage.py help"]
    held = [(one.median("own_peak"), one) for one in ours if one.work != "start"]
    if idle and held:
        most, where = max(held, key=lambda pair: pair[0])
        what = f"memory of our process over an idle one ({where.work}, {where.step})"
        yield Limit(what, (most - idle[0]) / 1e6, 60, "MB")


def _processes(ours: Sequence[Series]) -> Iterator[Limit]:
    counted = [
        (one.programs.get("rclone", 0), one) for one in ours if one.programs and one.work != "start"
    ]
    if counted:
        most, where = max(counted, key=lambda pair: pair[0])
        yield Limit(f"runs of rclone in a command ({where.work}, {where.step})", most, 1, "")


def _round_trips(ours: Sequence[Series]) -> Iterator[Limit]:
    for one in ours:
        trips = one.runs[-1].round_trips
        if one.work.startswith("tiny") and one.step == "backup" and trips is not None:
            yield Limit(f"round trips one after the other ({one.work}, backup)", trips, 8, "")
