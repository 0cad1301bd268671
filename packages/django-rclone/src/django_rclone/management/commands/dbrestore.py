"""``manage.py dbrestore``: replace a database with a backup."""

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError, CommandParser
from django.db import connections

from ... import conf
from ..base import (
    EXIT_USAGE,
    RcloneCommand,
    add_foreign,
    add_noinput,
    add_verification_arguments,
)
from ..formatting import age, date, duration, size, with_ago
from ..numbers import add_sessions
from ..safety import add_safety_backup, safety_sentence
from ..terminal import TerminalConsole

if TYPE_CHECKING:
    from ...operations.restore import RestorePlan


class Command(RcloneCommand):
    help = "Replaces the content of a database with a backup: completely, or not at all."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "-d",
            "--database",
            choices=tuple(connections),
            help="Nominates the database to restore. Required if there are several.",
        )
        chosen = parser.add_mutually_exclusive_group()
        chosen.add_argument(
            "-i",
            "--input",
            metavar="NAME",
            dest="name",
            help="Names the backup to restore, as listbackups shows it. Defaults to the newest.",
        )
        add_foreign(chosen)
        parser.add_argument(
            "--partial",
            action="store_true",
            help="Accepts a backup that excludes tables or rows. They will be missing.",
        )
        parser.add_argument(
            "--salvage",
            action="store_true",
            help="For a backup that cannot be restored whole: makes what can be made of it in a new "
            "place next to the database, which is not touched, and lists what is missing there.",
        )
        add_sessions(parser)
        add_safety_backup(parser)
        add_noinput(parser)
        add_verification_arguments(parser)

    def handle(
        self,
        *args: Any,
        database: str | None,
        name: str | None,
        foreign: str | None,
        interactive: bool,
        from_environment: str | None,
        unverified: bool,
        partial: bool,
        salvage: bool,
        jobs: int,
        safety_backup: bool,
        verbosity: int,
        **options: Any,
    ) -> None:
        from ...operations.restore import plan_restore

        console = self.console(verbosity)
        alias = database or _only_database()
        plan = plan_restore(
            alias,
            name=name,
            from_environment=from_environment,
            unverified=unverified,
            partial=partial,
            salvage=salvage,
            safety_backup=safety_backup,
            foreign=foreign,
            jobs=jobs,
        )
        for warning in plan.warnings:
            console.warn(warning)
        question = _salvage_question(plan) if salvage else _question(plan)
        self.confirm(question, interactive=interactive)
        if salvage:
            self._salvage(plan, console)
        else:
            self._restore(plan, console)

    def _restore(self, plan: "RestorePlan", console: TerminalConsole) -> None:
        from ...operations.restore import restore_database

        console.info(f"Restoring database {plan.alias!r} from {plan.backup.path} ...")
        clock = time.monotonic()
        saved = restore_database(plan, sender=type(self), console=console)
        took = duration(time.monotonic() - clock)
        rows = plan.expected.row_summary() if plan.expected else ""
        what = f": {rows}" if rows else ""
        console.info(f"Restored database {plan.alias!r} in {took}{what}.")
        if saved:
            console.way_back(plan.alias, saved.path.rpartition("/")[2], saved.until)

    def _salvage(self, plan: "RestorePlan", console: TerminalConsole) -> None:
        from ...operations.salvage import salvage_database

        console.info(f"Salvaging {plan.backup.path} ...")
        salvage = salvage_database(plan, console=console)
        console.info(f"Salvaged into {salvage.place}. Database {plan.alias!r} is as it was.")
        if salvage.missing:
            raise CommandError(
                "\n".join(["This could not be salvaged:", *salvage.missing])
                + "\nHint: Look at what was salvaged, add what is missing by hand, and then let "
                "the site use it."
            )


def _only_database() -> str:
    aliases = conf.database_aliases()
    if len(aliases) == 1:
        return aliases[0]
    raise CommandError(
        f"There are several databases ({', '.join(aliases)}).\n"
        "Hint: Name the one to restore with -d.",
        returncode=EXIT_USAGE,
    )


def _salvage_question(plan: "RestorePlan") -> str:
    return (
        f"You are about to salvage {_described(plan)}\n"
        f"into a new place next to database {plan.alias!r} ({plan.live}), which is not touched."
    )


def _question(plan: "RestorePlan") -> str:
    return (
        f"You are about to replace everything in database {plan.alias!r} ({plan.live})\n"
        f"with {_described(plan)}.\n"
        f"{safety_sentence(plan)}"
    )


def _described(plan: "RestorePlan") -> str:
    backup = plan.backup
    made = f", {with_ago(age(backup.created_at, datetime.now(UTC)))}" if backup.created_at else ""
    environment = f", environment {backup.environment!r}" if backup.environment else ""
    created = f"created {date(backup.created_at)}{made}{environment}"
    return f"{backup.path} ({size(backup.size)}, {created})"
