"""The programs of MariaDB and MySQL: where they are, whose they are, what they can do."""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from ...exceptions import ExecutableNotFound, ProcessError
from ...processes import Command, Process, describe_failure, run

DUMP = ("mariadb-dump", "mysqldump")
CLIENT = ("mariadb", "mysql")

_VERSION = re.compile(r"(?:Distrib|Ver|from) (\d+\.\d+\.\d+)")
# "mariadb from 11.4.2-MariaDB, client 15.2", "mysql  Ver 15.1 Distrib 10.11.18-MariaDB"
_MARIADB_VERSION = re.compile(r"(\d+\.\d+\.\d+)-MariaDB")

_HINTS = {
    "1044": "The role needs SELECT, SHOW VIEW, TRIGGER, EVENT and LOCK TABLES on the database.",
    "1045": "Correct USER and PASSWORD of this database.",
    "1153": "Raise max_allowed_packet of the server: a row of the backup is larger.",
    "2020": "Raise max_allowed_packet of the server: a row is larger.",
    "1227": "The backup holds views, triggers, routines or events of another definer. Restore "
    "as that role, or as one that may SET USER.",
    "1356": "A view refers to what is not there any more, or to what its definer may not see. "
    "Drop it or mend it.",
}


@dataclass(frozen=True, slots=True)
class Tools:
    """The folder of the programs (``None`` is PATH), and whether the server is MariaDB."""

    folder: str | None
    mariadb: bool

    def find(self, names: tuple[str, str]) -> str:
        """Return a program, by preference the server's own. Raises ``ExecutableNotFound``."""
        for name in names if self.mariadb else names[::-1]:
            if found := shutil.which(name, path=self.folder):
                return found
        where = f"in {self.folder}" if self.folder else "on PATH"
        package = "mariadb-client" if self.mariadb else "mysql-client"
        raise ExecutableNotFound(
            f"There is neither {names[0]} nor {names[1]} {where}.",
            hint=f"Install them (Debian, Ubuntu: `apt install {package}`), or name their "
            'folder by the option "tools_folder" of this database in CLIENTS.',
        )

    def version(self, names: tuple[str, str]) -> str:
        """Return the version of a program as it calls itself, such as ``"10.11.18-MariaDB"``."""
        said = _said(self.find(names), "--version")
        if found := _MARIADB_VERSION.search(said):
            return f"{found[1]}-MariaDB"
        found = _VERSION.search(said)
        return found[1] if found else ""

    def options(self, names: tuple[str, str], wanted: Sequence[str]) -> list[str]:
        """Return those of the options that the program knows."""
        known = _said(self.find(names), "--help")
        return [option for option in wanted if _is_known(option, known)]


def tool_failure(command: Command, returncode: int, tail: Sequence[str]) -> ProcessError:
    """Say how a program ended, and what can be done about it. They have no verbs.

    The client repeats a failing statement, which may hold rows; only what is
    about the error is told.
    """
    told = [_without_rows(line) for line in tail if _is_about_errors(line)] or list(tail[:3])
    error = describe_failure(Command(argv=command.argv[:1]), returncode, told)
    hint = next((hint for code, hint in _HINTS.items() if code in error.message), "")
    return ProcessError(error.message, hint=hint, returncode=returncode)


def is_mariadb(version: str) -> bool:
    """Whether a version is one of MariaDB."""
    return "mariadb" in version.lower()


def series(version: str) -> tuple[int, int]:
    """Return ``(10, 11)`` for ``"10.11.18-MariaDB"``; ``(0, 0)`` for what is no version."""
    match = re.match(r"(\d+)\.(\d+)", version)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _is_about_errors(line: str) -> bool:
    return bool(re.match(r"(ERROR|.*: (Got error|Error|Couldn't|unknown))", line))


def _without_rows(line: str) -> str:
    return re.sub(r"(entry|value:?) '.*'( for )", r"\1\2", line)


def _is_known(option: str, known: str) -> bool:
    name = re.sub(r"^--(skip-)?", "", option).partition("=")[0]
    return re.search(rf"--(\[no-\])?{re.escape(name)}\b", known) is not None


def _said(program: str, option: str) -> str:
    # Defaults files may hold options that this program does not know.
    command = Command(argv=(program, "--no-defaults", option))
    return run(Process(command)).decode("utf-8", "replace")
