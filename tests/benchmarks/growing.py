"""The work that grows: a table, and what it says about 1 TB and 1,000 databases."""

from collections.abc import Iterator, Sequence

from tests.benchmarks.figures import Series, slope

TERABYTE = 1_000_000
"""In megabytes."""
_DATABASES = 1_000
_HEAD = "| what | amount | seconds | CPU s | memory MB: first, largest, all |"


def tables(series: Sequence[Series]) -> str:
    """Return the table, and the paragraph that is computed from it."""
    lines = [_HEAD, "| --- | --- | --- | --- | --- |", *map(_line, series)]
    return "\n".join(lines) + "\n\n" + " ".join(extrapolated(series))


def extrapolated(series: Sequence[Series]) -> Iterator[str]:
    """Yield a sentence for each thing that was measured with two amounts at least."""
    for step in dict.fromkeys(one.step for one in series):
        own = [one for one in series if one.step == step and one.right]
        if len(own) < 2:
            continue
        points = [(one.amount, one.median("wall")) for one in own]
        each = slope(points)
        amount, seconds = max(points)
        if step == "back up all databases":
            yield (
                f"Each database more takes {each:.2f} s, so {_DATABASES:,} small ones take"
                f" {(seconds + each * (_DATABASES - amount)) / 60:.0f} minutes, one after the other."
            )
        elif step == "list backups":
            yield f"A thousand backups more in a listing take {each * 1000:.2f} s."
        else:
            peaks = [one.median("own_peak") / 1e6 for one in own]
            hours = (seconds + each * (TERABYTE - amount)) / 3600
            yield (
                f"{step}: {each * 1000:.1f} s for each GB more, so 1 TB takes {hours:.1f} hours on"
                f" this machine; our process held {min(peaks):.0f} to {max(peaks):.0f} MB."
            )


def _line(one: Series) -> str:
    unit = " MB" if ":" in one.step else ""
    if not one.right:
        return f"| {one.step} | {one.amount:,}{unit} | {one.problem} | - | - |"
    memory = ("own_peak", "largest_peak", "total_peak")
    peaks = ", ".join(f"{one.median(name) / 1e6:.0f}" for name in memory)
    wall, cpu = one.median("wall"), one.median("cpu")
    return f"| {one.step} | {one.amount:,}{unit} | {wall:.2f} | {cpu:.2f} | {peaks} |"
