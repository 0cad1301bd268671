"""What a parent hands down to this process and to the programs it starts, set right.

A parent leaves more behind than it means to: a cron daemon that ignores SIGCHLD, a
web server that blocks SIGTERM, a shell that exports a filter for rclone, a folder
that was removed in the meantime. None of it may change what a backup holds, or keep a
program from being stopped. This module is the only one that decides about:

=================  ========================================================================
signals            a program starts with every signal at its default, and none blocked; we
                   keep ignoring what the parent ignores, but know how our programs ended
environment        passed on, without ``RCLONE_*`` (the room of rclone adds what says where
                   a storage is, and who logs in) and what changes sessions of a database
locale             messages are in English, so that their meaning is recognized
temporary folder   one that exists
working directory  the parent's, or the root if that is gone
umask              the owner may use what is created, and others may never write to it
descriptors        0 to 2 are open; of the others a program gets none that is not meant for it
limits             as many open files as are allowed, since rclone needs many; the limits of
                   processor time and of the size of files are the operator's decision
=================  ========================================================================
"""

import os
import re
import resource
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from .descriptors import reserve_standard_fds

RCLONE_VARIABLE = "RCLONE_"
"""How the names of rclone's variables begin."""

_SESSION = re.compile(
    # https://www.postgresql.org/docs/current/libpq-envars.html: those that are not about
    # where the server is, and who logs in.
    r"PGOPTIONS|PGCLIENTENCODING|PGDATESTYLE|PGTZ|PGGEQO"
    # https://dev.mysql.com/doc/refman/8.4/en/environment-variables.html
    r"|MYSQL_GROUP_SUFFIX|MYSQL_HOME|MARIADB_HOME|MYSQL_DEBUG|LIBMYSQL_PLUGINS"
)
"""The variables by which the programs of a database dump something else, or in another way."""

_OTHERS_MAY_WRITE = 0o002
_OWNER = 0o700
_OPEN_FILES = 4_096

# subprocess itself resets these; Python ignores them in every process.
_RESET_BY_SUBPROCESS = {signal.SIGPIPE, signal.SIGXFSZ}


def environment(additions: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a program: what is passed on, and ``additions``."""
    passed = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(RCLONE_VARIABLE) and not _SESSION.fullmatch(name)
    }
    passed.pop("LANGUAGE", None)
    if "TMPDIR" in passed and not Path(passed["TMPDIR"]).is_dir():
        del passed["TMPDIR"]
    return {**passed, "LC_ALL": "C.UTF-8", **additions}


def left_out() -> tuple[str, ...]:
    """Return the variables of the environment that no program of a database gets."""
    return tuple(sorted(name for name in os.environ if _SESSION.fullmatch(name)))


def start(
    argv: Sequence[str], additions: Mapping[str, str], descriptors: Sequence[int]
) -> subprocess.Popen[bytes]:
    """Start a program with pipes to it, in a session of its own. Raises as ``Popen`` does."""
    reserve_standard_fds()
    with _nothing_blocked():
        return subprocess.Popen(
            # Names on a remote are UTF-8, whatever this process thinks of its own files.
            [argument.encode("utf-8", "surrogateescape") for argument in argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=environment(additions),
            cwd=_other_folder(),
            umask=_right_umask(),
            start_new_session=True,
            pass_fds=descriptors,
        )


@contextmanager
def set_right() -> Iterator[None]:
    """Set right what this process inherited, for the block: a command from start to end."""
    reserve_standard_fds()
    with ExitStack() as stack:
        _hear_ignored_signals(stack)
        _allow_open_files(stack)
        before = os.umask(_right_umask())
        stack.callback(os.umask, before)
        yield


def _hear_ignored_signals(stack: ExitStack) -> None:
    """Let ignored signals be heard by a handler that does nothing.

    To ignore one this way is the same to the parent. But programs start with the
    default, and the system keeps their exit status: with SIGCHLD ignored it forgets
    every one, and a failed program looks like one that succeeded.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in signal.valid_signals() - _RESET_BY_SUBPROCESS:
        if signal.getsignal(number) == signal.SIG_IGN:
            # Those between SIGSYS and SIGRTMIN belong to the C library.
            with suppress(OSError, ValueError):
                signal.signal(number, _hear)
                stack.callback(signal.signal, number, signal.SIG_IGN)


def _hear(number: int, frame: object) -> None:
    """Do nothing."""


def _allow_open_files(stack: ExitStack) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def _nothing_blocked() -> Iterator[None]:
    """Unblock all signals of this thread for a moment: a program would inherit the mask."""
    before = signal.pthread_sigmask(signal.SIG_SETMASK, ())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _other_folder() -> str | None:
    """Return the folder to start programs in, if ours no longer exists."""
    try:
        Path.cwd()
    except OSError:
        return "/"
    return None


def _right_umask() -> int:
    return _umask() & ~_OWNER | _OTHERS_MAY_WRITE


def _umask() -> int:
    with suppress(OSError, StopIteration):
        # https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
        status = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1], 8) for line in status if line.startswith("Umask:"))
    # The only way elsewhere; other threads may create a file at that moment.
    before = os.umask(0o077)
    os.umask(before)
    return before
