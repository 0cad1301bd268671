"""``manage.py mediarestore``: make the media files equal a run."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from ...console import counted
from ...operations.media.guards import named
from ...operations.media.plan import MediaRestorePlan, plan_media_restore
from ...operations.media.restore import restore_media
from ..base import RcloneCommand, add_noinput, add_verification_arguments
from ..formatting import age, date, duration, printable, size, with_ago
from ..media import add_at, add_extra_files, add_source, chosen_source
from ..terminal import TerminalConsole


class Command(RcloneCommand):
    help = "Makes the media files equal a run on the rclone remote, by content."

    def add_arguments(self, parser: CommandParser) -> None:
        add_source(parser, "restore")
        add_at(parser)
        parser.add_argument(
            "--path",
            metavar="PATH",
            help="Restores this file or folder alone, or what matches a pattern such as *.jpg.",
        )
        parser.add_argument(
            "--to", metavar="FOLDER", help="Restores to another folder than that of the source."
        )
        add_extra_files(parser)
        parser.add_argument(
            "--dry-run", action="store_true", help="Says what would change, and changes nothing."
        )
        add_noinput(parser)
        add_verification_arguments(parser)

    def handle(
        self,
        *args: Any,
        source: str | None,
        at: str | None,
        path: str | None,
        to: str | None,
        delete: bool,
        dry_run: bool,
        force: bool,
        interactive: bool,
        from_environment: str | None,
        unverified: bool,
        verbosity: int,
        **options: Any,
    ) -> None:
        console = self.console(verbosity)
        plan = plan_media_restore(
            chosen_source(source),
            at=at,
            path=path,
            to=None if to is None else str(Path(to).resolve()),
            delete=delete,
            from_environment=from_environment,
            unverified=unverified,
            force=force,
        )
        with plan:
            if not plan.run.verified:
                console.warn(f"{plan.run.path} is not verified: {plan.run.problem}.")
            for warning in plan.warnings:
                console.warn(warning)
            if dry_run:
                self.write_result(printable(_preview(plan)))
                return
            self.confirm(_question(plan), interactive=interactive)
            self._restore(plan, console)

    def _restore(self, plan: MediaRestorePlan, console: TerminalConsole) -> None:
        console.info(f"Restoring media files from {plan.run.path} ...")
        clock = time.monotonic()
        counts = restore_media(plan, sender=type(self), console=console)
        console.info(
            f"Restored media files in {duration(time.monotonic() - clock)}: "
            f"{counted(counts.files, 'file')}: {counts.added:,} created, {counts.changed:,} "
            f"replaced; {_others(plan)}."
        )


def _others(plan: MediaRestorePlan) -> str:
    return f"{counted(plan.extra, 'other')} {'deleted' if plan.delete else 'kept'}"


def _preview(plan: MediaRestorePlan) -> str:
    counts = plan.compare()
    text = (
        f"Of {counted(counts.files, 'file')} in {plan.run.name}, {counts.added:,} would be created and "
        f"{counts.changed:,} replaced; {_others(plan)}."
    )
    if plan.conflicts:
        text += f"\nDeleted, since they are in the way: {named(plan.conflicts)}."
    return text


def _question(plan: MediaRestorePlan) -> str:
    run = plan.run
    made = f", {with_ago(age(run.created_at, datetime.now(UTC)))}" if run.created_at else ""
    content = run.manifest.content_size if run.manifest else None
    sized = f"{size(content)}, " if content is not None else ""
    others = "deleted" if plan.delete else "kept"
    return (
        f"You are about to make the files in {plan.place.address} equal those of {run.name}\n"
        f"({sized}created {date(run.created_at)}{made}): newer ones are replaced, "
        f"{counted(plan.extra, 'other')} {others}."
    )
