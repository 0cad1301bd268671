"""Killing a command, or one of the programs it runs, at a random moment.

Processes are found below /proc, by a mark in their environment: Linux only.
"""

import os
import random
import secrets
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import cycle
from pathlib import Path

from ..exceptions import ProcessError
from ..processes import Command, Process, run

PROCESSES = Path("/proc")

_MARK = "DJANGO_RCLONE_SUITE_RUN"
_LOOK = 0.005  # seconds between two looks at what is running
_PATIENCE = 30.0  # seconds until the last process of a killed command must be gone
_EXTRA_TURNS = 50  # how many more a test takes when every kill came too late


class Killer:
    """Runs a command again and again, and kills one of its programs each time.

    Programs take turns, the command itself among them. Each is killed at a random
    moment of the time in which an undisturbed run has it running. After a kill that
    came too late, the next ones come earlier.
    """

    def __init__(self, command: Command, chance: random.Random) -> None:
        """Run the command once to its end, to learn what it runs, and when."""
        self.killed: Counter[str] = Counter()
        """How often each program was killed, by its name and its verb."""
        self._chance = chance
        self._share = 1.0  # of the time in which a program runs: where in it kills are
        self._mark = secrets.token_hex(8)
        self._command = replace(command, env={**command.env, _MARK: self._mark})
        self._seen: dict[str, list[float]] = {}
        with self._beside(self._note):
            run(Process(self._command))

    @property
    def programs(self) -> list[str]:
        """The names, each with its verb, of what the command runs, and of itself."""
        return sorted(self._seen)

    def turns(self, programs: Sequence[str]) -> Iterator[str]:
        """Yield each of these for ``run()``, and start over until a run has been killed in time.

        Raises ``AssertionError`` if none can be.
        """
        for number, program in enumerate(cycle(programs)):
            if number >= len(programs) and self.killed.total():
                return
            if number >= len(programs) + _EXTRA_TURNS:
                raise AssertionError(f"none of {programs} could be killed while it ran")
            yield program

    def run(self, program: str) -> bool:
        """Run the command and kill one of its programs. Return whether the command failed.

        Raises ``AssertionError`` when a process stays behind.
        """
        with self._beside(lambda ended: self._kill(program, ended)):
            try:
                run(Process(self._command))
            except ProcessError:
                failed = True
            else:
                failed = False
        self._require_gone()
        return failed

    @contextmanager
    def _beside(self, act: Callable[[threading.Event], None]) -> Iterator[None]:
        """Do something in a thread for as long as the block lasts."""
        ended = threading.Event()
        thread = threading.Thread(target=act, args=(ended,))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _note(self, ended: threading.Event) -> None:
        while not ended.wait(_LOOK):
            for title in self._programs().values():
                self._seen.setdefault(title, []).append(time.monotonic())

    def _kill(self, program: str, ended: threading.Event) -> None:
        while program not in self._programs().values():
            if ended.wait(_LOOK):
                return
        seen = self._seen[program]
        before = self.killed[program]
        ended.wait(self._chance.uniform(0, self._share * (seen[-1] - seen[0])))
        for pid, title in self._programs().items():
            if title == program:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    self.killed[title] += 1
        if self.killed[program] == before:
            self._share /= 2

    def _require_gone(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while alive := self._running():
            if time.monotonic() > deadline:
                raise AssertionError(f"processes stay behind a killed command: {alive}")
            time.sleep(_LOOK)

    def _running(self) -> dict[int, str]:
        """Return the titles of all processes of the command."""
        wanted = f"{_MARK}={self._mark}".encode()
        found = {}
        for folder in PROCESSES.glob("[0-9]*"):
            with suppress(OSError, IndexError):
                if wanted in (folder / "environ").read_bytes().split(b"\0"):
                    found[int(folder.name)] = _title(folder)
        return found

    def _programs(self) -> dict[int, str]:
        """Return those that lead a session: the command, and what ``Process`` started for it."""
        return {pid: title for pid, title in self._running().items() if _leads_session(pid)}


def _leads_session(pid: int) -> bool:
    with suppress(ProcessLookupError):
        return os.getsid(pid) == pid
    return False


def _title(folder: Path) -> str:
    """Return ``rclone cat``, or a name alone. Raises ``IndexError`` for what has ended."""
    arguments = (folder / "cmdline").read_text(errors="replace").split("\0")
    name = Path(arguments[0]).name
    if not name:
        raise IndexError
    return f"{name} {arguments[1]}" if name.startswith("rclone") else name
