"""The lines of a dump, and whether it fits the live database.

A dump is JSON, a value on each line: the header; for every table an object that names its
model, and an array for each of its rows; and a trailer that counts them. All of it may be
hostile: it is compared, and never obeyed.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NoReturn

import django

from ...exceptions import ClientError
from .tables import Table

_FORMAT_VERSION = 1
_MIGRATE = (
    "Check out the code of the backup and migrate the database to it, restore, migrate again."
)


def to_line(value: Any) -> bytes:
    """Return a value as a line of a dump."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode() + b"\n"


def parse(line: bytes) -> Any:
    """Return the value of a line. Raises ``ValueError`` for anything but JSON."""
    try:
        return json.loads(line.decode(), parse_constant=_reject_constant)
    except RecursionError:
        raise ValueError from None


def _reject_constant(name: str) -> NoReturn:
    raise ValueError


class Lines:
    """Joins pieces of any size into whole lines."""

    def __init__(self, limit: int) -> None:
        """``limit`` is the longest line, in bytes."""
        self._limit = limit
        self._rest = bytearray()

    def add(self, data: bytes) -> Iterator[bytes]:
        """Yield the lines that ``data`` completes. Raises ``ClientError``."""
        *whole, rest = data.split(b"\n")
        for line in whole:
            self._append(line)
            yield bytes(self._rest)
            self._rest.clear()
        self._append(rest)

    def finish(self) -> None:
        """Raise ``ClientError`` when the last line has no end."""
        if self._rest:
            raise ClientError("The backup is truncated: its last line is incomplete.")

    def _append(self, part: bytes) -> None:
        self._rest += part
        if len(self._rest) >= self._limit:
            raise ClientError(
                f"The backup contains a line of more than {self._limit:,} bytes.",
                hint="If it was created with a larger line_limit, "
                "set that in the OPTIONS of this database in CLIENTS.",
            )


def header_of(vendor: str, migrations: Sequence[str], tables: Sequence[Table]) -> dict[str, Any]:
    """Return the header of a dump."""
    return {
        "django_jsonl": _FORMAT_VERSION,
        "django": django.get_version(),
        "vendor": vendor,
        "migrations": list(migrations),
        "tables": [table.description for table in tables],
    }


def require_fit(
    header: Any,
    tables: Sequence[Table],
    *,
    migrations: Sequence[str],
    vendors: Collection[str],
) -> None:
    """Raise ``ClientError`` unless a dump with this header can be restored here."""
    if not isinstance(header, dict) or "django_jsonl" not in header:
        raise ClientError("This is not a django_jsonl dump: it has no header.")
    if (version := header["django_jsonl"]) != _FORMAT_VERSION or isinstance(version, bool):
        raise ClientError(
            f"The backup has format version {_shown(version)}, "
            f"this release reads {_FORMAT_VERSION}."
        )
    if (vendor := header.get("vendor")) not in [*vendors]:
        raise ClientError(
            f"The backup is of a {_shown(vendor)} database.",
            hint="To restore it here all the same, name that in the option from_vendors.",
        )
    require_migrations(header.get("migrations"), migrations)
    _require_tables(header.get("tables"), tables)


def require_migrations(then: Any, now: Sequence[str]) -> None:
    """Raise ``ClientError`` unless the same migrations are applied as in the backup."""
    if not isinstance(then, list | tuple) or not all(isinstance(name, str) for name in then):
        raise ClientError("The header of the backup lists no migrations.")
    if missing := sorted(set(then) - set(now)):
        raise ClientError(
            "The backup has another schema: these migrations are not applied to the live "
            f"database: {_some(missing)}.",
            hint=_MIGRATE,
        )
    if added := sorted(set(now) - set(then)):
        raise ClientError(
            f"The backup has another schema: it is older than {_some(added)}.", hint=_MIGRATE
        )


def _require_tables(then: Any, now: Sequence[Table]) -> None:
    if not isinstance(then, list) or not all(isinstance(one, dict) for one in then):
        raise ClientError("The header of the backup lists no tables.")
    live = {table.label: table.description for table in now}
    labels = [str(one.get("model")) for one in then]
    if differing := sorted(set(labels) ^ set(live)):
        raise ClientError(
            f"Some models exist only in the backup or only here: {_some(differing)}.", hint=_MIGRATE
        )
    for label, one in zip(labels, then, strict=True):
        if one != live[label]:
            difference = _difference(one, live[label])
            raise ClientError(
                f"{label} differs between the backup and the code here: {difference}.",
                hint=_MIGRATE,
            )
    if labels != list(live):
        raise ClientError("The backup lists its models in another order.")


def _difference(then: dict[str, Any], now: dict[str, Any]) -> str:
    if then.get("table") != now["table"]:
        return "its table has another name"
    columns = then.get("columns")
    for column in now["columns"]:
        if not isinstance(columns, list) or column not in columns:
            return f"column {column[0]!r} is missing or has another type"
    return "the backup has more columns, or has them in another order"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(_shown(name) for name in names[:5]) + more


def _shown(value: Any) -> str:
    """Return a name out of a dump, fit for an operator's eyes."""
    text = value if isinstance(value, str) else type(value).__name__
    return "".join(letter if letter.isprintable() else "?" for letter in text[:80])
