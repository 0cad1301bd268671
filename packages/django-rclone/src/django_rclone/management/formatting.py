"""Sizes, times and ages, as people read them."""

from datetime import UTC, datetime

from django.template.defaultfilters import filesizeformat
from django.utils.timesince import timesince

from ..events import MediaCounts

_NO_BREAK = "\xa0"


def size(count: int) -> str:
    """Return bytes as ``1.2 MB``."""
    return filesizeformat(count).replace(_NO_BREAK, " ")


def duration(seconds: float) -> str:
    """Return seconds as ``0.8 s``, ``42 s`` or ``3 min 05 s``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def age(moment: datetime | None, now: datetime) -> str:
    """Return how long ago a moment was, as ``3 minutes``."""
    if moment is None:
        return "unknown"
    if (now - moment).total_seconds() < 60:
        return "just now"
    return timesince(moment, now, depth=1).replace(_NO_BREAK, " ")


def date(moment: datetime | None) -> str:
    """Return a moment as ``2026-01-31 03:00 UTC``."""
    return "unknown" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def media_counts(counts: MediaCounts) -> str:
    """Return what a run is about, as ``3 files: 1 added, 0 changed, 0 deleted, 0 left out``."""
    return (
        f"{counts.files:,} files: {counts.added:,} added, {counts.changed:,} changed, "
        f"{counts.deleted:,} deleted, {counts.left_out:,} left out"
    )


def printable(text: str) -> str:
    """Return text from elsewhere without characters that control a terminal or cannot be printed."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
