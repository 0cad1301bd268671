"""One cell: an operation on an engine and a remote, run under a fault, and the verdict on it."""

import json
import os
import re
import secrets
import signal
import subprocess
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from django_rclone.scratch import PREFIX
from tests.faults.endpoints import Endpoint
from tests.settings import SECRET_KEY
from tests.support.databases import Database
from tests.support.incompressible import incompressible
from tests.support.processes import MARK, arguments, marked, wait_until, wait_until_gone
from tests.support.signal_recorder import SignalRecorder
from tests.support.site import DjangoSite, snapshot

COMMANDS: dict[str, tuple[str, ...]] = {
    "backup": ("dbbackup",),
    "restore": ("dbrestore", "--noinput"),
    "media backup": ("mediabackup", "--force"),
    "media restore": ("mediarestore", "--noinput", "--delete", "--force"),
    "retention": ("dbbackup", "--clean"),
    "listing": ("listbackups",),
}
LOCKED = 6
"""The exit status of a run that gave way to another."""

MAIN_CALL = {
    "backup": ("rcat", "*.zst"),
    "restore": ("cat", "*.zst"),
    "media backup": ("copy", "*"),
    "media restore": ("copy", "*"),
    "retention": ("deletefile", "*.zst"),
    "listing": ("lsjson", "*"),
}
"""The call of rclone that does the work of an operation, and how its last argument looks."""

_RECORD = """
import json
from django_rclone.signals import operation_changed
def record(event, **kwargs):
    with open({path!r}, "a") as file:
        line = [event.operation, event.state, event.error_message, event.target_state]
        print(json.dumps(line), file=file, flush=True)
operation_changed.connect(record)
"""


@dataclass(frozen=True)
class SentEvent:
    """One event, as far as it matters."""

    operation: str
    state: str
    error: str | None
    target_state: str | None


@dataclass
class Outcome:
    """How a command ended."""

    status: int
    output: str
    events: list[SentEvent]


Inject = Callable[["Cell"], AbstractContextManager[None]]
Interrupt = Callable[["Cell", "subprocess.Popen[str]"], None]


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What must come of a fault."""

    status: frozenset[int] = frozenset({1})
    """The exit statuses that are right. Negative: killed."""
    message: str = ""
    """A pattern of the message of a failure: the cause, or its own words."""
    hint: bool = True
    unclean: bool = False
    """Something may be left, since nobody lived to remove it: the next run does."""
    next_fails: bool = False
    """What is stored is damaged: the next run of the same fails again."""
    companions: int = 0
    """Backups of the same database that other runs create at the same time."""
    spared: int = 0
    """Backups that the next clean-up rightly leaves, besides the newest."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that goes wrong."""

    name: str
    inject: Inject
    """Lets it go wrong for the time of the block."""
    own_process: bool = False
    interrupt: Interrupt | None = None
    """What happens to the command while it runs, in a process of its own."""
    arguments: tuple[str, ...] | None = None
    """Instead of the usual command."""
    expected: Expected = Expected()


def fault(
    name: str,
    inject: Inject,
    message: str = "",
    *,
    status: Collection[int] = (1,),
    own_process: bool = False,
    interrupt: Interrupt | None = None,
    arguments: tuple[str, ...] | None = None,
    **expected: Any,
) -> Fault:
    """Return a fault with what is expected of it, a field of ``Expected`` each."""
    return Fault(
        name=name,
        inject=inject,
        own_process=own_process,
        interrupt=interrupt,
        arguments=arguments,
        expected=Expected(status=frozenset(status), message=message, **expected),
    )


@dataclass
class Cell:
    """The parts of one cell."""

    operation: str
    site: DjangoSite
    endpoint: Endpoint
    temporary: Path
    mark: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def database(self) -> Database:
        database: Database = self.site.database
        return database

    @property
    def command(self) -> tuple[str, ...]:
        return COMMANDS[self.operation]

    # ------------------------------------------------------------------- before

    def prepare(self) -> None:
        """Bring about what the operation works on."""
        self.site.write_media({f"{n}/file {n}.bin": incompressible(60_000, n) for n in range(3)})
        self.new_media = snapshot(self.site.media)
        self.new = self.database.fingerprint()
        if self.operation in ("restore", "retention", "listing"):
            self.run_here("dbbackup")
        if self.operation == "restore":
            self.database.mutate()
        if self.operation == "media restore":
            self.run_here("mediabackup")
            self.site.write_media({"0/file 0.bin": incompressible(60_000, 9), "later": b"later"})
        if self.operation == "retention":
            self.site.rclone["DB_CLEANUP_KEEP"] = 1
        self.old_media = snapshot(self.site.media)
        self.old = self.database.fingerprint()

    def run_here(self, *command: str) -> str:
        return self.site.call(*command, stderr=StringIO())

    def backups(self) -> list[dict[str, Any]]:
        return self.site.backups("-d", "default")

    def runs(self) -> list[dict[str, Any]]:
        return self.site.backups("--media")

    @contextmanager
    def fake_rclone(self, body: str, call: tuple[str, str] | None = None) -> Iterator[None]:
        """Let a script answer one call of rclone; ``$REAL`` is the real one."""
        verb, last = call or MAIN_CALL[self.operation]
        with self.setting("RCLONE_BINARY", ""):
            self.site.fake_rclone(f"{verb}*{last}", body)
            yield

    @contextmanager
    def fake_program(
        self, name: str, body: str | None, answers: dict[str, str] | None = None
    ) -> Iterator[None]:
        """Let a script stand in for a program of the database; see ``DjangoSite``."""
        before = dict(self.database.options)
        self.site.fake_program(name, body, answers)
        try:
            yield
        finally:
            self.database.options.clear()
            self.database.options.update(before)

    @contextmanager
    def setting(self, key: str, value: object) -> Iterator[None]:
        before = dict(self.site.rclone)
        self.site.rclone[key] = value
        try:
            yield
        finally:
            self.site.rclone.clear()
            self.site.rclone.update(before)

    # ------------------------------------------------------------------- during

    def run(self, fault: Fault) -> Outcome:
        command = fault.arguments or self.command
        with fault.inject(self):
            if fault.own_process:
                return self._run_apart(command, fault)
            return self._run_within(command)

    def _run_within(self, command: tuple[str, ...]) -> Outcome:
        errors = StringIO()
        status, output = 0, ""
        with SignalRecorder.connected() as recorder:
            try:
                output = self.site.call(*command, stderr=errors)
            except CommandError as error:
                status, output = error.returncode, str(error)
        events = [
            SentEvent(event.operation, event.state, event.error_message, event.target_state)
            for event in recorder.events
        ]
        return Outcome(status, f"{output}\n{errors.getvalue()}", events)

    def _run_apart(self, command: tuple[str, ...], fault: Fault) -> Outcome:
        path = self.site.folder / "events"
        path.write_text("")
        self.site.extra_settings = _RECORD.format(path=str(path))
        env = {MARK: self.mark, "TMPDIR": str(self.temporary)}
        process = self.site.start(*command, env=env)
        if fault.interrupt is not None:
            fault.interrupt(self, process)
        out, err = process.communicate(timeout=240)
        events = [SentEvent(*json.loads(line)) for line in path.read_text().splitlines()]
        return Outcome(process.returncode, out + err, events)

    def alive(self) -> list[int]:
        """Return the processes of a command that was started in one of its own."""
        return marked(self.mark)

    def child(self, word: str) -> int | None:
        """Return a process of the command with this word in its arguments."""
        for pid in self.alive():
            if any(Path(argument).name == word for argument in arguments(pid)[:2]):
                return pid
        return None


# -------------------------------------------------------------------------- the verdict


def judge(cell: Cell, fault: Fault) -> Outcome:
    """Run a cell, and fail unless all that is promised holds."""
    outcome = cell.run(fault)
    killed = outcome.status < 0
    _judge_status(fault, outcome)
    _judge_words(cell, fault, outcome)
    _judge_events(cell, outcome, killed=killed)
    _judge_live_data(cell, outcome, killed=killed)
    _judge_processes(cell)
    if not (fault.expected.unclean or killed):
        _judge_leftovers(cell, presence=True)
    _judge_remote(cell, fault, outcome)
    _judge_next_run(cell, fault)
    return outcome


def _judge_status(fault: Fault, outcome: Outcome) -> None:
    assert outcome.status in fault.expected.status, f"status {outcome.status}: {outcome.output}"


def _judge_words(cell: Cell, fault: Fault, outcome: Outcome) -> None:
    everything = outcome.output + "".join(event.error or "" for event in outcome.events)
    for secret in filter(None, [cell.database.password, *cell.endpoint.secrets, SECRET_KEY]):
        assert secret not in everything, "a secret shows"
    assert "Traceback" not in outcome.output, outcome.output
    if outcome.status > 0:
        assert re.search(fault.expected.message, outcome.output, re.I | re.S), (
            f"the culprit is not named: {outcome.output}"
        )
        assert len(outcome.output) < 20_000
        if fault.expected.hint:
            assert "Hint: " in outcome.output, f"no hint: {outcome.output}"


def _judge_events(cell: Cell, outcome: Outcome, *, killed: bool) -> None:
    """Every operation that started has one end, and it is the truth."""
    states: dict[str, list[str]] = {}
    for event in outcome.events:
        states.setdefault(event.operation, []).append(event.state)
    for operation, seen in states.items():
        right = (["started"],) if killed else ()
        assert seen in (["started", "succeeded"], ["started", "failed"], *right), (operation, seen)
    if killed or cell.operation == "listing":
        return
    failed = any(event.state == "failed" for event in outcome.events)
    if outcome.status == 0:
        assert outcome.events
        assert not failed
    elif states:
        assert failed
    for event in outcome.events:
        if event.state == "failed" and event.operation == "db_restore":
            expected = "unchanged" if cell.database.fingerprint() == cell.old else "changed"
            assert event.target_state in (expected, "unknown"), event


def _judge_live_data(cell: Cell, outcome: Outcome, *, killed: bool) -> None:
    live = cell.database.fingerprint()
    if cell.operation == "restore" and outcome.status == 0:
        assert live == cell.new
    elif cell.operation == "restore" and (killed or outcome.status > 128):
        assert live in (cell.old, cell.new)
    else:
        assert live == cell.old
    media = _media(cell)
    if cell.operation != "media restore":
        assert media == cell.old_media
    elif outcome.status == 0:
        assert media == cell.new_media
    else:
        for name, content in media.items():
            assert content in (cell.old_media.get(name), cell.new_media.get(name)), name


def _media(cell: Cell) -> dict[str, bytes]:
    """Return the media files, without those that a killed restore had not put in place."""
    files = snapshot(cell.site.media)
    return {name: data for name, data in files.items() if not name.startswith(PREFIX)}


def _judge_processes(cell: Cell) -> None:
    wait_until_gone(cell.alive)


def _judge_leftovers(cell: Cell, *, presence: bool = False) -> None:
    left = [path.name for path in cell.temporary.iterdir()]
    if presence:
        # What tells that a run has ended whose lock the remote did not let go.
        left = [name for name in left if not name.startswith(".django-rclone-run-")]
    assert left == []
    assert cell.database.leftovers() == []


def _judge_remote(cell: Cell, fault: Fault, outcome: Outcome) -> None:
    backups = cell.runs() if cell.operation.startswith("media") else cell.backups()
    if not fault.expected.next_fails:
        doubtful = [backup for backup in backups if not backup["verified"]]
        assert doubtful == [], doubtful
    if cell.operation == "backup" and 0 < outcome.status < 128:
        assert backups == [], "a failed backup is listed"
    if cell.operation == "backup" and outcome.status == 0:
        assert len(backups) == 1 + fault.expected.companions
    if cell.operation == "media backup" and outcome.status == 0:
        # Of several at once the second may begin when the first has ended.
        assert len(backups) == 1 or LOCKED in fault.expected.status


def _judge_next_run(cell: Cell, fault: Fault) -> None:
    """All is well again once the fault is gone, and nothing of it is left."""
    if not fault.expected.next_fails:
        # Not with the single try of a cell: rclone's own retries are a part of it.
        with cell.setting("RCLONE_FLAGS", []):
            again = cell._run_within(cell.command)
        assert again.status == 0, again.output
        if cell.operation == "restore":
            assert cell.database.fingerprint() == cell.new
        if cell.operation == "media restore":
            assert _media(cell) == cell.new_media
        if cell.operation == "retention":
            assert len(cell.backups()) == 1 + fault.expected.spared
    locks = [path for path in cell.endpoint.files() if path.parent.name == "locks"]
    assert locks == []
    _judge_leftovers(cell)


def kill(number: signal.Signals) -> Interrupt:
    """Return an interrupt of the command itself, once its main call of rclone runs."""

    def interrupt(cell: Cell, process: "subprocess.Popen[str]") -> None:
        if _wait_for(cell, process, MAIN_CALL[cell.operation][0]) is not None:
            process.send_signal(number)

    return interrupt


def kill_child(word: str = "") -> Interrupt:
    """Return an interrupt of a program that the command runs."""

    def interrupt(cell: Cell, process: "subprocess.Popen[str]") -> None:
        pid = _wait_for(cell, process, word or MAIN_CALL[cell.operation][0])
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    return interrupt


def _wait_for(cell: Cell, process: "subprocess.Popen[str]", word: str) -> int | None:
    found: list[int | None] = []

    def look() -> bool:
        found[:] = [cell.child(word)]
        return found[0] is not None or process.poll() is not None

    wait_until(look, f"{word} is never started")
    return found[0]
