"""A program to run, and what its failures are called."""

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..exceptions import ProcessError

SECRET_FILE = "{secret file}"
"""The placeholder in ``argv`` for the name of a file that contains ``Command.secret``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A program to run. ``env`` is added to what ``inheritance`` passes on, and is never shown.

    ``secret`` (at most 4,096 bytes) is for programs that read passwords from a file: it
    is written to a pipe, whose name replaces ``SECRET_FILE`` in ``argv``.
    """

    argv: tuple[str, ...]
    name: str = ""
    """What errors call it, if not the program and its verb."""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret: bytes = field(default=b"", repr=False)

    @property
    def title(self) -> str:
        """The program and its verb, such as ``rclone rcat``."""
        return self.name or " ".join([Path(self.argv[0]).name, *self.argv[1:2]])


DescribeFailure = Callable[[Command, int, Sequence[str]], ProcessError]


def describe_failure(command: Command, returncode: int, tail: Sequence[str]) -> ProcessError:
    """Return the error of a failed program, with the last lines of its stderr."""
    how = f"exited with {returncode}" if returncode >= 0 else f"was killed by {_name(-returncode)}"
    message = "\n".join([f"{command.title} {how}.", *tail])
    return ProcessError(message, returncode=returncode)


def lost(command: Command, kind: type[ProcessError]) -> ProcessError:
    """Return the error of a program whose exit status somebody else has collected."""
    return kind(
        f"{Path(command.argv[0]).name} ended, but its exit status was lost: it may have failed.",
        hint="Something in this process collects the status of programs that it did not start, "
        "or ignores SIGCHLD. Run the command in a process of its own.",
    )


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


@dataclass(frozen=True, slots=True)
class StallTimeout:
    """How many seconds a program may go without any progress, and the setting with that limit."""

    seconds: float
    setting: str

    def error(self, command: Command, error: ProcessError) -> ProcessError:
        """Return the error of a stalled program from that of the program being stopped."""
        return type(error)(
            f"{command.title} made no progress for {self.seconds:g} seconds and was stopped.\n"
            f"{error.message}",
            hint=f"Find out what it was waiting for, or raise {self.setting}.",
            returncode=error.returncode,
        )
