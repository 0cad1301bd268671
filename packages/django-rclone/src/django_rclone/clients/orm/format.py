"""Reading the lines of a dump, and telling whether it fits the live database.

All of it may be hostile: it is compared, and never obeyed.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NoReturn

from ...exceptions import RestoreError
from .dump import FORMAT_VERSION
from .tables import Table

_MIGRATE = (
    "Check out the code of the backup and migrate the database to it, restore, migrate again."
)


class Lines:
    """Takes bytes in pieces of any size, and gives out whole lines."""

    def __init__(self, limit: int) -> None:
        """``limit`` is the longest line, in bytes."""
        self._limit = limit
        self._rest = bytearray()

    def add(self, data: bytes) -> Iterator[bytes]:
        """Yield the lines that ``data`` completes. Raises ``RestoreError``."""
        *whole, rest = data.split(b"\n")
        for line in whole:
            self._rest += line
            self._require_short()
            yield bytes(self._rest)
            self._rest.clear()
        self._rest += rest
        self._require_short()

    def finish(self) -> None:
        """Raise ``RestoreError`` when the last line has no end."""
        if self._rest:
            raise RestoreError("The backup is cut: its last line has no end.")

    def _require_short(self) -> None:
        if len(self._rest) >= self._limit:
            raise RestoreError(
                f"The backup holds a line of more than {self._limit:,} bytes.",
                hint="If it was made with a larger line_limit, "
                "set that in the OPTIONS of this database in CLIENTS.",
            )


def parsed(line: bytes) -> Any:
    """Return what a line says. Raises ``ValueError`` for anything but JSON."""
    try:
        return json.loads(line.decode(), parse_constant=_no_constant)
    except RecursionError:
        raise ValueError from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError


def require_fit(
    header: Any,
    tables: Sequence[Table],
    *,
    migrations: Sequence[str],
    vendors: Collection[str],
) -> None:
    """Raise ``RestoreError`` unless a dump with this header can be restored here."""
    if not isinstance(header, dict) or "django_jsonl" not in header:
        raise RestoreError("The backup is none of Django's serializers: it has no header.")
    if (version := header["django_jsonl"]) != FORMAT_VERSION or isinstance(version, bool):
        raise RestoreError(
            f"The backup is of format version {_shown(version)}, "
            f"this release reads {FORMAT_VERSION}."
        )
    if (vendor := header.get("vendor")) not in [*vendors]:
        raise RestoreError(
            f"The backup was made of a database of {_shown(vendor)}.",
            hint="If that is what you want, name it in the option from_vendors of this database.",
        )
    require_migrations(header.get("migrations"), migrations)
    _require_tables(header.get("tables"), tables)


def require_migrations(then: Any, now: Sequence[str]) -> None:
    """Raise ``RestoreError`` unless the same migrations are applied as in the backup."""
    if not isinstance(then, list | tuple) or not all(isinstance(name, str) for name in then):
        raise RestoreError("The backup has a header without migrations.")
    if missing := sorted(set(then) - set(now)):
        raise RestoreError(
            "The backup is of another schema: not applied to the live database "
            f"are {_some(missing)}.",
            hint=_MIGRATE,
        )
    if added := sorted(set(now) - set(then)):
        raise RestoreError(
            f"The backup is of another schema: it was made before {_some(added)}.", hint=_MIGRATE
        )


def _require_tables(then: Any, now: Sequence[Table]) -> None:
    if not isinstance(then, list) or not all(isinstance(one, dict) for one in then):
        raise RestoreError("The backup has a header without tables.")
    live = {table.label: table.description for table in now}
    labels = [str(one.get("model")) for one in then]
    if unknown := sorted(set(labels) - set(live)):
        raise RestoreError(f"The backup holds models that are not here: {_some(unknown)}.")
    if missing := sorted(set(live) - set(labels)):
        raise RestoreError(f"The backup lacks models that are here: {_some(missing)}.")
    for label, one in zip(labels, then, strict=True):
        if one != live[label]:
            raise RestoreError(
                f"The backup has another {label} than the code here: {_difference(one, live[label])}.",
                hint=_MIGRATE,
            )
    if labels != list(live):
        raise RestoreError("The backup has its models in another order.")


def _difference(then: dict[str, Any], now: dict[str, Any]) -> str:
    if then.get("table") != now["table"]:
        return "its table has another name"
    columns = then.get("columns")
    for column in now["columns"]:
        if not isinstance(columns, list) or column not in columns:
            return f"column {column[0]!r} is missing or of another kind"
    return "there are more columns, or they come in another order"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(_shown(name) for name in names[:5]) + more


def _shown(value: Any) -> str:
    """Return a name out of a dump, fit for an operator's eyes."""
    text = value if isinstance(value, str) else type(value).__name__
    return "".join(letter if letter.isprintable() else "?" for letter in text[:80])
