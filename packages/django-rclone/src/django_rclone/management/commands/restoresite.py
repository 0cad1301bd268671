"""``manage.py restoresite``: make databases and media files equal a site backup."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandParser

from ...console import counted
from ..base import RcloneCommand, add_environment, add_noinput
from ..formatting import age, date, printable, size, with_ago
from ..media import add_extra_files
from ..numbers import add_sessions
from ..safety import add_safety_backup, safety_sentence

if TYPE_CHECKING:
    from ...operations.site.plan import SiteRestorePlan


class Command(RcloneCommand):
    help = (
        "Replaces the content of databases with a site backup, and then makes the media files "
        "equal it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--at",
            metavar="NAME",
            help="Names the site backup, as listbackups --site shows it; or a moment in UTC such "
            "as 2026-01-31T03:00, for the newest whole one until then. Defaults to the newest "
            "whole one.",
        )
        parser.add_argument(
            "--partial",
            action="store_true",
            help="Accepts backups that exclude tables or rows. They will be missing.",
        )
        add_sessions(parser)
        add_safety_backup(parser)
        add_extra_files(parser)
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="Checks that all parts are there and can be restored, says what would be replaced, "
            "and changes nothing.",
        )
        add_noinput(parser)
        add_environment(parser)

    def handle(
        self,
        *args: Any,
        at: str | None,
        partial: bool,
        jobs: int,
        safety_backup: bool,
        delete: bool,
        force: bool,
        dry_run: bool,
        interactive: bool,
        from_environment: str | None,
        verbosity: int,
        **options: Any,
    ) -> None:
        from ...operations.site.plan import plan_site_restore
        from ...operations.site.restore import restore_site

        console = self.console(verbosity)
        plan = plan_site_restore(
            at=at,
            from_environment=from_environment,
            partial=partial,
            safety_backup=safety_backup,
            jobs=jobs,
            delete=delete,
            force=force,
        )
        for warning in plan.warnings:
            console.warn(warning)
        changes = "\n".join(_changes(plan))
        if dry_run:
            self.write_result(printable(f"{_described(plan)} would replace\n{changes}"))
            return
        question = f"You are about to replace, with {_described(plan)},\n{changes}"
        self.confirm(question, interactive=interactive)
        restore_site(plan, sender=type(self), console=console)
        console.info(f"Restored site backup {plan.record.name}.")


def _described(plan: "SiteRestorePlan") -> str:
    record = plan.record
    made = (
        f"created {date(record.created_at)}, {with_ago(age(record.created_at, datetime.now(UTC)))}"
    )
    environment = f", environment {record.environment!r}" if record.environment else ""
    return f"site backup {record.name} ({size(record.size)}, {made}{environment})"


def _changes(plan: "SiteRestorePlan") -> Iterator[str]:
    """Yield a line for each thing that is replaced."""
    for part, database in plan.databases:
        yield f"- everything in database {part.of!r} ({database.live}), with {part.name}."
        yield f"  {safety_sentence(database)}"
    becomes = "deleted" if plan.options.delete else "kept"
    for step in plan.media:
        others = counted(step.extra, "other")
        yield (
            f"- the files in {step.address} that differ from {step.part.name}; {others} {becomes}."
        )
