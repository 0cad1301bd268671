"""What a clean-up would keep, and why, for people."""

from collections.abc import Sequence

from ..backups.rules import Verdict
from .formatting import date, printable, size


def retention_table(whose: str, verdicts: Sequence[Verdict]) -> str:
    """Return two lines for each backup: what it is, and what keeps it.

    ``whose`` they are is said as ``Database 'default'``.
    """
    if not verdicts:
        return f"{whose} has no backups in this environment."
    goes = sum(verdict.goes for verdict in verdicts)
    lines = [f"{whose}: {len(verdicts) - goes:,} kept, {goes:,} would be deleted."]
    for backup, reasons in verdicts:
        why = ", ".join(map(str, reasons)) or "WOULD BE DELETED"
        lines.append(printable(backup.name))
        lines.append(f"    {date(backup.created_at)}  {size(backup.size)}  {why}")
    return "\n".join(lines)
