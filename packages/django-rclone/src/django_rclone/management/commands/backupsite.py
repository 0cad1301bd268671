"""``manage.py backupsite``: back up databases and media files that belong together."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import connections

from ..base import EXIT_USAGE, RcloneCommand, names_in
from ..media import add_sources, chosen_sources
from ..numbers import add_jobs, add_retries


class Command(RcloneCommand):
    help = "Backs up the databases, then the media files, and records that they belong together."

    def add_arguments(self, parser: CommandParser) -> None:
        aliases = tuple(connections)
        parser.add_argument(
            "-d",
            "--database",
            action="append",
            choices=aliases,
            help="Nominates a database to back up; may be given several times. "
            "Defaults to every database in DATABASES, each once.",
        )
        parser.add_argument(
            "--exclude-database",
            action="append",
            choices=aliases,
            help="Leaves out a database; may be given several times.",
        )
        add_sources(parser, "back up")
        parser.add_argument(
            "--verify",
            action="store_true",
            help="Rehearses each backup of a database, as dbverify does. If one does not pass, "
            "there is no site backup.",
        )
        parser.add_argument(
            "--clean",
            action="store_true",
            help="Then deletes the site backups that no rule of retention keeps, and what no rule "
            "keeps of their parts.",
        )
        parser.add_argument(
            "--force",
            action="store_true",
            help="Proceeds even if a media folder is empty, or more files are gone since the last "
            "run than MEDIA_MAX_DELETE allows.",
        )
        add_retries(parser, "a failed backup of a database")
        add_jobs(parser, "Backs up to N databases at once.")

    def handle(
        self,
        *args: Any,
        database: str | list[str] | None,
        exclude_database: str | list[str] | None,
        source: str | list[str] | None,
        verify: bool,
        clean: bool,
        force: bool,
        retries: int,
        jobs: int,
        verbosity: int,
        **options: Any,
    ) -> None:
        from ...operations.databases import every_database
        from ...operations.site.backup import backup_site

        console = self.console(verbosity)
        wanted = names_in(database) or every_database(console=console)
        aliases = [alias for alias in wanted if alias not in names_in(exclude_database)]
        if not aliases:
            raise CommandError("No database is left to back up.", returncode=EXIT_USAGE)
        backup_site(
            aliases,
            chosen_sources(source),
            sender=type(self),
            retries=retries,
            verify=verify,
            jobs=jobs,
            force=force,
            clean=clean,
            console=console,
        )
