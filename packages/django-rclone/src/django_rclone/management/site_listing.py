"""The listing of site backups."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from ..backups.sites import DATABASE, MEDIA, Part, names_of
from ..operations.site.listing import ListedSite
from .formatting import age, date, printable, size, table, with_ago, with_environment

_HEADER = ("NAME", "DATE", "AGE", "SIZE", "DATABASES", "MEDIA", "STATE")


def site_record(listed: ListedSite, now: datetime) -> dict[str, object]:
    """Return a site backup for programs."""
    site, record = listed.site, listed.site.record
    created = record.created_at if record else None
    return {
        "name": site.name,
        "path": site.path,
        "date": created.isoformat() if created else None,
        "age": round((now - created).total_seconds()) if created else None,
        "environment": record.environment if record else "",
        "size": record.size if record else None,
        "databases": _parts(record.of_kind(DATABASE) if record else (), "database", listed),
        "media": _parts(record.of_kind(MEDIA) if record else (), "source", listed),
        "whole": listed.whole,
        "verified": listed.verified,
        "problem": site.problem or None,
    }


def _parts(parts: Iterable[Part], key: str, listed: ListedSite) -> list[dict[str, object]]:
    return [
        {
            key: part.of,
            "name": part.name,
            "path": part.path,
            "missing": part in listed.missing if listed.verified else None,
        }
        for part in parts
    ]


def site_table(sites: Sequence[ListedSite], now: datetime, own: str, width: int) -> str:
    """Return site backups as columns, or two lines for each if columns do not fit.

    ``own`` is the environment of this site: of others it is shown.
    """
    return table([_HEADER, *(_row(one, now, own) for one in sites)], width, _sentence)


def _sentence(cells: Sequence[str]) -> str:
    when, how_old, *rest = cells
    return "  ".join([when, with_ago(how_old), *rest])


def _row(listed: ListedSite, now: datetime, own: str) -> tuple[str, ...]:
    record = listed.site.record
    created = record.created_at if record else None
    return (
        printable(listed.site.name),
        date(created),
        age(created, now),
        size(record.size) if record else "?",
        _names(record.of_kind(DATABASE) if record else ()),
        _names(record.of_kind(MEDIA) if record else ()),
        printable(_state(listed, own)),
    )


def _names(parts: Sequence[Part]) -> str:
    return printable(", ".join(part.of for part in parts)) or "-"


def _state(listed: ListedSite, own: str) -> str:
    record = listed.site.record
    if not listed.verified or record is None:
        return "NOT VERIFIED"
    state = "whole" if listed.whole else "INCOMPLETE"
    if listed.missing:
        state = f"TORN ({len(listed.missing)} missing)"
    return with_environment(state, record.environment, own)


def site_notices(sites: Iterable[ListedSite]) -> Iterator[str]:
    """Yield a line for each thing that is wrong with one."""
    for listed in sites:
        name = listed.site.name
        if listed.site.problem:
            yield f"{name} is not verified: {listed.site.problem}."
        for part in names_of(listed.missing):
            yield f"{name} lacks {part}"
