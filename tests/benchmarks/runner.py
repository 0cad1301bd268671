"""Run one command to its end, and tell what it and all that it started have used. A program.

It imports little, since a child's peak of memory begins with that of its parent (Linux:
``getrusage(2)``, ``ru_maxrss`` survives ``exec``). As the "subreaper" (``prctl(2)``) of the
command it gets the processes that others have left, so that their seconds count too.

The first line of stdin is JSON: ``argv``, ``cwd``, ``env``, ``stdout``, ``stderr`` (files),
``seconds`` (the limit). The answer, on stdout, is JSON as well. When stdin ends before,
because the benchmark was killed, the command is killed too.
"""

import ctypes
import json
import os
import resource
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

_SET_CHILD_SUBREAPER = 36
_EVERY = 0.03
_LEFTOVERS_END = 10.0
_CANNOT_START = 127
"""As the shell has it."""


class Tree:
    """All processes below this one, looked at now and then."""

    def __init__(self) -> None:
        self.total = 0
        self.largest = 0
        self.own = 0

    def look(self, root: int) -> None:
        """Take note of the memory that is held now; ``root`` is the command itself."""
        found = descendants()
        held = [_memory(pid) for pid in found]
        self.total = max(self.total, sum(resident for resident, _ in held))
        self.largest = max(self.largest, *(peak for _, peak in held), 0)
        self.own = max(self.own, _memory(root)[1])


def main() -> None:
    """Run, watch, and print."""
    orders = json.loads(_first_line())
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    tree = Tree()
    code, took = _run(orders, tree)
    left = _reap()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        json.dumps(
            {
                "code": code,
                "wall": took,
                "cpu": used.ru_utime + used.ru_stime,
                "own_peak": tree.own,
                "largest_peak": max(used.ru_maxrss * 1024, tree.largest),
                "total_peak": tree.total,
                "left": left,
            }
        )
    )


def _run(orders: dict[str, Any], tree: Tree) -> tuple[int, float]:
    """Run the command; return its exit status and the seconds."""
    with Path(orders["stdout"]).open("wb") as out, Path(orders["stderr"]).open("wb") as err:
        started = time.perf_counter()
        try:
            process = subprocess.Popen(
                orders["argv"],
                cwd=orders["cwd"],
                env=orders["env"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        except OSError as error:
            err.write(str(error).encode())
            return _CANNOT_START, 0.0
        return _watch(process, tree, started, orders["seconds"])


def _watch(
    process: "subprocess.Popen[bytes]", tree: Tree, started: float, limit: float
) -> tuple[int, float]:
    """Wait for the end, and return the exit status and the seconds; -1 after the limit."""
    done = threading.Event()

    def sample() -> None:
        while not done.wait(_EVERY):
            tree.look(process.pid)

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        code = process.wait(limit)
    except subprocess.TimeoutExpired:
        kill_all()
        process.wait()
        code = -1
    took = time.perf_counter() - started
    done.set()
    sampler.join()
    return code, took


def _reap() -> int:
    """Wait for what the command has left behind; kill it at last, and return how many."""
    deadline = time.monotonic() + _LEFTOVERS_END
    left = 0
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return left
        if pid == 0:
            if time.monotonic() > deadline:
                left += kill_all()
            time.sleep(0.01)


def descendants() -> list[int]:
    """Return the processes below this one, however deep."""
    found: list[int] = []
    asked = [os.getpid()]
    while asked:
        children = _children(asked.pop())
        found += children
        asked += children
    return found


def kill_all() -> int:
    """Kill the processes below this one, and return how many there were."""
    found = descendants()
    for pid in found:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(found)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):  # it may just have ended
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


def _memory(pid: int) -> tuple[int, int]:
    """Return the bytes that a process holds, and the most that it ever held."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0, 0
    values = dict(line.split(":", 1) for line in status.splitlines() if line.startswith("Vm"))
    resident, peak = (int(values.get(name, "0 kB").split()[0]) for name in ("VmRSS", "VmHWM"))
    return resident * 1024, peak * 1024


def _first_line() -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        if not (some := os.read(0, 65_536)):
            raise EOFError("no orders on stdin")
        line += some
    return line


def _end_with_parent() -> None:
    os.read(0, 1)  # not sys.stdin, whose lock would be held when the interpreter ends
    kill_all()
    os._exit(1)


if __name__ == "__main__":
    main()
