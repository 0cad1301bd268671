"""The listing of what other tools stored."""

import shlex
from collections.abc import Sequence

from ..operations.foreign import ForeignFile
from .formatting import date, printable, size, table

_HEADER = ("PATH", "SIZE", "DATE", "KIND", "RESTORED BY")


def foreign_record(one: ForeignFile) -> dict[str, object]:
    """Return a file for programs."""
    return {
        "path": one.path,
        "size": one.size,
        "date": one.date.isoformat() if one.date else None,
        "kind": one.kind,
        "command": _command(one) or None,
    }


def foreign_table(found: Sequence[ForeignFile], width: int) -> str:
    """Return the files as a table for people."""
    return table([_HEADER, *map(_row, found)], width, "  ".join)


def _row(one: ForeignFile) -> tuple[str, ...]:
    return (
        printable(one.path),
        size(one.size),
        date(one.date),
        printable(one.kind),
        printable(_command(one) or "-"),
    )


def _command(one: ForeignFile) -> str:
    return f"manage.py {one.command} --foreign {shlex.quote(one.path)}" if one.command else ""
