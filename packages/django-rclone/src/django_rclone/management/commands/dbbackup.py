"""``manage.py dbbackup``: back up databases."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from ...console import Console
from ..base import EXIT_USAGE, RcloneCommand, names_in
from ..numbers import add_jobs, add_retries


class Command(RcloneCommand):
    help = "Backs up databases to the rclone remote."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "-d",
            "--database",
            action="append",
            choices=tuple(connections),
            help="Nominates a database to back up; may be given several times. "
            'Defaults to the "default" database.',
        )
        parser.add_argument(
            "--all",
            action="store_true",
            dest="all_databases",
            help="Backs up every database in DATABASES, each once.",
        )
        parser.add_argument(
            "--verify",
            action="store_true",
            help="Then rehearses each backup, as dbverify does. What does not pass, fails.",
        )
        parser.add_argument(
            "--clean",
            action="store_true",
            help="Then deletes the backups that no rule of retention keeps.",
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="With --clean, makes no backup and deletes nothing, and shows which backups "
            "would stay, and why.",
        )
        add_retries(parser, "a failed backup")
        add_jobs(parser, "Backs up to N databases at once.")

    def handle(
        self,
        *args: Any,
        database: str | list[str] | None,
        all_databases: bool,
        verify: bool,
        clean: bool,
        dry_run: bool,
        retries: int,
        jobs: int,
        verbosity: int,
        **options: Any,
    ) -> None:
        from ...operations.several import backup_databases

        console = self.console(verbosity)
        aliases = _aliases(database, all_databases, console)
        if dry_run:
            if not clean:
                raise CommandError("--dry-run needs --clean.", returncode=EXIT_USAGE)
            from ...operations.prune import plan_prune
            from ..retention_table import retention_table

            for alias in aliases:
                self.write_result(
                    retention_table(f"Database {alias!r}", plan_prune(alias, upcoming=True))
                )
            return
        backup_databases(
            aliases,
            sender=type(self),
            retries=retries,
            verify=verify,
            clean=clean,
            jobs=jobs,
            console=console,
        )


def _aliases(database: str | list[str] | None, all_databases: bool, console: Console) -> list[str]:
    if all_databases:
        from ...operations.databases import require_databases

        if database:
            problem = "--all and --database exclude each other."
            raise CommandError(problem, returncode=EXIT_USAGE)
        return require_databases(console=console)
    return names_in(database) or [DEFAULT_DB_ALIAS]
