"""Medians, spreads and ratios."""

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.benchmarks.measure import Run

Figure = Callable[[Run], float]


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some figures, with the least and the most of them."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, figures: Iterable[float]) -> "Spread | None":
        """Return the spread of figures; ``None`` if there are none."""
        known = list(figures)
        return cls(statistics.median(known), min(known), max(known)) if known else None


@dataclass(slots=True, kw_only=True)
class Series:
    """All runs of one contender at one step."""

    work: str
    remote: str
    step: str
    contender: str
    is_pipeline: bool
    caveat: str = ""
    """Why what it does is less than what ours does, though the result is right."""
    amount: float = 0
    """Of what grows, in the work that lets something grow."""
    runs: list[Run] = field(default_factory=list)
    """One for each round, in order, also of those that failed."""
    programs: Counter[str] | None = None
    """What was started in one run, and how often; ``None`` if nobody looked."""
    problem: str = ""
    """Why its figures do not count."""

    @property
    def right(self) -> bool:
        """Whether every run did what it should."""
        return not self.problem and bool(self.runs)

    @property
    def remark(self) -> str:
        """What is less than exact or safe about it; empty for nothing known."""
        found = next((run.remark for run in self.runs if run.remark), "")
        return "; ".join(filter(None, (found, self.caveat)))

    def spread(self, figure: Figure) -> Spread | None:
        return Spread.of(map(figure, self.runs)) if self.right else None

    def median(self, name: str) -> float:
        """Return the median of a figure by its name; 0 if the figures do not count."""
        spread = self.spread(lambda run: float(getattr(run, name)))
        return spread.median if spread else 0.0

    def as_json(self) -> dict[str, Any]:
        names = ("work", "remote", "step", "contender", "is_pipeline", "caveat")
        return {
            **{name: getattr(self, name) for name in (*names, "amount", "problem")},
            "programs": self.programs,
            "runs": [run.as_json() for run in self.runs],
        }


def ratio(series: Series, yardstick: Series, figure: Figure) -> Spread | None:
    """Return how many times the yardstick's figure this is: formed round by round."""
    if not (series.right and yardstick.right):
        return None
    pairs = zip(map(figure, series.runs), map(figure, yardstick.runs), strict=False)
    return Spread.of(mine / its for mine, its in pairs if its)


def fastest(found: Sequence[Series]) -> Series | None:
    """Return the series with the least median of seconds among those that are right."""
    right = [one for one in found if one.right]
    return min(right, key=lambda one: statistics.median(run.wall for run in one.runs), default=None)


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return how much the second number grows with the first: by the last two points."""
    (a, fa), (b, fb) = sorted(points)[-2:]
    return (fb - fa) / (b - a)
