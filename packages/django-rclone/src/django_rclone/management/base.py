"""What the commands share: exit statuses for errors and signals, confirmation, progress."""

import argparse
import contextlib
import sys
import time
from io import StringIO
from typing import Any

from django.core.management.base import BaseCommand, CommandError, OutputWrapper

from .. import conf
from ..console import Console
from ..exceptions import DjangoRcloneError, InvalidSettings, OperationInterrupted
from ..interrupts import deferred_signals, interruptible
from ..processes import set_right
from ..rclone import session
from ..rclone.binary import RcloneBinary
from ..rclone.environment import sentence
from ..redaction import redact
from .formatting import duration, printable
from .formatting import size as formatted_size

EXIT_USAGE = 2
EXIT_DECLINED = 5
_EXIT_INTERRUPTED = 130

# A closed pipe or a full disk behind the output must not break a backup.
_IGNORE_WRITE_ERRORS = contextlib.suppress(OSError, ValueError)

_PROGRESS_DELAY = 1.0  # seconds before progress is shown
_REFRESH = 0.2  # seconds between two updates of it


class RcloneCommand(BaseCommand):
    """A command that turns errors and signals into one message and an exit status."""

    # A broken URL configuration must not keep anyone from backing up or restoring.
    requires_system_checks = []

    def __init__(self, stdout: Any = None, stderr: Any = None, **options: Any) -> None:
        # Python has neither where the caller closed them.
        super().__init__(
            stdout or sys.stdout or StringIO(), stderr or sys.stderr or StringIO(), **options
        )

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command; see ``BaseCommand``. Raises ``CommandError``."""
        try:
            with set_right(), deferred_signals(), session():
                self._warn_of_environment(int(options.get("verbosity", 1)))
                return super().execute(*args, **options)
        except (DjangoRcloneError, InvalidSettings) as error:
            raise CommandError(printable(redact(str(error))), returncode=error.exit_code) from error
        except OperationInterrupted as error:
            raise CommandError(str(error), returncode=error.exit_code) from None
        except KeyboardInterrupt:
            # Set by run_from_argv() alone: code that calls a command sees its own Ctrl-C.
            if not getattr(self, "_called_from_command_line", False):
                raise
            raise CommandError("Interrupted.", returncode=_EXIT_INTERRUPTED) from None

    def console(self, verbosity: int) -> "TerminalConsole":
        """Return the console that operations report their steps to."""
        return TerminalConsole(self.stdout, self.stderr, self.style.WARNING, verbosity)

    def _warn_of_environment(self, verbosity: int) -> None:
        # What is wrong with the settings or with rclone is said by the command itself.
        with contextlib.suppress(DjangoRcloneError, InvalidSettings):
            if names := RcloneBinary(conf.load()).left_out:
                self.console(verbosity).warn(sentence(names))

    def write_result(self, text: str) -> None:
        """Print what was asked for. Raises ``CommandError`` when it cannot be written."""
        try:
            self.stdout.write(text)
        except (OSError, ValueError) as error:
            raise CommandError(f"The output cannot be written: {error}.") from None

    def confirm(self, question: str, *, interactive: bool) -> None:
        """Ask the operator. Raises ``CommandError`` unless the answer is yes."""
        if not interactive:
            return
        if sys.stdin is None or not sys.stdin.isatty():
            raise CommandError(
                "There is no terminal to ask for confirmation.\n"
                "Hint: Add --noinput to proceed without confirmation.",
                returncode=EXIT_DECLINED,
            )
        self.stdout.write(printable(question))
        try:
            with interruptible():
                answer = input("Continue? [y/N] ")
        except EOFError:
            answer = ""
        if answer.strip().lower() not in ("y", "yes"):
            raise CommandError("Nothing was changed.", returncode=EXIT_DECLINED)


def add_noinput(parser: argparse.ArgumentParser) -> None:
    """Add ``--noinput``, as Django's own commands have it."""
    parser.add_argument(
        "--noinput",
        "--no-input",
        action="store_false",
        dest="interactive",
        help="Tells Django to NOT prompt the user for input of any kind.",
    )


def add_verification_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that widen the choice of backups to restore."""
    parser.add_argument(
        "--from-environment",
        metavar="NAME",
        help="Restores a backup made in another environment, the one of this name.",
    )
    parser.add_argument(
        "--unverified",
        action="store_true",
        help="Accepts a backup without a valid manifest. It may be damaged or forged.",
    )


class TerminalConsole(Console):
    """Prints steps and warnings, and on a terminal the progress of whatever takes long."""

    def __init__(
        self, out: OutputWrapper, err: OutputWrapper, style_warning: Any, verbosity: int
    ) -> None:
        self._out = out
        self._err = err
        self._style_warning = style_warning
        self._quiet = verbosity < 1
        self._animated = not self._quiet and err.isatty()
        self._started = time.monotonic()
        self._shown = 0.0

    def backing_up(self, alias: str) -> None:
        """Print that the backup of a database begins."""
        self.info(f"Backing up database {alias!r} ...")

    def same_database(self, alias: str, twin: str) -> None:
        """Print that a database is not backed up a second time."""
        self.info(f"Database {alias!r} is the same as {twin!r}, and backed up as that.")

    def stored(self, path: str, size: int) -> None:
        """Print that a backup was made, and how long it took."""
        took = duration(time.monotonic() - self._started)
        self.info(f"Stored {path} ({formatted_size(size)} in {took}).")

    def deleted(self, path: str) -> None:
        """Print that something was deleted."""
        self.info(f"Deleted {path}.")

    def info(self, text: str) -> None:
        """Print a line, and restart the clock for what follows."""
        self._clear()
        self._started = time.monotonic()
        if not self._quiet:
            with _IGNORE_WRITE_ERRORS:
                self._out.write(printable(text))

    def warn(self, text: str) -> None:
        """Print a warning on stderr."""
        self._clear()
        if not self._quiet:
            with _IGNORE_WRITE_ERRORS:
                self._err.write(f"Warning: {printable(text)}", self._style_warning)

    def progress(self, transferred: int) -> None:
        """Show bytes, rate and elapsed time, once a second has passed."""
        now = time.monotonic()
        elapsed = now - self._started
        if not self._animated or elapsed < _PROGRESS_DELAY or now - self._shown < _REFRESH:
            return
        self._shown = now
        line = f"{formatted_size(transferred)}, {formatted_size(int(transferred / elapsed))}/s, {duration(elapsed)}"
        with _IGNORE_WRITE_ERRORS:
            self._err.write(f"\r\x1b[K  {line}", ending="")
            self._err.flush()

    def _clear(self) -> None:
        if self._shown:
            with _IGNORE_WRITE_ERRORS:
                self._err.write("\r\x1b[K", ending="")
            self._shown = 0.0
