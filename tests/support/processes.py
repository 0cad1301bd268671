"""Find, and wait for, the processes that tests start. Linux only: they are found in /proc."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

MARK = "DJANGO_RCLONE_TEST_RUN"
"""A variable whose value is inherited by all that a command starts."""
_PROCESSES = Path("/proc")


def is_running(pid: int) -> bool:
    """Tell whether a process is there, and no zombie that only waits to be buried."""
    try:
        return (_PROCESSES / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def marked(mark: str) -> list[int]:
    """Return the processes that were started with this mark in their environment."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for folder in _PROCESSES.glob("[0-9]*"):
        with suppress(OSError):
            pid = int(folder.name)
            if wanted in (folder / "environ").read_bytes().split(b"\0") and is_running(pid):
                found.append(pid)
    return found


def arguments(pid: int) -> list[str]:
    """Return the command line of a process, or nothing if it has ended."""
    with suppress(OSError):
        return (_PROCESSES / str(pid) / "cmdline").read_text(errors="replace").split("\0")
    return []


def wait_until(find: Callable[[], object], reason: str, *, seconds: float = 240) -> None:
    """Wait until ``find`` finds something. Raises ``AssertionError`` with the reason."""
    deadline = time.monotonic() + seconds
    while not find():
        assert time.monotonic() < deadline, reason
        time.sleep(0.01)


def wait_until_gone(find: Callable[[], object], *, seconds: float = 240) -> None:
    """Wait until ``find`` finds nothing any more.

    Raises ``AssertionError`` with what it still finds when the ``seconds`` are over.
    """
    deadline = time.monotonic() + seconds
    while found := find():
        assert time.monotonic() < deadline, f"still there: {found}"
        time.sleep(0.05)
