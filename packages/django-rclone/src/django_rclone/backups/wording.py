"""Times in words, for what is said of backups."""

from datetime import datetime, timedelta

from ..console import counted


def duration(span: timedelta) -> str:
    """Return a span as ``30 hours`` or ``8 days``."""
    hours = int(span.total_seconds() // 3600)
    if hours >= 72:
        return f"{hours // 24} days"
    if hours >= 2:
        return f"{hours} hours"
    return counted(int(span.total_seconds() // 60), "minute")


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago a moment was, as ``3 days ago`` or ``just now``."""
    span = now - moment
    return "just now" if span < timedelta(minutes=1) else f"{duration(span)} ago"
