"""``manage.py mediarestore``: make the media files equal the mirror."""

import time
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandParser

from ...operations.media import MediaRestorePlan, plan_media_restore, restore_media
from ..base import RcloneCommand, add_noinput, add_verification_arguments
from ..formatting import age, date, duration, size


class Command(RcloneCommand):
    help = "Makes the media files equal the mirror on the rclone remote."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--force",
            action="store_true",
            help="Proceeds even if more media files would be deleted than MEDIA_MAX_DELETE allows.",
        )
        add_noinput(parser)
        add_verification_arguments(parser)

    def handle(
        self,
        *args: Any,
        force: bool,
        interactive: bool,
        from_environment: str | None,
        unverified: bool,
        verbosity: int,
        **options: Any,
    ) -> None:
        console = self.console(verbosity)
        plan = plan_media_restore(
            from_environment=from_environment, unverified=unverified, force=force
        )
        if not plan.backup.verified:
            console.warn(f"The media backup is not verified: {plan.backup.problem}.")
        for warning in plan.warnings:
            console.warn(warning)
        self.confirm(_question(plan), interactive=interactive)
        console.info("Restoring media files ...")
        clock = time.monotonic()
        restore_media(plan, sender=type(self), console=console)
        console.info(f"Restored media files in {duration(time.monotonic() - clock)}.")


def _question(plan: MediaRestorePlan) -> str:
    backup = plan.backup
    made = f", {age(backup.created_at, datetime.now(UTC))}" if backup.created_at else ""
    what = f"({size(backup.size)}, created {date(backup.created_at)}{made})"
    if not plan.whole:
        return f"You are about to copy the media backup to {plan.target}\n{what}: newer files there are replaced."
    return (
        f"You are about to make {plan.target} equal the media backup\n{what}: "
        "newer and other files there are deleted."
    )
