"""What a parent hands down reaches neither programs nor the outcome of an operation."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from django_rclone.exceptions import ProcessError
from django_rclone.interrupts import deferred_signals, interruptible
from django_rclone.processes import Command, Process, left_out, run, set_right
from tests.support.inheritance import started_by
from tests.support.processes import wait_until

_STATE = """
import json, os, resource, signal
numbers = [n for n in signal.valid_signals() if n not in (signal.SIGKILL, signal.SIGSTOP)]
ours = (signal.SIGPIPE, signal.SIGXFSZ)  # ignored by Python itself
mask = os.umask(0)
print(json.dumps({
    "ignored": [n for n in numbers if n not in ours and signal.getsignal(n) == signal.SIG_IGN],
    "blocked": [int(n) for n in signal.pthread_sigmask(signal.SIG_BLOCK, ())],
    "umask": mask,
    "folder": os.getcwd(),
    "descriptors": sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1],
    "files": resource.getrlimit(resource.RLIMIT_NOFILE),
    "environment": dict(os.environ),
}))
"""
_IGNORED = (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1)


def state_of_a_program(**env: str) -> dict[str, Any]:
    """Return how a program finds itself when it is started now."""
    printed = run(Process(Command(argv=(sys.executable, "-c", _STATE), env=env)))
    state: dict[str, Any] = json.loads(printed)
    return state


@pytest.fixture
def ignored() -> Iterator[None]:
    with ExitStack() as stack:
        for number in _IGNORED:
            stack.callback(signal.signal, number, signal.signal(number, signal.SIG_IGN))
        yield


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_a_program_has_every_signal_at_its_default(ignored: None) -> None:
    with set_right():
        assert state_of_a_program()["ignored"] == []
    assert {signal.getsignal(number) for number in _IGNORED} == {signal.SIG_IGN}


def test_what_the_parent_ignores_does_not_end_a_command(ignored: None) -> None:
    with set_right(), deferred_signals(), interruptible():
        for number in _IGNORED:
            os.kill(os.getpid(), number)


def test_a_program_has_no_signal_blocked() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _IGNORED)
    try:
        assert state_of_a_program()["blocked"] == []
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before | set(_IGNORED)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def test_a_failed_program_fails_although_sigchld_is_ignored(ignored: None) -> None:
    with set_right(), pytest.raises(ProcessError, match="exited with 3"):
        run(Process(Command(argv=("sh", "-c", "exit 3"))))


@pytest.mark.parametrize("status", [0, 3])
def test_a_lost_exit_status_is_a_failure(status: int, ignored: None) -> None:
    with pytest.raises(ProcessError, match="exit status was lost"):
        run(Process(Command(argv=("sh", "-c", f"exit {status}"))))


def test_a_status_collected_by_the_site_is_a_failure() -> None:
    collected = []

    def collect(*_: object) -> None:
        with suppress(ChildProcessError):
            while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
                collected.append(pid)

    before = signal.signal(signal.SIGCHLD, collect)
    try:
        with Process(Command(argv=("sh", "-c", "exit 1"))) as process:
            wait_until(lambda: collected, "the status was not collected")
            with pytest.raises(ProcessError, match="exit status was lost"):
                process.finish()
    finally:
        signal.signal(signal.SIGCHLD, before)


@pytest.mark.parametrize(
    ("inherited", "right"), [(0o000, 0o002), (0o777, 0o077), (0o002, 0o002), (0o027, 0o027)]
)
def test_umask_lets_the_owner_read_and_nobody_else_write(
    inherited: int, right: int, umask: None
) -> None:
    os.umask(inherited)
    assert state_of_a_program()["umask"] == right
    with set_right():
        assert os.umask(inherited) == right
    assert os.umask(0o022) == inherited


def test_a_program_starts_although_our_folder_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    assert state_of_a_program()["folder"] == str(gone)
    gone.rmdir()
    assert state_of_a_program()["folder"] == "/"


def test_a_program_gets_no_descriptor_of_ours(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        assert state_of_a_program()["descriptors"] == [0, 1, 2]


def test_as_many_files_may_be_open_as_the_hard_limit_allows() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 4096)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    try:
        with set_right():
            assert state_of_a_program()["files"] == [wanted, hard]
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (200, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_environment_of_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RCLONE_COMPARE_DEST", "PGOPTIONS", "PGTZ", "MYSQL_GROUP_SUFFIX", "LANGUAGE"):
        monkeypatch.setenv(name, "theirs")
    passed = ("PGPASSFILE", "PGSSLMODE", "MYSQL_PWD", "AWS_PROFILE", "HTTPS_PROXY")
    for name in passed:
        monkeypatch.setenv(name, "theirs")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "gone"))
    found = state_of_a_program(PGTZ="ours")["environment"]
    assert found["PGTZ"] == "ours"
    assert found["LC_ALL"] == "C.UTF-8"
    absent = {"RCLONE_COMPARE_DEST", "PGOPTIONS", "MYSQL_GROUP_SUFFIX", "LANGUAGE", "TMPDIR"}
    assert not absent & set(found)
    assert {found.get(name) for name in passed} == {"theirs"}
    assert left_out() == ("MYSQL_GROUP_SUFFIX", "PGOPTIONS", "PGTZ")


def test_an_argument_is_utf_8_whatever_the_locale() -> None:
    text = (
        "from django_rclone.processes import Command, Process, run\n"
        "argv = ('sh', '-c', 'printf %s \"$1\"', 'sh', '\\u00e9')\n"
        "print(run(Process(Command(argv=argv))))"
    )
    env = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-c", text]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == r"b'\xc3\xa9'"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGXCPU])
def test_a_blocked_signal_interrupts_all_the_same(number: signal.Signals) -> None:
    text = (
        "import os, time\n"
        "from django_rclone.interrupts import deferred_signals, interruptible\n"
        "try:\n"
        "    with deferred_signals(), interruptible():\n"
        "        os.kill(os.getpid(), NUMBER)\n"
        "        time.sleep(60)\n"
        "except BaseException as error:\n"
        "    print(type(error).__name__)\n"
    ).replace("NUMBER", str(int(number)))
    parent = f"signal.pthread_sigmask(signal.SIG_BLOCK, [{int(number)}])"
    command = started_by(parent, [sys.executable, "-c", text])
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("OperationInterrupted", "KeyboardInterrupt")
