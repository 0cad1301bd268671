"""``manage.py listbackups``: list the backups on the remote."""

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandParser
from django.db import connections

from ... import conf
from ...backups.retention import CLOCK_TOLERANCE, dated_after
from ..base import RcloneCommand
from ..foreign_listing import foreign_record, foreign_table
from ..formatting import age, date, printable, size, table, with_ago, with_environment
from ..kept_words import kept_record, kept_words, pin_sentence
from ..media import chosen_source
from ..proof_words import passed_record, proof_record, proof_words
from ..run_listing import entry_lines, entry_record, run_record, run_table
from ..site_listing import site_notices, site_record, site_table

if TYPE_CHECKING:
    from ...operations.listing import Listed

_HEADER = ("NAME", "SIZE", "AGE", "DATE", "DATABASE", "PROOF", "KEPT")


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
            "--media", action="store_true", help="Lists the runs of media files instead."
        )
        parser.add_argument(
            "--site",
            action="store_true",
            help="Lists the site backups instead, and what is missing in them.",
        )
        parser.add_argument(
            "--foreign",
            nargs="?",
            const="",
            metavar="FOLDER",
            help="Lists what other tools stored instead, in a folder of the remote, what it is and "
            "what restores it. Defaults to the remote's own folder and those of the backups.",
        )
        parser.add_argument(
            "-s",
            "--source",
            metavar="NAME",
            help="With --media, nominates a source whose runs to list. Defaults to all of them.",
        )
        parser.add_argument(
            "--at",
            metavar="RUN",
            help="With --media, lists the files of a run, named as listbackups --media shows it, "
            "or of the newest until a moment in UTC such as 2026-01-31T03:00.",
        )
        parser.add_argument(
            "--path",
            metavar="PATH",
            help="With --at, lists this file or folder alone, or what matches a pattern.",
        )
        parser.add_argument(
            "--json", action="store_true", dest="as_json", help="Prints JSON, for programs."
        )

    def handle(
        self,
        *args: Any,
        database: str | None,
        media: bool,
        site: bool,
        foreign: str | None,
        source: str | None,
        at: str | None,
        path: str | None,
        as_json: bool,
        **options: Any,
    ) -> None:
        if at is not None:
            self._list_files(source, at, path, as_json=as_json)
        elif foreign is not None:
            self._list_foreign(foreign, as_json=as_json)
        elif site:
            self._list_sites(as_json=as_json)
        elif media:
            self._list_runs(source, as_json=as_json)
        else:
            self._list_backups(database, as_json=as_json)

    def _list_files(self, source: str | None, at: str, path: str | None, *, as_json: bool) -> None:
        from ...operations.media.contents import run_contents

        with run_contents(chosen_source(source).name, at, path) as (_, entries):
            if as_json:
                self._write_json(map(entry_record, entries))
                return
            for line in entry_lines(entries):
                self.write_result(line)

    def _list_runs(self, source: str | None, *, as_json: bool) -> None:
        from ...operations.media.listing import list_runs

        runs, now = list_runs(source), datetime.now(UTC)
        if as_json:
            self._write_json(run_record(run, now) for run in runs)
        elif self._write_table(runs, "backups", partial(run_table, runs, now, _here())):
            self._write_notices(runs, now)

    def _list_sites(self, *, as_json: bool) -> None:
        from ...operations.site.listing import list_sites

        sites, now = list_sites(), datetime.now(UTC)
        if as_json:
            self._write_json(site_record(one, now) for one in sites)
        elif self._write_table(sites, "site backups", partial(site_table, sites, now, _here())):
            for notice in site_notices(sites):
                self.write_result(printable(notice))

    def _list_foreign(self, folder: str, *, as_json: bool) -> None:
        from ...operations.foreign import list_foreign

        found = list_foreign(folder.strip("/") or None)
        if as_json:
            self._write_json(map(foreign_record, found))
        else:
            self._write_table(found, "files of other tools", partial(foreign_table, found))

    def _list_backups(self, database: str | None, *, as_json: bool) -> None:
        from ...operations.listing import list_databases

        listed, now = list_databases(database), datetime.now(UTC)
        if as_json:
            self._write_json(_record(one, now) for one in listed)
        elif self._write_table(listed, "backups", partial(_table, listed, now, _here())):
            self._write_notices(listed, now)

    def _write_json(self, records: Iterable[dict[str, object]]) -> None:
        self.write_result(json.dumps(list(records), indent=2))

    def _write_table(
        self, listed: Sequence[object], what: str, table_of_width: Callable[[int], str]
    ) -> bool:
        """Print a table of the terminal's width; return whether there is anything in it."""
        if listed:
            self.write_result(table_of_width(shutil.get_terminal_size().columns))
        else:
            self.write_result(f"There are no {what}.")
        return bool(listed)

    def _write_notices(self, listed: Sequence["Listed"], now: datetime) -> None:
        for sentence in filter(None, map(pin_sentence, listed)):
            self.write_result(sentence)
        backups = [one.backup for one in listed]
        for backup in backups:
            if backup.problem:
                problem = f"{backup.name} is not verified: {backup.problem}."
                self.write_result(printable(problem))
        for backup in dated_after(backups, now + CLOCK_TOLERANCE):
            notice = f"{backup.name} is dated in the future: a clock was wrong, here or there."
            self.write_result(printable(notice))


def _here() -> str:
    return conf.load().environment


def _record(listed: "Listed", now: datetime) -> dict[str, object]:
    backup, proofs = listed.backup, listed.proofs
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
        "proof": proof_record(proofs),
        **passed_record(proofs),
        **kept_record(listed),
    }


def _table(listed: Sequence["Listed"], now: datetime, own: str, width: int) -> str:
    return table([_HEADER, *(_row(one, now, own) for one in listed)], width, _details)


def _row(listed: "Listed", now: datetime, own: str) -> tuple[str, ...]:
    backup = listed.backup
    whose = backup.database or "-"
    if backup.verified:
        whose = with_environment(whose, backup.environment, own)
    return (
        printable(backup.name),
        size(backup.size),
        age(backup.created_at, now),
        date(backup.created_at),
        printable(whose),
        proof_words(backup, listed.proofs, now),
        kept_words(listed),
    )


def _details(cells: Sequence[str]) -> str:
    stored, how_old, *facts, kept = cells
    return "  ".join([stored, with_ago(how_old), *facts]) + f"\n    kept: {kept}"
