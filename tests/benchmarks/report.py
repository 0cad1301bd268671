"""The figures as Markdown."""

from collections.abc import Mapping, Sequence
from inspect import getdoc
from itertools import groupby

from tests.benchmarks import growing
from tests.benchmarks.circumstances import sentence
from tests.benchmarks.figures import Figure, Series, Spread, ratio
from tests.benchmarks.goals import outcomes, yardstick
from tests.benchmarks.limits import limits
from tests.benchmarks.works import WORKS, title_of

Facts = Mapping[str, object]
_MEGABYTE = 1e6
_MEMORY = ("own_peak", "largest_peak", "total_peak")


def markdown(facts: Facts, series: Sequence[Series]) -> str:
    """Return everything as one text: circumstances, a summary, and a section for each work."""
    parts = [circumstances_of(facts), summary(series)]
    for work in WORKS:
        own = [one for one in series if one.work.partition(" ")[0] == work]
        if own:
            sections = growing.tables(own) if work == "growth" else tables(own)
            parts.append(f"## {title_of(work)}\n\n{getdoc(WORKS[work])}\n\n{sections}")
    return "\n\n".join(filter(None, parts)) + "\n"


def circumstances_of(facts: Facts) -> str:
    """Return the machine, the versions, the date and the size in words."""
    problems = facts.get("problems")
    assert isinstance(problems, list)
    after = " after one to warm up" if facts["warm_up"] else ", the first without a warm-up"
    size = (
        f"Size: {facts['size']}, {facts['megabytes']} MB in a database; medians of"
        f" {facts['rounds']} interleaved rounds{after}. `far` is"
        f" {_number(facts['round_trip']) * 1000:.0f} ms and"
        f" {_number(facts['rate']) / _MEGABYTE:.0f} MB/s away."
    )
    left_out = [f"Left out: {problem}." for problem in problems]
    return "\n\n".join([sentence(dict(facts)), size, *left_out])


def summary(series: Sequence[Series]) -> str:
    """Return ours against the others: each ratio with what we aim at."""
    rows = [
        (
            outcome.ours.work,
            outcome.ours.remote,
            outcome.ours.step,
            outcome.goal.against,
            outcome.other.contender if outcome.other else "-",
            _times(outcome.found) or outcome.ours.problem or "nobody does the same",
            f"{outcome.goal.at_most:g}",
        )
        for outcome in outcomes(series)
    ]
    head = ("work", "remote", "step", "against", "which is", "times its seconds", "we aim at")
    others = [
        (one.what, f"{one.found:.0f} {one.unit}", f"{one.at_most:g}") for one in limits(series)
    ]
    parts = [table(head, rows)] if rows else []
    parts += [table(("django-rclone", "found", "we aim at"), others)] if others else []
    return "\n\n".join(["## In short", *parts]) if parts else ""


def tables(series: Sequence[Series]) -> str:
    """Return a table for each work and remote."""
    parts = []
    for (work, remote), own in groupby(series, key=lambda one: (one.work, one.remote)):
        parts.append(f"**{work}, {remote}**\n\n{_table_of(list(own))}")
    return "\n\n".join(parts)


def _table_of(series: list[Series]) -> str:
    head = ["step", "contender", "seconds", "x", "CPU s", "x CPU", "servers' CPU s"]
    head += ["memory MB: first, largest, all", "stored MB", "programs (rclone)"]
    far = any(run.requests is not None for one in series for run in one.runs)
    head += ["requests (in a row)"] if far else []
    rows = []
    for _, step in groupby(series, key=lambda one: one.step):
        found = list(step)
        rows += [_row(one, yardstick(found), far) for one in found]
    return table([*head, "remark"], rows)


def _row(one: Series, its_yardstick: Series | None, far: bool) -> list[str]:
    cells = [one.step, one.contender]
    if not one.right:
        width = 9 if far else 8
        return [*cells, *["-"] * width, one.problem or "not measured"]
    assert its_yardstick is not None
    last = one.runs[-1]
    cells += [
        _times(one.spread(lambda run: run.wall)),
        _compared(one, its_yardstick, lambda run: run.wall),
        _times(one.spread(lambda run: run.cpu)),
        _compared(one, its_yardstick, lambda run: run.cpu),
        f"{one.median('server_cpu'):.2f}",
        ", ".join(f"{one.median(name) / _MEGABYTE:.0f}" for name in _MEMORY),
        f"{last.stored / _MEGABYTE:.3g}",
        programs(one),
    ]
    if far:
        cells.append(f"{last.requests} ({last.round_trips})")
    return [*cells, one.remark]


def programs(one: Series) -> str:
    """Return how many programs were started, and how many of them were rclone."""
    if one.programs is None:
        return "-"
    return f"{one.programs.total()} ({one.programs.get('rclone', 0)})"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    escaped = ([cell.replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)


def _compared(one: Series, other: Series, figure: Figure) -> str:
    return "1" if one is other else _times(ratio(one, other, figure))


def _times(spread: Spread | None) -> str:
    if spread is None:
        return ""
    if spread.least == spread.most:
        return f"{spread.median:.2f}"
    return f"{spread.median:.2f} ({spread.least:.2f} - {spread.most:.2f})"


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)
