"""What all works share: sizes, remotes, engines and contenders, each made when it is asked for."""

import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks import remotes
from tests.benchmarks.contenders import DBBACKUP, DBBACKUP_COMPRESSED, OURS, Contender, Place
from tests.benchmarks.engines import Engine, running
from tests.benchmarks.figures import Series
from tests.benchmarks.remotes import Remote
from tests.benchmarks.sizes import Size
from tests.benchmarks.steps import Progress, Step, measured
from tests.benchmarks.subject import Subject


@dataclass
class Bench:
    """One run of the program."""

    size: Size
    folder: Path
    rounds: int
    stack: ExitStack
    remotes: Sequence[str] = ()
    """Those that were asked for; empty for each work's own."""
    others: Sequence[Contender] = ()
    without: frozenset[str] = frozenset()
    round_trip: float = 0.04
    rate: float = 50e6
    progress: Progress = field(default_factory=Progress)
    series: list[Series] = field(default_factory=list)
    interrupted: bool = False
    _remotes: dict[str, Remote] = field(default_factory=dict)
    _engines: dict[str, Engine] = field(default_factory=dict)

    def facts(self) -> dict[str, object]:
        """Return what a reader must know of how it was measured."""
        return {
            "megabytes": self.size.megabytes,
            "rounds": self.rounds,
            "warm_up": self.size.warm_up,
            "round_trip": self.round_trip,
            "rate": self.rate,
        }

    def remotes_of(self, own: Sequence[str] = ()) -> list[str]:
        """Return on which remotes a work is done."""
        return list(self.remotes or own or self.size.remotes)

    def remote(self, name: str) -> Remote:
        """Return a remote, started at the first need."""
        if name not in self._remotes:
            base = self.folder / f"remote-{name}"
            opened = {
                "folder": lambda: remotes.folder(base),
                "s3": lambda: remotes.s3(base),
                "far": lambda: remotes.far(base, round_trip=self.round_trip, rate=self.rate),
            }[name]()
            self._remotes[name] = self.stack.enter_context(opened)
        return self._remotes[name]

    def engine(self, name: str) -> Engine:
        """Return an engine, started at the first need."""
        if name not in self._engines:
            self.progress.say(f"starting {name}")
            opened = running(name, self.folder / "databases")
            self._engines[name] = self.stack.enter_context(opened)
        return self._engines[name]

    def packages(self) -> list[Contender]:
        """Return the packages for Django, ours first."""
        found = [OURS, DBBACKUP, DBBACKUP_COMPRESSED, *self.others]
        return [one for one in found if one.name not in self.without]

    def place(
        self, work: str, remote: str, subject: Subject | None = None, **more: object
    ) -> Place:
        """Return where contenders work, with the one database of a subject."""
        found: dict[str, object] = {
            "folder": self.folder / "contenders" / work / remote,
            "remote": self.remote(remote),
        }
        if subject is not None:
            database = subject.database
            found["databases"] = {"default": database.settings}
            found["environ"] = subject.engine.environ(database)
            found["path"] = subject.engine.path
        return Place(**{**found, **more})  # type: ignore[arg-type]

    def measure(self, work: str, *steps: Step) -> None:
        """Do the steps one after the other, and keep the figures."""
        for step in steps:
            step.contenders = [one for one in step.contenders if one.name not in self.without]
            self.series += measured(
                work, step, self.rounds, self.progress, warm_up=self.size.warm_up
            )

    def forget(self, work: str, remote: str) -> None:
        """Remove what contenders have stored, and their folders."""
        stored = self.remote(remote).folder
        for path in stored.iterdir():
            shutil.rmtree(path)
        shutil.rmtree(self.folder / "contenders" / work / remote, ignore_errors=True)
