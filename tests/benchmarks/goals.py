"""What we aim at: ours against the fastest peer, and against the best pipeline of a shell."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.benchmarks.contenders import OURS, OURS_TWO_AT_ONCE
from tests.benchmarks.figures import Series, Spread, fastest, ratio

PEER = "the fastest peer"
COMPRESSED = "the fastest peer that compresses"
PIPELINE = "the best pipeline"
IN_TURN = "one after the other"
OWN_RESTORE = "its restore"
_ALIKE = 1.25
"""A peer whose stored bytes are at most so many times ours compresses as well."""


@dataclass(frozen=True)
class Goal:
    """At most so many times the seconds of somebody else."""

    work: str
    """How the names of works begin."""
    step: str
    against: str
    at_most: float


GOALS = (
    Goal("tiny", "backup", PEER, 1.0),
    Goal("sqlite", "backup", COMPRESSED, 0.1),
    Goal("sqlite", "backup", PEER, 1.0),
    Goal("sqlite", "backup", PIPELINE, 1.0),
    Goal("sqlite", "restore", PEER, 1.0),
    Goal("sqlite", "restore", PIPELINE, 2.0),
    Goal("postgresql", "backup", COMPRESSED, 0.2),
    Goal("postgresql", "backup", PIPELINE, 1.0),
    Goal("postgresql", "restore", PEER, 1.0),
    Goal("postgresql", "restore", PIPELINE, 1.0),
    Goal("mariadb", "backup", COMPRESSED, 0.25),
    Goal("mariadb", "backup", PEER, 1.0),
    Goal("mariadb", "backup", PIPELINE, 1.0),
    Goal("mariadb", "restore", PEER, 1.0),
    Goal("mariadb", "restore", PIPELINE, 1.05),
    Goal("tables", "backup", PIPELINE, 1.5),
    Goal("tables", "restore", PIPELINE, 1.5),
    *(
        Goal(work, "rehearsal", OWN_RESTORE, 1.1)
        for work in ("tiny", "sqlite", "postgresql", "mariadb", "tables")
    ),
    Goal("several", "backup of all", IN_TURN, 0.65),
    *(
        Goal("media", step, against, limit)
        for step in ("first backup", "unchanged", "1 % changed", "restore")
        for against, limit in ((PEER, 1.0), (PIPELINE, 1.1))
    ),
    *(
        Goal("listings", "list", against, limit)
        for against, limit in ((PEER, 1.0), (PIPELINE, 1.3))
    ),
    Goal("listings", "restore the newest", PEER, 1.0),
    Goal("listings", "back up and clean up", PEER, 1.0),
)


@dataclass(frozen=True)
class Outcome:
    """A goal where it was measured. ``found`` is ``None`` if there is nobody to compare with."""

    goal: Goal
    ours: Series
    other: Series | None
    found: Spread | None


def outcomes(series: Sequence[Series]) -> list[Outcome]:
    """Return every goal in every work and on every remote where ours was measured."""
    found = []
    for goal in GOALS:
        for ours in series:
            own = OURS_TWO_AT_ONCE if goal.against == IN_TURN else OURS
            if ours.contender != own.name or ours.step != goal.step:
                continue
            if ours.work.partition(" ")[0] != goal.work:
                continue
            step = "restore" if goal.against == OWN_RESTORE else ours.step
            rivals = [one for one in series if _is_of(step, one, ours) and one is not ours]
            other = _RIVALS[goal.against](ours, rivals)
            times = ratio(ours, other, lambda run: run.wall) if other else None
            found.append(Outcome(goal, ours, other, times))
    return found


def yardstick(step: Sequence[Series]) -> Series | None:
    """Return what all are compared with: the best pipeline, or ours where there is none."""
    ours = next((one for one in step if one.contender == OURS.name), None)
    return _best_pipeline(ours, step) or (ours if ours and ours.right else fastest(step))


def _best_pipeline(ours: Series | None, rivals: Sequence[Series]) -> Series | None:
    pipelines = [one for one in rivals if one.is_pipeline]
    # The same work is to end with the same state; where nobody does that, less has to do.
    return fastest([one for one in pipelines if not one.remark]) or fastest(pipelines)


def _fastest_peer(ours: Series, rivals: Sequence[Series]) -> Series | None:
    peers = [one for one in rivals if not one.is_pipeline and one.contender != OURS.name]
    return fastest([one for one in peers if one.step != "restore" or not one.remark])


def _fastest_compressed(ours: Series, rivals: Sequence[Series]) -> Series | None:
    most = max((run.stored for run in ours.runs), default=0) * _ALIKE
    small = [one for one in rivals if one.right and one.runs[-1].stored <= most]
    return _fastest_peer(ours, small)


def _own(ours: Series, rivals: Sequence[Series]) -> Series | None:
    return next((one for one in rivals if one.contender == OURS.name), None)


_RIVALS: dict[str, Callable[[Series, Sequence[Series]], Series | None]] = {
    PEER: _fastest_peer,
    COMPRESSED: _fastest_compressed,
    PIPELINE: _best_pipeline,
    IN_TURN: _own,
    OWN_RESTORE: _own,
}


def _is_of(step: str, one: Series, other: Series) -> bool:
    """Return whether one is of this step of the other's work on the other's remote."""
    return (one.work, one.remote, one.step) == (other.work, other.remote, step)
