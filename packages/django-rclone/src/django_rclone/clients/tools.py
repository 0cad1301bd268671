"""The programs of database vendors: finding them, asking for their versions, their failures."""

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..exceptions import ExecutableNotFound, ProcessError
from ..processes import Command, Process, describe_failure, run

_VERSION = re.compile(r"(\d+)(?:\.(\d+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramFinder:
    """Finds the programs of one vendor in ``folder``, or on PATH if that is ``None``."""

    folder: str | None

    def find(self, *names: str, install: str) -> str:
        """Return the first of the programs ``names`` that exists.

        Raises ``ExecutableNotFound``; ``install`` says what brings it.
        """
        for name in names:
            if found := shutil.which(name, path=self.folder):
                return found
        where = f"in {self.folder}" if self.folder else "on PATH"
        raise ExecutableNotFound(
            f"Cannot find {' or '.join(names)} {where}.",
            hint=f"{install}, or name the folder of the programs with the option "
            '"tools_folder" of this database in CLIENTS.',
        )


def output_of(*argv: str) -> str:
    """Return what a program prints on stdout. Raises ``ProcessError``."""
    return run(Process(Command(argv=argv))).decode("utf-8", "replace")


def series(version: str) -> tuple[int, int]:
    """Return ``(10, 11)`` for ``"10.11.18-MariaDB"``, ``(0, 0)`` if there is no number."""
    match = _VERSION.match(version)
    return (int(match[1]), int(match[2] or 0)) if match else (0, 0)


def failure_describer(
    hints: Mapping[str, str], relevant: Callable[[Sequence[str]], Sequence[str]] = lambda tail: tail
) -> Callable[[Command, int, Sequence[str]], ProcessError]:
    """Return what describes the end of a vendor's program, for ``Process(failure=...)``.

    ``hints`` maps a part of the message to what to do about it; ``relevant`` picks the
    lines to show from the last ones on stderr. The programs have no subcommands, so that
    only their name is shown, never an argument.
    """

    def describe(command: Command, returncode: int, tail: Sequence[str]) -> ProcessError:
        shown = Command(argv=command.argv[:1])
        error = describe_failure(shown, returncode, relevant(tail))
        hint = next((hint for part, hint in hints.items() if part in error.message), "")
        return ProcessError(error.message, hint=hint, returncode=returncode)

    return describe
