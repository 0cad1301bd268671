"""Killing a command, or one of the programs it runs, at a random moment.

Processes are found below /proc, by a mark in their environment: Linux only.
"""

import os
import random
import secrets
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ..exceptions import ProcessError
from ..processes import Command, Process, run

PROCESSES = Path("/proc")

_MARK = "DJANGO_RCLONE_SUITE_RUN"
_PATIENCE = 30.0  # seconds until the last process of a killed command must be gone


def run_and_kill(command: Command, *, after: float, which: random.Random) -> bool:
    """Run a command, and kill one of its processes ``after`` so many seconds.

    Return whether the command failed. Raises ``AssertionError`` when a process
    stays behind.
    """
    mark = secrets.token_hex(8)
    marked = replace(command, env={**command.env, _MARK: mark})
    timer = threading.Timer(after, _kill_one, (mark, which))
    timer.start()
    try:
        run(Process(marked))
    except ProcessError:
        return True
    finally:
        timer.cancel()
        timer.join()
        _require_gone(mark)
    return False


def duration_of(command: Command) -> float:
    """Run a command to its end, and return how many seconds it took."""
    clock = time.monotonic()
    run(Process(command))
    return time.monotonic() - clock


def _kill_one(mark: str, which: random.Random) -> None:
    if victims := sorted(_marked(mark)):
        with suppress(ProcessLookupError):
            os.kill(which.choice(victims), signal.SIGKILL)


def _require_gone(mark: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while alive := list(_marked(mark)):
        if time.monotonic() > deadline:
            raise AssertionError(f"processes stay behind a killed command: {alive}")
        time.sleep(0.02)


def _marked(mark: str) -> Iterator[int]:
    wanted = f"{_MARK}={mark}".encode()
    for folder in PROCESSES.glob("[0-9]*"):
        with suppress(OSError):
            is_zombie = (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
            if not is_zombie and wanted in (folder / "environ").read_bytes().split(b"\0"):
                yield int(folder.name)
