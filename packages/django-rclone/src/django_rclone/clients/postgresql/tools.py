"""The programs of PostgreSQL: where they are, how old they are, and whether that will do."""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from ...exceptions import DumpError, ExecutableNotFound, ProcessError, RestoreError
from ...processes import Command, Process, describe_failure, run

_NUMBER = re.compile(r"\d+(?:\.\d+)*")

_HINTS = {
    "statement timeout": "Another session holds a lock on a table. Try again later, or raise "
    'the option "lock_timeout" of this database in CLIENTS.',
    "permission denied": "The role must be able to read everything; the options "
    '"schemas" and "exclude_tables" limit what is read.',
    "row-level security": "Only the owner of a table that does not force row-level security, "
    "or a role with BYPASSRLS, sees all of its rows.",
}


@dataclass(frozen=True, slots=True)
class Tools:
    """The folder of pg_dump and pg_restore; ``None`` is PATH."""

    folder: str | None

    def find(self, program: str, *, major: int | None = None) -> str:
        """Return a program. Raises ``ExecutableNotFound``, with what brings it."""
        found = shutil.which(program, path=self.folder)
        if found is None:
            where = f"in {self.folder}" if self.folder else "on PATH"
            package = f"postgresql-client-{major}" if major else "postgresql-client"
            raise ExecutableNotFound(
                f"There is no {program} {where}.",
                hint=f"Install it (Debian, Ubuntu: `apt install {package}`), or name its "
                'folder by the option "tools_folder" of this database in CLIENTS.',
            )
        return found

    def version(self, program: str, *, major: int | None = None) -> str:
        """Return what a program calls its version, such as ``"16.4"``."""
        command = Command(argv=(self.find(program, major=major), "--version"))
        said = run(Process(command)).decode("utf-8", "replace")
        match = _NUMBER.search(said.partition(")")[2])
        return match[0] if match else ""

    def folder_hint(self, major: int) -> str:
        """Return what to do for programs of another version."""
        return (
            f"Install postgresql-client-{major} or newer, and name its folder by the option "
            '"tools_folder" of this database in CLIENTS, such as '
            f'"/usr/lib/postgresql/{major}/bin".'
        )


def major(version: str) -> int:
    """Return 15 for ``"15.18"``; 0 for what is no version."""
    match = _NUMBER.match(version)
    return int(match[0].partition(".")[0]) if match else 0


def require_dump_fits(tools: Tools, server: str) -> None:
    """Raise ``DumpError`` for a pg_dump older than the server."""
    version = tools.version("pg_dump", major=major(server))
    if major(version) < major(server):
        raise DumpError(
            f"pg_dump is version {version}, the server is version {server}: "
            "an older pg_dump cannot read a newer server.",
            hint=tools.folder_hint(major(server)),
        )


def require_restore_fits(tools: Tools, server: str, *, dumped_by: str, dumped_from: str) -> None:
    """Raise ``RestoreError`` for a pg_restore or a server older than the dump."""
    version = tools.version("pg_restore", major=major(dumped_by) or major(server))
    if major(version) < major(dumped_by):
        raise RestoreError(
            f"pg_restore is version {version}, the dump was made by pg_dump {dumped_by}: "
            "an older pg_restore cannot read it.",
            hint=tools.folder_hint(major(dumped_by)),
        )
    if major(server) < major(dumped_from):
        raise RestoreError(
            f"The backup is of a server of version {dumped_from}, "
            f"this one is version {server}: PostgreSQL cannot go back.",
            hint=f"Restore to a server of version {major(dumped_from)} or newer.",
        )


def tool_failure(command: Command, returncode: int, tail: Sequence[str]) -> ProcessError:
    """Say how a program ended, and what can be done about it. They have no verbs."""
    error = describe_failure(Command(argv=command.argv[:1]), returncode, tail)
    hint = next((hint for what, hint in _HINTS.items() if what in error.message), "")
    return ProcessError(error.message, hint=hint, returncode=returncode)


def patterns(option: str, names: Sequence[str]) -> list[str]:
    """Return options of pg_dump for names that are quoted already."""
    return [f"{option}={name}" for name in names]
