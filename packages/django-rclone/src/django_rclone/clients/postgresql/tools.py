"""The programs of PostgreSQL, and which versions of them fit a server and a dump."""

from dataclasses import dataclass

from ...exceptions import ClientError
from ...processes import Command, Process
from ..tools import ProgramFinder, failure_describer, output_of, series
from .recognition import SQL_TEXT, recognized

describe_failure = failure_describer(
    {
        "statement timeout": "Another session holds a lock on a table. Try again later, or raise "
        'the option "lock_timeout" of this database in CLIENTS.',
        "permission denied": "The role must be able to read everything; the options "
        '"schemas" and "exclude_tables" limit what is read.',
        "row-level security": "Only the owner of a table that does not force row-level security, "
        "or a role with BYPASSRLS, sees all of its rows.",
    }
)


@dataclass(frozen=True, slots=True)
class Tools:
    """pg_dump and pg_restore in ``folder``, or on PATH if that is ``None``."""

    folder: str | None

    def find(self, program: str, *, major: int | None = None) -> str:
        """Return a program. Raises ``ExecutableNotFound``; its hint names the package."""
        package = f"postgresql-client-{major}" if major else "postgresql-client"
        install = f"Install it (Debian, Ubuntu: `apt install {package}`)"
        return ProgramFinder(folder=self.folder).find(program, install=install)

    def version(self, program: str, *, major: int | None = None) -> str:
        """Return the version that a program reports, such as ``"16.4"``."""
        output = output_of(self.find(program, major=major), "--version")
        # "pg_dump (PostgreSQL) 16.4 (Debian 16.4-1.pgdg120+1)"
        return (output.partition(")")[2].split() or [""])[0]


def require_dump_fits(tools: Tools, server: str) -> None:
    """Raise ``ClientError`` if pg_dump is older than the server."""
    version = tools.version("pg_dump", major=_major(server))
    if _major(version) < _major(server):
        raise ClientError(
            f"pg_dump is version {version}, the server is version {server}: "
            "an older pg_dump cannot read a newer server.",
            hint=_install_hint(_major(server)),
        )


def require_restore_fits(tools: Tools, server: str, *, dumped_by: str, dumped_from: str) -> None:
    """Raise ``ClientError`` if pg_restore or the server is older than the dump.

    ``dumped_by`` is the version of pg_dump, ``dumped_from`` that of its server; empty if unknown.
    """
    version = tools.version("pg_restore", major=_major(dumped_by) or _major(server))
    if _major(version) < _major(dumped_by):
        raise ClientError(
            f"pg_restore is version {version}, the dump was made by pg_dump {dumped_by}: "
            "an older pg_restore cannot read it.",
            hint=_install_hint(_major(dumped_by)),
        )
    if _major(server) < _major(dumped_from):
        raise ClientError(
            f"The backup is from a server of version {dumped_from}, "
            f"this one is version {server}: PostgreSQL cannot restore to an older version.",
            hint=f"Restore to a server of version {_major(dumped_from)} or newer.",
        )


def _major(version: str) -> int:
    return series(version)[0]


def _install_hint(major: int) -> str:
    return (
        f"Install postgresql-client-{major} or newer, and name its folder with the option "
        f'"tools_folder" of this database in CLIENTS, such as "/usr/lib/postgresql/{major}/bin".'
    )


def printer(tools: Tools, head: bytes) -> Process:
    """Return what prints the script of a dump that begins with ``head``; it is yet to be started.

    Of SQL text the script is the dump itself.
    """
    if recognized(head) == SQL_TEXT:
        return Process(Command(argv=("cat",)))
    # In a single transaction it prints no commits of its own.
    options = ("--file=-", "--format=custom", "--no-owner", "--single-transaction")
    return Process(Command(argv=(tools.find("pg_restore"), *options)), failure=describe_failure)
