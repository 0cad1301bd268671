"""Rounds: every contender does a step in turn, round after round, and its result is checked."""

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.benchmarks.contenders import Contender, Place
from tests.benchmarks.figures import Series
from tests.benchmarks.measure import Run, last_words, measure, programs_started


def _nothing(contender: Contender) -> None:
    """Prepare nothing."""


def _right(contender: Contender, run: Run) -> tuple[str, str]:
    """Find nothing wrong."""
    return "", ""


@dataclass(kw_only=True)
class Step:
    """Something that every contender does, and that is measured.

    ``check`` returns what is wrong with the result, and a remark.
    """

    name: str
    title: str
    contenders: Sequence[Contender]
    place: Callable[[], Place]
    before: Callable[[Contender], None] = _nothing
    check: Callable[[Contender, Run], tuple[str, str]] = _right
    before_round: Callable[[int], None] = lambda number: None
    servers: Sequence[int] = ()
    engine: str = ""
    rounds: int | None = None
    """``None`` for as many as were asked for."""
    amount: float = 0
    """Of what grows."""


@dataclass(frozen=True)
class Progress:
    """Prints a line for each run."""

    quiet: bool = False

    def say(self, text: str) -> None:
        if not self.quiet:
            print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def measured(
    work: str, step: Step, rounds: int, progress: Progress, *, warm_up: bool
) -> list[Series]:
    """Let every contender do a step in turn, ``rounds`` times.

    The warm-up before runs under strace, to count what is started. A contender that fails, or
    whose result is wrong, is marked and left out from then on.
    """
    found: list[tuple[Contender, Series]] = []
    place = step.place()
    for contender in step.contenders:
        if contender.command(step.name, place) is not None:
            series = Series(
                work=work,
                remote=place.remote.name,
                step=step.title,
                contender=contender.name,
                is_pipeline=contender.is_pipeline,
                caveat=contender.caveats.get((step.name, step.engine), ""),
                amount=step.amount,
            )
            found.append((contender, series))
    for number in range(0 if warm_up else 1, (step.rounds or rounds) + 1):
        step.before_round(number)
        for contender, series in found:
            if series.problem:
                continue
            if number == 0:
                _warm_up(step, contender, series)
            else:
                _one_run(step, contender, series, progress)
    return [series for _, series in found]


def _warm_up(step: Step, contender: Contender, series: Series) -> None:
    try:
        step.before(contender)
        command = contender.command(step.name, step.place())
        assert command is not None
        series.programs = programs_started(command)
        series.problem, _ = step.check(contender, Run(wall=0, cpu=0))
    except Exception as error:
        series.problem = f"could not be prepared: {last_words(str(error))}"


def _one_run(step: Step, contender: Contender, series: Series, progress: Progress) -> None:
    where = f"{series.work}, {series.remote}, {step.title}, {contender.name}"
    try:
        step.before(contender)
        place = step.place()
        command = contender.command(step.name, place)
        assert command is not None
        run = measure(command, place.remote, step.servers)
        wrong, run.remark = step.check(contender, run)
        run.error = run.error or wrong
    except Exception as error:
        run = Run(wall=0, cpu=0, error=f"could not be measured: {last_words(str(error))}")
    series.runs.append(run)
    series.problem = run.error
    progress.say(f"{where}: {run.error or f'{run.wall:.2f} s'}")


def cold(place: Place, contender: Contender) -> None:
    """Empty a contender's caches."""
    cache = place.own(contender.name) / "cache"
    shutil.rmtree(cache)
    cache.mkdir()
