"""Sizes, times and ages, as people read them."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from ..console import counted
from ..events import MediaCounts

_MULTIPLES = ("KB", "MB", "GB", "TB", "PB")
_UNITS = {"week": 604_800, "day": 86_400, "hour": 3_600, "minute": 60}  # seconds
_SHORTEST_MONTH = 28 * 86_400  # seconds


def size(count: int) -> str:
    """Return bytes as ``1.2 MB``. A kilobyte has 1024."""
    if count < 1024:
        return f"{count} byte{'' if count == 1 else 's'}"
    # Django's `filesizeformat()` takes ten times as long.
    unit = min((count.bit_length() - 1) // 10, len(_MULTIPLES))
    return f"{count / 1024**unit:.1f} {_MULTIPLES[unit - 1]}"


def duration(seconds: float) -> str:
    """Return seconds as ``0.8 s``, ``42 s`` or ``3 min 05 s``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def age(moment: datetime | None, now: datetime) -> str:
    """Return how long ago a moment was, as ``3 minutes``. Months and years are the calendar's."""
    if moment is None:
        return "unknown"
    seconds = int((now - moment).total_seconds())
    if seconds < 60:
        return "just now"
    # Django's `timesince()` takes half of the time of a long listing.
    counts = {unit: seconds // length for unit, length in _UNITS.items() if seconds >= length}
    if seconds >= _SHORTEST_MONTH and (months := _months(moment, now.astimezone(moment.tzinfo))):
        counts = {"year": months // 12} if months >= 12 else {"month": months}
    unit, count = next(iter(counts.items()))
    return f"{count} {unit}{'s' if count > 1 else ''}"


def with_ago(how_old: str) -> str:
    """Return what ``age()`` returned, as it is said in a sentence: ``3 minutes ago``."""
    return f"{how_old} ago" if how_old[0].isdigit() else how_old


def _months(earlier: datetime, later: datetime) -> int:
    months = 12 * (later.year - earlier.year) + later.month - earlier.month
    return months - ((later.day, later.time()) < (earlier.day, earlier.time()))


def date(moment: datetime | None) -> str:
    """Return a moment as ``2026-01-31 03:00 UTC``."""
    if moment is None:
        return "unknown"
    return f"{moment.astimezone(UTC).isoformat(' ')[:16]} UTC"


def media_counts(counts: MediaCounts) -> str:
    """Return what a run is about, as ``3 files: 1 added, 0 changed, 0 deleted, 0 left out``."""
    return (
        f"{counted(counts.files, 'file')}: {counts.added:,} added, {counts.changed:,} changed, "
        f"{counts.deleted:,} deleted, {counts.left_out:,} left out"
    )


def restored_counts(counts: MediaCounts, others: int, *, deleted: bool) -> str:
    """Return what a restore did, as ``3 files: 1 created, 1 replaced; 2 others kept``."""
    return (
        f"{counted(counts.files, 'file')}: {counts.added:,} created, {counts.changed:,} replaced; "
        f"{other_files(others, deleted=deleted)}"
    )


def other_files(others: int, *, deleted: bool) -> str:
    """Return what becomes of files that a run lacks, as ``2 others kept``."""
    return f"{counted(others, 'other')} {'deleted' if deleted else 'kept'}"


def with_environment(words: str, environment: str, own: str) -> str:
    """Return ``words`` about a backup with its environment, if that is not this site's ``own``."""
    return words if environment == own else f"{words} of environment {environment!r}"


def printable(text: str) -> str:
    """Return text from elsewhere without characters that control a terminal or cannot be printed."""
    if text.isprintable():
        return text
    # Drivers indent with tabs.
    text = text.expandtabs(4)
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def table(
    rows: Sequence[Sequence[str]], width: int, otherwise: Callable[[Sequence[str]], str]
) -> str:
    """Return columns, the first row their heads, or an entry of lines for each row if they do not fit.

    An entry is the first cell, and below it what ``otherwise`` makes of the rest. No cell is
    truncated.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if sum(widths) + 2 * (len(widths) - 1) <= width:
        return "\n".join(
            "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )
    return "\n".join(f"{name}\n    {otherwise(rest)}" for name, *rest in rows[1:])
