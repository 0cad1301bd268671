"""``manage.py listbackups``: list the backups on the remote."""

import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandParser
from django.db import connections

from ...backups.retention import CLOCK_TOLERANCE, dated_after
from ...operations.listing import Listed, list_databases
from ...operations.media import list_media
from ..base import RcloneCommand
from ..formatting import age, date, printable, size

_HEADER = ("NAME", "SIZE", "AGE", "DATE", "DATABASE", "VERIFIED", "KEPT")


class Command(RcloneCommand):
    help = "Lists the backups on the rclone remote, newest first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "-d",
            "--database",
            choices=tuple(connections),
            help="Nominates a database whose backups to list. Defaults to all of them.",
        )
        parser.add_argument(
            "--media", action="store_true", help="Lists the media backup instead of databases."
        )
        parser.add_argument(
            "--json", action="store_true", dest="as_json", help="Prints JSON, for programs."
        )

    def handle(
        self, *args: Any, database: str | None, media: bool, as_json: bool, **options: Any
    ) -> None:
        if media:
            listed = [Listed(backup, None, None) for backup in list_media()]
        else:
            listed = list_databases(database)
        backups = [one.backup for one in listed]
        now = datetime.now(UTC)
        if as_json:
            self.write_result(json.dumps([_record(one, now) for one in listed], indent=2))
        elif not backups:
            self.write_result("There are no backups.")
        else:
            rows = [_row(one, now) for one in listed]
            self.write_result(_table(rows, shutil.get_terminal_size().columns))
            for one in listed:
                if one.pin:
                    self.write_result(printable(f"{one.backup.name} is pinned: {one.pin}"))
            for backup in backups:
                if backup.problem:
                    problem = f"{backup.name} is not verified: {backup.problem}."
                    self.write_result(printable(problem))
            for backup in dated_after(backups, now + CLOCK_TOLERANCE):
                notice = f"{backup.name} is dated in the future: a clock was wrong, here or there."
                self.write_result(printable(notice))


def _record(listed: Listed, now: datetime) -> dict[str, object]:
    backup, kept, pin = listed
    created = backup.created_at
    return {
        "name": backup.name,
        "path": backup.path,
        "size": backup.size,
        "date": created.isoformat() if created else None,
        "age": round((now - created).total_seconds()) if created else None,
        "database": backup.database,
        "environment": backup.environment,
        "verified": backup.verified,
        "problem": backup.problem or None,
        "pinned": pin,
        "kept": None if kept is None else [str(reason) for reason in kept],
    }


def _row(listed: Listed, now: datetime) -> tuple[str, ...]:
    backup, kept, _ = listed
    return (
        printable(backup.name),
        size(backup.size),
        age(backup.created_at, now),
        date(backup.created_at),
        printable(backup.database or "-"),
        "yes" if backup.verified else "NO",
        "-" if kept is None else ", ".join(reason.rule for reason in kept) or "until a clean-up",
    )


def _table(rows: Sequence[tuple[str, ...]], width: int) -> str:
    """Return columns, or three lines per backup if columns do not fit. Names are never truncated."""
    widths = [max(map(len, column)) for column in zip(_HEADER, *rows, strict=True)]
    if sum(widths) + 2 * (len(widths) - 1) <= width:
        return "\n".join(
            "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
            for row in (_HEADER, *rows)
        )
    return "\n".join(f"{name}\n    {_details(rest)}" for name, *rest in rows)


def _details(cells: Sequence[str]) -> str:
    *facts, verified, kept = cells
    verified = "verified" if verified == "yes" else "NOT VERIFIED"
    return "  ".join([*facts, verified]) + f"\n    kept: {kept}"
