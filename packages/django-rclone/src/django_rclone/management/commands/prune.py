"""``manage.py prune``: delete the backups that no rule of retention keeps."""

from typing import Any

from django.core.management.base import CommandParser
from django.db import connections

from ...conf import database_aliases
from ...exceptions import DjangoRcloneError
from ..base import RcloneCommand


class Command(RcloneCommand):
    help = "Deletes the backups of databases that no rule of retention keeps."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "-d",
            "--database",
            choices=tuple(connections),
            help="Nominates a database whose backups to delete. Defaults to all of them.",
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="Deletes nothing, and shows which backups would stay, and why.",
        )

    def handle(
        self, *args: Any, database: str | None, dry_run: bool, verbosity: int, **options: Any
    ) -> None:
        from ...operations.databases import require_databases
        from ...operations.prune import plan_prune, prune_database
        from ..retention_table import retention_table

        console = self.console(verbosity)
        aliases = database_aliases() if database is None else (database,)
        if not aliases:
            require_databases(console=console)
        if dry_run:
            for alias in aliases:
                self.write_result(retention_table(f"Database {alias!r}", plan_prune(alias)))
            return
        failed: DjangoRcloneError | None = None
        for alias in aliases:
            try:
                prune_database(alias, sender=type(self), console=console)
            except DjangoRcloneError as error:
                # The others are pruned all the same; the last error is that of the command.
                if failed is not None:
                    console.warn(str(failed))
                failed = error
        if failed is not None:
            raise failed
