"""The MongoDB Database Tools: where they are, how old they are, what they say."""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from ...exceptions import ExecutableNotFound, ProcessError
from ...processes import Command, Process, describe_failure, run

DUMP = "mongodump"
RESTORE = "mongorestore"

_OLDEST = (100, 3)
"""The first that take a connection string from a file."""
_GET = "https://www.mongodb.com/docs/database-tools/installation/"
_VERSION = re.compile(r"version: r?(\d+)\.(\d+)(\.\d+)?")
_STAMP = re.compile(r"^\d{4}-\d\d-\d\dT\S+\s+")

_HINTS = {
    "uthentication failed": "Correct USER, PASSWORD and authSource of this database.",
    "not authorized": "The role lacks a right: see the documentation of MongoDB.",
    "server selection error": "Correct HOST and PORT of this database, or start the server.",
}


@dataclass(frozen=True, slots=True)
class Tools:
    """The folder of the programs; ``None`` is PATH."""

    folder: str | None

    def find(self, name: str) -> str:
        """Return a program. Raises ``ExecutableNotFound``."""
        if found := shutil.which(name, path=self.folder):
            return found
        where = f"in {self.folder}" if self.folder else "on PATH"
        raise ExecutableNotFound(
            f"There is no {name} {where}.",
            hint=f"Install the MongoDB Database Tools ({_GET}), or name their folder by the "
            'option "tools_folder" of this database in CLIENTS.',
        )

    def version(self, name: str) -> str:
        """Return the version of a program, such as ``"100.10.0"``, if it is not too old.

        Raises ``ProcessError``.
        """
        said = run(Process(Command(argv=(self.find(name), "--version")))).decode("utf-8", "replace")
        match = _VERSION.search(said)
        if match and (int(match[1]), int(match[2])) >= _OLDEST:
            return match[0].rpartition(" ")[2]
        found = match[0].rpartition(" ")[2] if match else "of an unknown version"
        raise ProcessError(
            f"{name} is {found}, {_OLDEST[0]}.{_OLDEST[1]} or newer is needed: "
            "older ones would show the password to every user of the machine.",
            hint=f"Install newer MongoDB Database Tools ({_GET}).",
        )


def tool_failure(command: Command, returncode: int, tail: Sequence[str]) -> ProcessError:
    """Say how a program ended, and what can be done about it. They have no verbs.

    What they tell of their progress is left out. So is what may hold values of documents.
    """
    lines = [_without_values(_STAMP.sub("", line)) for line in tail]
    told = [line for line in lines if _is_about_errors(line)] or lines[-3:]
    error = describe_failure(Command(argv=command.argv[:1]), returncode, told)
    hint = next((hint for word, hint in _HINTS.items() if word in error.message), "")
    return ProcessError(error.message, hint=hint, returncode=returncode)


def _is_about_errors(line: str) -> bool:
    return re.search(r"\b(Failed|[Ee]rror|could not|cannot|can't)\b", line) is not None


def _without_values(line: str) -> str:
    return re.sub(r"\b(dup key|to execute command)\b.*", r"\1", line)
