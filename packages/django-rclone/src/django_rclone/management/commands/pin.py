"""``manage.py pin``: keep a backup from being deleted by clean-ups."""

from typing import Any

from django.core.management.base import CommandParser

from ..base import RcloneCommand


class Command(RcloneCommand):
    help = "Lets no clean-up delete a backup of a database."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="The backup, as listbackups shows it.")
        parser.add_argument(
            "--reason", default="", help="Says why it must stay, for whoever reads the list."
        )

    def handle(self, *args: Any, name: str, reason: str, verbosity: int, **options: Any) -> None:
        from ...operations.pinning import pin_backup

        path = pin_backup(name, reason)
        self.console(verbosity).info(f"Pinned {path}.")
