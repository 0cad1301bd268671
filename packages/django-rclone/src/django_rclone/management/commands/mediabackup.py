"""``manage.py mediabackup``: mirror the media files to the remote."""

import time
from typing import Any

from django.core.management.base import CommandParser

from ...operations.media import backup_media
from ..base import RcloneCommand
from ..formatting import duration, size


class Command(RcloneCommand):
    help = "Mirrors the media files to the rclone remote."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--force",
            action="store_true",
            help="Proceeds even if the media folder is empty, the mirror is not known to be that "
            "of this site, or more of its files would be deleted than MEDIA_MAX_DELETE allows. "
            "What only the mirror has is deleted.",
        )

    def handle(self, *args: Any, force: bool, verbosity: int, **options: Any) -> None:
        console = self.console(verbosity)
        console.info("Backing up media files ...")
        clock = time.monotonic()
        backup = backup_media(sender=type(self), force=force, console=console)
        count = backup.manifest.count if backup.manifest else 0
        took = duration(time.monotonic() - clock)
        console.info(f"Mirrored {count:,} files to {backup.path} ({size(backup.size)} in {took}).")
