"""``manage.py mediarestore``: make the media files equal a run."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError, CommandParser

from ...console import counted
from ..base import (
    EXIT_USAGE,
    RcloneCommand,
    add_foreign,
    add_noinput,
    add_verification_arguments,
)
from ..formatting import (
    age,
    date,
    duration,
    other_files,
    printable,
    restored_counts,
    size,
    with_ago,
)
from ..media import add_at, add_extra_files, add_source, chosen_source
from ..terminal import TerminalConsole

if TYPE_CHECKING:
    from ...operations.media.plan import MediaRestorePlan


class Command(RcloneCommand):
    help = "Makes the media files equal a run on the rclone remote, by content."

    def add_arguments(self, parser: CommandParser) -> None:
        add_source(parser, "restore")
        chosen = parser.add_mutually_exclusive_group()
        add_at(chosen)
        add_foreign(chosen)
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
        foreign: str | None,
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
        to = None if to is None else str(Path(to).resolve())
        if foreign is not None:
            if path or delete or dry_run:
                raise CommandError(
                    "--path, --delete and --dry-run do not go with --foreign: the files of an "
                    "archive are restored all, and no others are touched.",
                    returncode=EXIT_USAGE,
                )
            self._restore_archive(source, foreign, to, console, interactive=interactive)
            return
        from ...operations.media.plan import plan_media_restore

        plan = plan_media_restore(
            chosen_source(source),
            at=at,
            path=path,
            to=to,
            delete=delete,
            from_environment=from_environment,
            unverified=unverified,
            force=force,
        )
        with plan:
            for warning in plan.warnings:
                console.warn(warning)
            if dry_run:
                self.write_result(printable(_preview(plan)))
                return
            self.confirm(_question(plan), interactive=interactive)
            self._restore(plan, console)

    def _restore_archive(
        self,
        source: str | None,
        path: str,
        to: str | None,
        console: TerminalConsole,
        *,
        interactive: bool,
    ) -> None:
        from ...operations.media.foreign import plan_archive_restore, restore_archive
        from ...operations.media.guards import named

        plan = plan_archive_restore(chosen_source(source), path, to=to)
        self.confirm(
            f"You are about to put the files of {plan.archive.path} ({size(plan.archive.size)}) into "
            f"{plan.place.address}:\nthey replace those of the same name, others are kept. The "
            f"first is {plan.first}.",
            interactive=interactive,
        )
        console.info(f"Restoring media files from {plan.archive.path} ...")
        clock = time.monotonic()
        counts, left_out = restore_archive(plan, sender=type(self), console=console)
        if left_out:
            console.warn(f"Left out: {named(sorted(left_out.items()))}.")
        took = duration(time.monotonic() - clock)
        console.info(f"Restored {counted(counts.files, 'media file')} in {took}.")

    def _restore(self, plan: "MediaRestorePlan", console: TerminalConsole) -> None:
        from ...operations.media.restore import restore_media

        console.info(f"Restoring media files from {plan.run.path} ...")
        clock = time.monotonic()
        counts = restore_media(plan, sender=type(self), console=console)
        console.info(
            f"Restored media files in {duration(time.monotonic() - clock)}: "
            f"{restored_counts(counts, plan.extra, deleted=plan.delete)}."
        )


def _preview(plan: "MediaRestorePlan") -> str:
    from ...operations.media.guards import named

    counts = plan.compare()
    text = (
        f"Of {counted(counts.files, 'file')} in {plan.run.name}, {counts.added:,} would be created and "
        f"{counts.changed:,} replaced; {other_files(plan.extra, deleted=plan.delete)}."
    )
    if plan.conflicts:
        text += f"\nDeleted, since they are in the way: {named(plan.conflicts)}."
    return text


def _question(plan: "MediaRestorePlan") -> str:
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
