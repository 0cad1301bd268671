"""``manage.py dbbackup``: back up databases."""

import time
from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from ... import conf
from ...exceptions import DjangoRcloneError, InvalidSettings
from ...operations.backup import backup_database
from ...operations.prune import prune_database
from ...redaction import redact
from ..base import EXIT_PRUNE_FAILED, EXIT_USAGE, RcloneCommand, TerminalConsole
from ..formatting import duration, plain, size

_MOST_RETRIES = 10

_Failure = tuple[str, DjangoRcloneError | InvalidSettings]


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
            help="Backs up every database in DATABASES.",
        )
        parser.add_argument(
            "--clean",
            action="store_true",
            help="Afterwards deletes the backups beyond the newest DB_CLEANUP_KEEP.",
        )

        parser.add_argument(
            "--retries",
            type=_count,
            default=0,
            metavar="N",
            help="Begins a backup that failed anew, up to N times. Defaults to 0.",
        )

    def handle(
        self,
        *args: Any,
        database: str | list[str] | None,
        all_databases: bool,
        clean: bool,
        retries: int,
        verbosity: int,
        **options: Any,
    ) -> None:
        console = self.console(verbosity)
        conf.load()
        failures: list[_Failure] = []
        unpruned: list[_Failure] = []
        for alias in _aliases(database, all_databases):
            try:
                path = self._back_up(alias, retries, console)
            except (DjangoRcloneError, InvalidSettings) as error:
                failures.append((alias, error))
                continue
            if clean:
                try:
                    self._prune(alias, path, console)
                except DjangoRcloneError as error:
                    unpruned.append((alias, error))
        _raise_first(failures, unpruned)

    def _back_up(self, alias: str, retries: int, console: TerminalConsole) -> str:
        console.say(f"Backing up database {alias!r} ...")
        clock = time.monotonic()
        backup = backup_database(alias, sender=type(self), retries=retries, console=console)
        took = duration(time.monotonic() - clock)
        console.say(f"Stored {backup.path} ({size(backup.size)} in {took}).")
        return backup.path

    def _prune(self, alias: str, spare: str, console: TerminalConsole) -> None:
        pruned = prune_database(alias, sender=type(self), spare=spare, console=console)
        for path in [*(backup.path for backup in pruned.backups), *pruned.leftovers]:
            console.say(f"Deleted {path}.")


def _count(text: str) -> int:
    """Return a number of tries, within reason."""
    if not (text.isascii() and text.isdigit() and int(text) <= _MOST_RETRIES):
        raise ArgumentTypeError(f"must be a whole number from 0 to {_MOST_RETRIES}")
    return int(text)


def _aliases(database: str | list[str] | None, all_databases: bool) -> list[str]:
    if all_databases:
        if database:
            problem = "--all and --database exclude each other."
            raise CommandError(problem, returncode=EXIT_USAGE)
        return list(conf.database_aliases())
    if not database:
        return [DEFAULT_DB_ALIAS]
    # call_command() may be given a plain string.
    return [database] if isinstance(database, str) else list(dict.fromkeys(database))


def _raise_first(failures: list[_Failure], unpruned: list[_Failure]) -> None:
    """Tell everything that failed; the first failed backup decides the exit status."""
    told = [f"Database {alias!r} was not backed up: {error}" for alias, error in failures]
    told += [f"Old backups of {alias!r} were not cleaned up: {error}" for alias, error in unpruned]
    if told:
        code = failures[0][1].exit_code if failures else EXIT_PRUNE_FAILED
        cause = (failures or unpruned)[0][1]
        raise CommandError(plain(redact("\n".join(told))), returncode=code) from cause
