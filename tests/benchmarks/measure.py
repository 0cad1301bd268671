"""Measure one command: seconds, memory, processes, requests, and what the servers did for it."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.remotes import Remote

_RUNNER = Path(__file__).with_name("runner.py")
_STRACE = ("strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=execve", "-e", "signal=none")
_EXEC = re.compile(r'(\d+) +execve\("([^"]+)"')
_RESUMED = re.compile(r"(\d+) +<\.\.\. execve resumed>")
_TICKS = os.sysconf("SC_CLK_TCK")
LIMIT = 3600.0
"""Seconds after which a command is killed."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to run. ``env`` is all of its environment."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path


@dataclass(slots=True, kw_only=True)
class Run:
    """What one run of a command took. Sizes are bytes, times are seconds."""

    wall: float
    cpu: float
    """Of the command and of all that it started."""
    server_cpu: float = 0.0
    """Of the servers of the database and of S3, for the time of the run."""
    own_peak: int = 0
    """The most memory that the first process held."""
    largest_peak: int = 0
    """The most that any one process held."""
    total_peak: int = 0
    """The most that all processes held at the same time."""
    stored: int = 0
    """The size of all files that are new at the remote, or were written again."""
    requests: int | None = None
    """HTTP requests, where the remote is behind the proxy."""
    round_trips: int | None = None
    """Requests one after the other: the longest chain of which none began before the last ended."""
    error: str = ""
    """Why it failed, or how the result is wrong; empty if it is right."""
    remark: str = ""
    output: str = field(default="", repr=False)

    def as_json(self) -> dict[str, Any]:
        values = asdict(self)
        del values["output"]
        return values


def measure(command: Command, remote: Remote | None = None, servers: Sequence[int] = ()) -> Run:
    """Run a command to its end. A failure is in ``error``.

    ``servers`` are processes that work for the command without being started by it.
    """
    pids = [*servers, *(remote.pids if remote else ())]
    before, busy = remote.files() if remote else {}, cpu_of(pids)
    if remote:
        remote.forget_requests()
    answer, said, complaint = _run(command)
    run = Run(
        wall=answer["wall"],
        cpu=answer["cpu"],
        server_cpu=cpu_of(pids) - busy,
        own_peak=answer["own_peak"],
        largest_peak=answer["largest_peak"],
        total_peak=answer["total_peak"],
        output=said,
    )
    if remote:
        after = remote.files().items()
        run.stored = sum(facts[0] for path, facts in after if before.get(path) != facts)
        run.requests, run.round_trips = remote.requests()
    if answer["code"] != 0:
        run.error = f"exit status {answer['code']}: {last_words(complaint)}"
    elif answer["left"]:
        run.error = f"it left {answer['left']} processes behind"
    return run


def programs_started(command: Command) -> Counter[str] | None:
    """Run a command under strace, and return which programs were started and how often.

    ``None`` without strace. The run is not timed.
    """
    if shutil.which("strace") is None:
        return None
    with tempfile.NamedTemporaryFile("r", errors="replace") as log:
        _run(Command((*_STRACE, "-o", log.name, *command.argv), command.env, command.cwd))
        return started_in(log)


def started_in(log: Iterable[str]) -> Counter[str]:
    """Return which programs were started, by the lines of strace: those that did not fail."""
    found: Counter[str] = Counter()
    waiting: dict[str, str] = {}
    for line in log:
        if match := _EXEC.match(line):
            waiting[match[1]] = Path(match[2]).name
        elif match := _RESUMED.match(line):
            pass  # another process came in between
        else:
            continue
        if line.rstrip().endswith(" = 0"):
            found[waiting[match[1]]] += 1
    return found


def cpu_of(pids: Sequence[int]) -> float:
    """Return the seconds that processes and what they started have used so far."""
    total, asked = 0, list(pids)
    while asked:
        pid = asked.pop()
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            tasks = list(Path(f"/proc/{pid}/task").iterdir())
            asked += [int(child) for task in tasks for child in _children(task)]
        except OSError:
            continue
        # utime, stime, and those of children that were waited for: proc(5), fields 14 to 17.
        total += sum(map(int, fields[11:15]))
    return total / _TICKS


def _children(task: Path) -> list[str]:
    return (task / "children").read_text().split()


def _run(command: Command) -> tuple[dict[str, Any], str, str]:
    """Return the runner's answer, and what the command wrote to stdout and stderr."""
    os.sync()
    with tempfile.TemporaryDirectory(prefix="bench-run-") as name:
        out, err = Path(name, "out"), Path(name, "err")
        orders: dict[str, Any] = {"argv": list(command.argv), "cwd": str(command.cwd)}
        orders |= {"env": dict(command.env), "stdout": str(out), "stderr": str(err)}
        with subprocess.Popen(
            [sys.executable, "-I", "-S", str(_RUNNER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as runner:
            assert runner.stdin is not None
            assert runner.stdout is not None
            runner.stdin.write(json.dumps({**orders, "seconds": LIMIT}).encode() + b"\n")
            runner.stdin.flush()
            said = runner.stdout.read()
        return json.loads(said), out.read_text(errors="replace"), err.read_text(errors="replace")


def last_words(text: str) -> str:
    """Return the last two lines of what was complained of; before them may be a traceback."""
    return " ".join(text.strip().splitlines()[-2:])[-300:] or "it says nothing"
