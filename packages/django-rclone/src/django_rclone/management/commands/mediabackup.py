"""``manage.py mediabackup``: store the media files in a run."""

from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandParser

from ...conf.media_sources import MediaSource
from ..base import RcloneCommand
from ..formatting import media_counts
from ..media import add_sources, chosen_sources


class Command(RcloneCommand):
    help = "Stores the media files on the rclone remote: what is new, and an index of all."

    def add_arguments(self, parser: CommandParser) -> None:
        add_sources(parser, "back up")
        parser.add_argument(
            "--force",
            action="store_true",
            help="Proceeds even if the media folder is empty, or more files are gone since the "
            "last run than MEDIA_MAX_DELETE allows. Earlier runs keep these files until they are "
            "cleaned up.",
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="Says what a run would be about, and stores nothing. With --clean, also shows "
            "which runs would stay, and why.",
        )
        parser.add_argument(
            "--clean",
            action="store_true",
            help="Then deletes the runs that neither RETENTION nor MEDIA_CLEANUP_KEEP keeps, and "
            "content that no run needs.",
        )

    def handle(
        self,
        *args: Any,
        source: str | list[str] | None,
        force: bool,
        dry_run: bool,
        clean: bool,
        verbosity: int,
        **options: Any,
    ) -> None:
        sources = chosen_sources(source)
        if dry_run:
            self._preview(sources, force=force, clean=clean)
            return
        from ...operations.media.several import backup_sources

        console = self.console(verbosity)
        backup_sources(sources, sender=type(self), force=force, clean=clean, console=console)

    def _preview(self, sources: Sequence[MediaSource], *, force: bool, clean: bool) -> None:
        from ...operations.media.backup import preview_backup
        from ...operations.media.prune import plan_media_prune
        from ..retention_table import retention_table

        for one in sources:
            counts = preview_backup(one, force=force)
            self.write_result(f"A run of {one.place} would have {media_counts(counts)}.")
            if clean:
                verdicts = plan_media_prune(one.name)
                self.write_result(retention_table(f"Media source {one.name!r}", verdicts))
