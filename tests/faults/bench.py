"""One cell: an operation on an engine and a remote, run under a fault, and the verdict on it."""

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from django_rclone.signals import operation_changed
from django_rclone.testing.kills import PROCESSES
from tests.faults.engines import Engine
from tests.faults.noise import noise
from tests.faults.remotes import Place
from tests.support.processes import wait_until_gone
from tests.support.site import Site, snapshot

RCLONE = Path(sys.executable).with_name("rclone")
MARK = "DJANGO_RCLONE_FAULTS_CELL"

COMMANDS: dict[str, tuple[str, ...]] = {
    "backup": ("dbbackup",),
    "restore": ("dbrestore", "--noinput"),
    "media backup": ("mediabackup", "--force"),
    "media restore": ("mediarestore", "--noinput", "--force"),
    "retention": ("dbbackup", "--clean"),
    "listing": ("listbackups",),
}
MAIN_CALL = {
    "backup": ("rcat", "*.zst"),
    "restore": ("cat", "*.zst"),
    "media backup": ("sync", "*"),
    "media restore": ("sync", "*"),
    "retention": ("deletefile", "*.zst"),
    "listing": ("lsjson", "*"),
}
"""The call of rclone that does the work of an operation, and how its last argument looks."""

_TELL = """
import json
from django_rclone.signals import operation_changed
def tell(event, **kwargs):
    with open({path!r}, "a") as file:
        line = [event.operation, event.state, event.error_message, event.target_state]
        print(json.dumps(line), file=file, flush=True)
operation_changed.connect(tell)
"""


@dataclass(frozen=True)
class Told:
    """One event, as far as it matters."""

    operation: str
    state: str
    error: str | None
    target_state: str | None


@dataclass
class Outcome:
    """How a command ended."""

    status: int
    said: str
    told: list[Told]


Inflict = Callable[["Bench"], AbstractContextManager[None]]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that goes wrong, and what must come of it."""

    name: str
    inflict: Inflict
    """Lets it go wrong for the time of the block."""
    status: frozenset[int] = frozenset({1})
    """The exit statuses that are right. Negative: killed."""
    says: str = ""
    """What the message must hold when it fails: the culprit, or its own words."""
    hint: bool = True
    own_process: bool = False
    unclean: bool = False
    """Something may be left, since nobody lived to remove it: the next run does."""
    strike: Callable[["Bench", "subprocess.Popen[str]"], None] | None = None
    """What happens to the command while it runs, in a process of its own."""
    arguments: tuple[str, ...] | None = None
    """Instead of the usual command."""
    next_fails: bool = False
    """The fault lies in what is stored: the next run of the same meets it again."""
    companions: int = 0
    """Backups of the same database that others make meanwhile."""
    spared: int = 0
    """Backups that are rightly left over by the next clean-up, besides the newest."""


@dataclass
class Bench:
    """The parts of one cell."""

    operation: str
    site: Site
    engine: Engine
    place: Place
    temporary: Path
    mark: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def command(self) -> tuple[str, ...]:
        return COMMANDS[self.operation]

    # ------------------------------------------------------------------- before

    def prepare(self) -> None:
        """Bring about what the operation works on."""
        self.site.write_media({f"{n}/file {n}.bin": noise(60_000, n) for n in range(3)})
        self.new_media = snapshot(self.site.media)
        self.new = self.engine.fingerprint()
        if self.operation in ("restore", "retention", "listing"):
            self.run_here("dbbackup")
        if self.operation == "restore":
            self.engine.diverge()
        if self.operation == "media restore":
            self.run_here("mediabackup")
            self.site.write_media({"0/file 0.bin": noise(60_000, 9), "later": b"later"})
        if self.operation == "retention":
            self.site.rclone["DB_CLEANUP_KEEP"] = 1
        self.old_media = snapshot(self.site.media)
        self.old = self.engine.fingerprint()

    def run_here(self, *command: str) -> str:
        return self.site.call(*command, stderr=StringIO())

    def backups(self) -> list[dict[str, Any]]:
        return self.site.backups("-d", "default")

    def mirrors(self) -> list[dict[str, Any]]:
        return self.site.backups("--media")

    @contextmanager
    def fake_rclone(self, body: str, call: tuple[str, str] | None = None) -> Iterator[None]:
        """Let a script answer one call of rclone; ``$REAL`` is the real one."""
        verb, last = call or MAIN_CALL[self.operation]
        path = self.site.folder / "FakeRclone"
        path.write_text(
            f"#!/bin/sh\nREAL={RCLONE}\nfor last; do :; done\n"
            f'if [ "$1" = {verb} ]; then case "$last" in {last})\n{body}\n;; esac; fi\n'
            'exec "$REAL" "$@"\n'
        )
        path.chmod(0o755)
        with self.setting("RCLONE_BINARY", str(path)):
            yield

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
        with fault.inflict(self):
            if fault.own_process:
                return self._run_apart(command, fault)
            return self._run_within(command)

    def _run_within(self, command: tuple[str, ...]) -> Outcome:
        told: list[Told] = []

        def listen(event: Any, **_: object) -> None:
            told.append(Told(event.operation, event.state, event.error_message, event.target_state))

        operation_changed.connect(listen)
        errors = StringIO()
        status, said = 0, ""
        try:
            said = self.site.call(*command, stderr=errors)
        except CommandError as error:
            status, said = error.returncode, str(error)
        finally:
            operation_changed.disconnect(listen)
        return Outcome(status, f"{said}\n{errors.getvalue()}", told)

    def _run_apart(self, command: tuple[str, ...], fault: Fault) -> Outcome:
        path = self.site.folder / "told"
        path.unlink(missing_ok=True)
        path.touch()
        self.site.extra_settings = _TELL.format(path=str(path))
        env = {MARK: self.mark, "TMPDIR": str(self.temporary)}
        process = self.site.start(*command, env=env)
        if fault.strike is not None:
            fault.strike(self, process)
        out, err = process.communicate(timeout=100)
        told = [Told(*json.loads(line)) for line in path.read_text().splitlines()]
        return Outcome(process.returncode, out + err, told)

    def alive(self) -> list[int]:
        """Return the processes of a command that was started in one of its own."""
        wanted = f"{MARK}={self.mark}".encode()
        found = []
        for folder in PROCESSES.glob("[0-9]*"):
            with suppress(OSError):
                zombie = (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
                if not zombie and wanted in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
        return found

    def child(self, word: str) -> int | None:
        """Return a process of the command with this word in its arguments."""
        for pid in self.alive():
            with suppress(OSError):
                words = (PROCESSES / str(pid) / "cmdline").read_bytes().split(b"\0")
                if any(Path(os.fsdecode(w)).name == word for w in words[:2]):
                    return pid
        return None


# -------------------------------------------------------------------------- the verdict


def judge(bench: Bench, fault: Fault) -> Outcome:
    """Run a cell, and fail unless all that is promised holds."""
    outcome = bench.run(fault)
    killed = outcome.status < 0
    _judge_status(fault, outcome)
    _judge_words(bench, fault, outcome)
    _judge_events(bench, outcome, killed=killed)
    _judge_live_data(bench, outcome, killed=killed)
    _judge_processes(bench)
    if not (fault.unclean or killed):
        _judge_leftovers(bench, presence=True)
    _judge_remote(bench, fault, outcome)
    _judge_next_run(bench, fault)
    return outcome


def _judge_status(fault: Fault, outcome: Outcome) -> None:
    assert outcome.status in fault.status, f"status {outcome.status}: {outcome.said}"


def _judge_words(bench: Bench, fault: Fault, outcome: Outcome) -> None:
    everything = outcome.said + "".join(told.error or "" for told in outcome.told)
    for secret in [bench.engine.password, *bench.place.secrets, "the-secret-key-of-the-tests"]:
        assert secret not in everything, "a secret shows"
    assert "Traceback" not in outcome.said, outcome.said
    if outcome.status > 0:
        assert re.search(fault.says, outcome.said, re.I | re.S), (
            f"the culprit is not named: {outcome.said}"
        )
        assert len(outcome.said) < 20_000
        if fault.hint:
            assert "Hint: " in outcome.said, f"no hint: {outcome.said}"


def _judge_events(bench: Bench, outcome: Outcome, *, killed: bool) -> None:
    """Every operation that started has one end, and it is the truth."""
    states: dict[str, list[str]] = {}
    for told in outcome.told:
        states.setdefault(told.operation, []).append(told.state)
    for operation, seen in states.items():
        right = (["started"],) if killed else ()
        assert seen in (["started", "succeeded"], ["started", "failed"], *right), (operation, seen)
    if killed or bench.operation == "listing":
        return
    failed = any(told.state == "failed" for told in outcome.told)
    if outcome.status == 0:
        assert outcome.told
        assert not failed
    elif states:
        assert failed
    for told in outcome.told:
        if told.state == "failed" and told.operation == "db_restore":
            expected = "unchanged" if bench.engine.fingerprint() == bench.old else "changed"
            assert told.target_state in (expected, "unknown"), told


def _judge_live_data(bench: Bench, outcome: Outcome, *, killed: bool) -> None:
    live = bench.engine.fingerprint()
    if bench.operation == "restore" and outcome.status == 0:
        assert live == bench.new
    elif bench.operation == "restore" and (killed or outcome.status > 128):
        assert live in (bench.old, bench.new)
    else:
        assert live == bench.old
    media = snapshot(bench.site.media)
    if bench.operation != "media restore":
        assert media == bench.old_media
    elif outcome.status == 0:
        assert media == bench.new_media
    else:
        # rclone writes to another name first: a file is whole, old or new.
        whole = {k: v for k, v in media.items() if not k.endswith(".partial")}
        for name, content in whole.items():
            assert content in (bench.old_media.get(name), bench.new_media.get(name)), name


def _judge_processes(bench: Bench) -> None:
    wait_until_gone(bench.alive, seconds=20)


def _judge_leftovers(bench: Bench, *, presence: bool = False) -> None:
    left = [path.name for path in bench.temporary.iterdir()]
    if presence:
        # What tells that a run has ended whose lock the remote did not let go.
        left = [name for name in left if not name.startswith(".django-rclone-run-")]
    assert left == []
    assert bench.engine.leftovers() == []


def _judge_remote(bench: Bench, fault: Fault, outcome: Outcome) -> None:
    backups = bench.mirrors() if bench.operation.startswith("media") else bench.backups()
    if not fault.next_fails:
        doubtful = [backup for backup in backups if not backup["verified"]]
        assert doubtful == [], doubtful
    if bench.operation == "backup" and 0 < outcome.status < 128:
        assert backups == [], "a failed backup is listed"
    if bench.operation == "backup" and outcome.status == 0:
        assert len(backups) == 1 + fault.companions
    if bench.operation == "media backup" and outcome.status == 0:
        assert len(backups) == 1


def _judge_next_run(bench: Bench, fault: Fault) -> None:
    """All is well again once the fault is gone, and nothing of it is left."""
    if not fault.next_fails:
        # Not with the single try of a cell: rclone's own retries are a part of it.
        with bench.setting("RCLONE_FLAGS", []):
            again = bench._run_within(bench.command)
        assert again.status == 0, again.said
        if bench.operation == "restore":
            assert bench.engine.fingerprint() == bench.new
        if bench.operation == "media restore":
            assert snapshot(bench.site.media) == bench.new_media
        if bench.operation == "retention":
            assert len(bench.backups()) == 1 + fault.spared
    locks = [path for path in bench.place.files() if path.parent.name == "locks"]
    assert locks == []
    _judge_leftovers(bench)


def kill(number: signal.Signals) -> Callable[[Bench, "subprocess.Popen[str]"], None]:
    """Return a strike on the command itself, once its main call of rclone runs."""

    def strike(bench: Bench, process: "subprocess.Popen[str]") -> None:
        if _wait_for(bench, process, MAIN_CALL[bench.operation][0]) is not None:
            process.send_signal(number)

    return strike


def kill_child(word: str = "") -> Callable[[Bench, "subprocess.Popen[str]"], None]:
    """Return a strike on a program that the command runs."""

    def strike(bench: Bench, process: "subprocess.Popen[str]") -> None:
        pid = _wait_for(bench, process, word or MAIN_CALL[bench.operation][0])
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    return strike


def _wait_for(bench: Bench, process: "subprocess.Popen[str]", word: str) -> int | None:
    deadline = time.monotonic() + 60
    while process.poll() is None:
        assert time.monotonic() < deadline
        if (pid := bench.child(word)) is not None:
            return pid
        time.sleep(0.005)
    return None
