"""The MongoDB Database Tools: finding them, their versions, their failures."""

import re
from collections.abc import Sequence

from ...exceptions import ProcessError
from ..tools import ProgramFinder, failure_describer, output_of, series

DUMP = "mongodump"
RESTORE = "mongorestore"

_OLDEST = (100, 3)
"""The first that read a connection string from a file."""
_INSTALL = (
    "Install the MongoDB Database Tools (https://www.mongodb.com/docs/database-tools/installation/)"
)
_VERSION = re.compile(r"version: r?(\d+\.\d+(?:\.\d+)?)")
_TIMESTAMP = re.compile(r"^\d{4}-\d\d-\d\dT\S+\s+")
_HINTS = {
    "uthentication failed": "Correct USER, PASSWORD and authSource of this database.",
    "not authorized": "The role lacks a privilege: see the MongoDB page of the documentation.",
    "server selection error": "Correct HOST and PORT of this database, or start the server.",
}


def find(programs: ProgramFinder, name: str) -> str:
    """Return the path of a program. Raises ``ExecutableNotFound``."""
    return programs.find(name, install=_INSTALL)


def version_of(programs: ProgramFinder, name: str) -> str:
    """Return the version of a program, such as ``"100.10.0"``.

    Raises ``ProcessError`` if it is too old, or missing.
    """
    match = _VERSION.search(output_of(find(programs, name), "--version"))
    version = match[1] if match else "of an unknown version"
    if series(version) < _OLDEST:
        raise ProcessError(
            f"{name} is {version}, {_OLDEST[0]}.{_OLDEST[1]} or newer is needed: "
            "older ones would show the password to every user of the machine.",
            hint=f"{_INSTALL} in a newer version.",
        )
    return version


def _relevant(tail: Sequence[str]) -> Sequence[str]:
    """Return the lines about errors, else the last ones: not progress, and no values of documents."""
    lines = [_without_values(_TIMESTAMP.sub("", line)) for line in tail]
    return [line for line in lines if _is_about_errors(line)] or lines[-3:]


def _is_about_errors(line: str) -> bool:
    return re.search(r"\b(Failed|[Ee]rror|could not|cannot|can't)\b", line) is not None


def _without_values(line: str) -> str:
    return re.sub(r"\b(dup key|to execute command)\b.*", r"\1", line)


tool_failure = failure_describer(_HINTS, _relevant)
