"""What the commands share: exit statuses for errors and signals, confirmation, progress."""

import argparse
import contextlib
import gc
import os
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError

from .. import conf
from ..exceptions import DjangoRcloneError, InvalidSettings, OperationInterrupted
from ..interrupts import deferred_signals, interruptible
from ..processes import set_right
from ..redaction import redact
from .formatting import printable
from .terminal import Screen, TerminalConsole

EXIT_USAGE = 2
EXIT_DECLINED = 5
_EXIT_INTERRUPTED = 130
_STEPS = 2
"""The verbosity up to which only our own steps are shown."""


class RcloneCommand(BaseCommand):
    """A command that turns errors and signals into one message and an exit status."""

    # A broken URL configuration must not keep anyone from backing up or restoring.
    requires_system_checks = []
    needs_rclone = True
    """Whether it always asks the remote of the settings."""

    def __init__(self, stdout: Any = None, stderr: Any = None, **options: Any) -> None:
        # Python has neither where the caller closed them.
        super().__init__(
            stdout or sys.stdout or StringIO(), stderr or sys.stderr or StringIO(), **options
        )

    def run_from_argv(self, argv: list[str]) -> None:
        """Run the command as the program does; see ``BaseCommand``."""
        try:
            super().run_from_argv(argv)
        finally:
            for stream in (sys.stdout, sys.stderr):
                _give_up_unwritten(stream)
            # The process ends. To look for garbage among all modules takes Python longer
            # than an upload: https://docs.python.org/3/library/gc.html#gc.freeze.
            if sys.implementation.name == "cpython":
                gc.freeze()

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command; see ``BaseCommand``. Raises ``CommandError``."""
        # What only the work itself needs is imported with it: --help is quick.
        from ..rclone import session
        from ..rclone.overhearing import overheard
        from ..rclone.waits import shown

        verbosity = int(options.get("verbosity", 1))
        try:
            listening = (
                overheard(self._show_wait) if verbosity > _STEPS else contextlib.nullcontext()
            )
            with set_right(), deferred_signals(), session(), shown(self._show_wait), listening:
                self._begin_rclone(self.console(verbosity))
                return super().execute(*args, **options)
        except (DjangoRcloneError, InvalidSettings) as error:
            text = printable(redact(_with_notes(str(error), error)))
            raise CommandError(text, returncode=error.exit_code) from error
        except OperationInterrupted as error:
            raise CommandError(_with_notes(str(error), error), returncode=error.exit_code) from None
        except KeyboardInterrupt as error:
            # Set by run_from_argv() alone: code that calls a command sees its own Ctrl-C.
            if not getattr(self, "_called_from_command_line", False):
                raise
            raise CommandError(
                _with_notes("Interrupted.", error), returncode=_EXIT_INTERRUPTED
            ) from None

    def console(self, verbosity: int) -> TerminalConsole:
        """Return the console that operations report their steps to."""
        # The last one draws the progress that a wait must not run into.
        self._console = TerminalConsole(
            Screen(self.stdout, self.stderr, self.style.WARNING, verbosity)
        )
        return self._console

    def _show_wait(self, sentence: str) -> None:
        self._console.waiting(sentence)

    def _begin_rclone(self, console: TerminalConsole) -> None:
        """Start rclone, and warn of what it does not get of the environment.

        It takes requests by the time that the work itself is imported.
        """
        from ..rclone.binary import RcloneBinary
        from ..rclone.environment import sentence
        from ..rclone.sessions import begin

        # What is wrong with the settings or with rclone is said by the command itself.
        with contextlib.suppress(DjangoRcloneError, InvalidSettings):
            rclone = RcloneBinary(conf.load())
            if names := rclone.left_out:
                console.warn(sentence(names))
            if self.needs_rclone:
                begin(rclone)

    def write_result(self, text: str) -> None:
        """Print what was asked for. Raises ``CommandError`` when it cannot be written."""
        try:
            self.stdout.write(text)
            self.stdout.flush()
        except (OSError, ValueError) as error:
            raise CommandError(f"The output cannot be written: {error}.") from None

    def confirm(self, question: str, *, interactive: bool) -> None:
        """Ask the operator. Raises ``CommandError`` unless the answer is yes."""
        if not interactive:
            return
        require_terminal(
            "There is no terminal to ask for confirmation.",
            hint="Add --noinput to proceed without confirmation.",
        )
        self.stdout.write(printable(question))
        if asked("Continue? [y/N] ").lower() not in ("y", "yes"):
            raise CommandError("Nothing was changed.", returncode=EXIT_DECLINED)


def _give_up_unwritten(stream: TextIO | None) -> None:
    """Let what cannot be written not change the exit status.

    Python tries once more at its end, and exits with 120 if that fails:
    https://docs.python.org/3/library/sys.html#sys.exit.
    """
    if stream is None:
        return
    try:
        stream.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError), Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())


def require_terminal(problem: str, *, hint: str) -> None:
    """Raise ``CommandError`` if there is nobody to ask."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise CommandError(f"{problem}\nHint: {hint}", returncode=EXIT_DECLINED)


def asked(question: str) -> str:
    """Return what the operator answers, without spaces around; nothing at the end of the input."""
    return _answer(question, input).strip()


def asked_unseen(question: str) -> str:
    """Return a secret that the operator types unseen; nothing at the end of the input."""
    # Only a command that asks for secrets needs it.
    import getpass

    return _answer(question, getpass.getpass)


def _answer(question: str, read: Callable[[str], str]) -> str:
    try:
        with interruptible():
            return read(question)
    except EOFError:
        return ""


def _with_notes(text: str, error: BaseException) -> str:
    """Return what is said of an error with its notes, such as what became of the database."""
    return "\n".join([text, *getattr(error, "__notes__", ())])


def names_in(names: str | list[str] | None) -> list[str]:
    """Return the names that an option was given, each once. ``call_command()`` may pass text."""
    if isinstance(names, str):
        return [names] if names else []
    return list(dict.fromkeys(names or ()))


def add_noinput(parser: argparse.ArgumentParser) -> None:
    """Add ``--noinput``, as Django's own commands have it."""
    parser.add_argument(
        "--noinput",
        "--no-input",
        action="store_false",
        dest="interactive",
        help="Tells Django to NOT prompt the user for input of any kind.",
    )


def add_foreign(parser: argparse._ActionsContainer) -> None:
    """Add ``--foreign``."""
    parser.add_argument(
        "--foreign",
        metavar="PATH",
        help="Restores what another tool stored: its path on the remote, as listbackups --foreign "
        "shows it. It may be damaged or forged.",
    )


def add_environment(parser: argparse.ArgumentParser) -> None:
    """Add ``--from-environment``."""
    parser.add_argument(
        "--from-environment",
        metavar="NAME",
        help="Restores a backup made in another environment, the one of this name.",
    )


def add_verification_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that widen the choice of backups to restore."""
    add_environment(parser)
    parser.add_argument(
        "--unverified",
        action="store_true",
        help="Accepts a backup without a valid manifest. It may be damaged or forged.",
    )
