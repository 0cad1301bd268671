"""``manage.py unpin``: let clean-ups delete a backup again."""

from typing import Any

from django.core.management.base import CommandParser

from ..base import RcloneCommand


class Command(RcloneCommand):
    help = "Lets clean-ups delete a backup or a run again that was pinned."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="The backup or run, as listbackups shows it.")

    def handle(self, *args: Any, name: str, verbosity: int, **options: Any) -> None:
        from ...operations.pinning import unpin_backup

        path = unpin_backup(name)
        self.console(verbosity).info(f"Unpinned {path}.")
