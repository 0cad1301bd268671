"""``manage.py dbverify``: prove that backups can be restored."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import connections

from ...backups.rehearsal import Rehearsal
from ..base import EXIT_USAGE, RcloneCommand
from ..formatting import duration
from ..numbers import add_sessions


class Command(RcloneCommand):
    help = (
        "Proves that backups can be restored: each is restored into a scratch place, compared with "
        "its manifest, questioned, and dropped. Live databases are not touched."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "-d",
            "--database",
            choices=tuple(connections),
            help="Nominates the database whose backups to verify. Defaults to every database.",
        )
        which = parser.add_mutually_exclusive_group()
        which.add_argument(
            "-i",
            "--input",
            metavar="NAME",
            dest="name",
            help="Names the backup to verify, as listbackups shows it.",
        )
        which.add_argument(
            "--newest",
            action="store_true",
            help="Verifies the newest backup of each database. This is the default.",
        )
        which.add_argument(
            "--all", action="store_true", dest="every", help="Verifies every signed backup."
        )
        parser.add_argument(
            "--remote-only",
            action="store_true",
            help="Reads the backup back and compares size and hash, without a database.",
        )
        add_sessions(parser)

    def handle(
        self,
        *args: Any,
        database: str | None,
        name: str | None,
        every: bool,
        remote_only: bool,
        jobs: int,
        verbosity: int,
        **options: Any,
    ) -> None:
        from ...operations.databases import require_databases
        from ...operations.verify import verify_database, verify_databases

        console = self.console(verbosity)
        aliases = [database] if database else require_databases(console=console)
        if name is None:
            records = verify_databases(
                aliases,
                every=every,
                remote_only=remote_only,
                jobs=jobs,
                sender=type(self),
                console=console,
            )
        elif len(aliases) == 1:
            records = [
                verify_database(
                    aliases[0],
                    name=name,
                    remote_only=remote_only,
                    jobs=jobs,
                    sender=type(self),
                    console=console,
                )
            ]
        else:
            raise CommandError(
                f"There are several databases ({', '.join(aliases)}).\n"
                "Hint: Name the one that the backup is of with -d.",
                returncode=EXIT_USAGE,
            )
        for record in records:
            console.info(_line(record))


def _line(record: Rehearsal) -> str:
    done = record.proof.capitalize()
    compared = ", ".join(record.compared)
    return f"{done} {record.path} in {duration(record.duration)}: {compared}."
