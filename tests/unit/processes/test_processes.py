import hashlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from django_rclone.exceptions import ExecutableNotFound, ProcessError
from django_rclone.processes import SECRET_FILE, Command, Process, StallTimeout, run
from django_rclone.processes import process as processes
from django_rclone.processes.stderr import TAIL_LINES
from tests.support.processes import is_running, wait_until_gone
from tests.unit.conftest import Databases


def sh(text: str, **env: str) -> Command:
    return Command(argv=("sh", "-c", text), env=env)


def python(text: str) -> Command:
    return Command(argv=(sys.executable, "-c", text))


def failure_of(command: Command, data: bytes = b"") -> ProcessError:
    with pytest.raises(ProcessError) as caught:
        run(Process(command), data)
    return caught.value


def open_descriptors() -> set[tuple[str, str]]:
    found = set()
    for path in Path("/proc/self/fd").iterdir():
        try:
            found.add((path.name, str(path.readlink())))
        except FileNotFoundError:
            continue
    return {item for item in found if item[1].startswith("pipe:")}


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    """Each test leaves no descriptor, no child and no thread."""
    pipes, threads = open_descriptors(), set(threading.enumerate())
    yield
    assert open_descriptors() <= pipes
    assert set(threading.enumerate()) <= threads
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_output_of_a_program_is_returned() -> None:
    assert run(Process(Command(argv=("echo", "a b")))) == b"a b\n"


@pytest.mark.parametrize("size", [0, 1, 65_536, 300_000])
def test_program_is_fed(size: int) -> None:
    data = os.urandom(size)
    with Process(Command(argv=("sha256sum",))) as process:
        process.write(data)
        process.close_input()
        printed = b"".join(iter(process.read, b""))
        process.finish()
    assert printed.split()[0].decode() == hashlib.sha256(data).hexdigest()


def test_more_than_a_pipe_holds_is_written_whole() -> None:
    with Process(sh("sleep 0.2; wc -c")) as process:
        process.write(bytes(5_000_000))
        process.close_input()
        assert process.read().strip() == b"5000000"
        process.finish()


def test_a_program_that_exits_with_0_succeeds() -> None:
    with Process(Command(argv=("true",))) as process:
        process.finish()


@pytest.mark.parametrize(
    ("command", "returncode", "words"),
    [
        (Command(argv=("false",)), 1, "false exited with 1."),
        (sh("exit 42"), 42, "sh -c exited with 42."),
        (sh("kill -9 $$"), -9, "sh -c was killed by SIGKILL."),
        (sh("kill -15 $$"), -15, "sh -c was killed by SIGTERM."),
        (sh("kill -13 $$"), -13, "sh -c was killed by SIGPIPE."),
        (sh("kill -11 $$"), -11, "sh -c was killed by SIGSEGV."),
        (sh("echo one >&2; echo two >&2; exit 3"), 3, "sh -c exited with 3.\none\ntwo"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_failure_is_reported_with_the_end_of_stderr(
    command: Command, returncode: int, words: str
) -> None:
    error = failure_of(command)
    assert error.returncode == returncode
    assert str(error) == words


def test_output_before_a_bad_end_is_not_returned() -> None:
    assert failure_of(sh("echo rows; exit 1")).returncode == 1


@pytest.mark.parametrize("name", ["no-such-program", "/no/such/program", "", "a\0b"], ids=ascii)
def test_program_that_does_not_exist_is_an_error(name: str) -> None:
    with pytest.raises(ExecutableNotFound, match="cannot be started") as caught:
        run(Process(Command(argv=(name, "--version"))))
    assert caught.value.returncode is None
    assert caught.value.hint


def test_program_that_a_limit_stops_is_not_taken_for_a_missing_one() -> None:
    text = (
        "import os, resource\n"
        "from django_rclone.processes import Command, Process, run\n"
        "os.open('/', os.O_RDONLY)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (5, 5))\n"
        "try:\n"
        "    run(Process(Command(argv=('true',))))\n"
        "except Exception as error:\n"
        "    print(error.message, error.hint)\n"
    )
    said = run(Process(python(text))).decode()
    assert "cannot be started: Too many open files. Allow this process more" in said


def test_file_that_is_not_a_program_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "tool"
    path.write_text("echo")
    with pytest.raises(ExecutableNotFound, match=r"tool cannot be started: Permission denied\."):
        run(Process(Command(argv=(str(path),))))
    path.chmod(0o755)
    with pytest.raises(ExecutableNotFound, match="Exec format error"):
        run(Process(Command(argv=(str(path),))))


@pytest.mark.parametrize("lines", [10_000, 200_000], ids=["1 MB", "20 MB"])
def test_verbose_program_does_not_block_and_its_last_lines_are_kept(lines: int) -> None:
    counted = 0

    def keep(line: str) -> str | None:
        nonlocal counted
        counted += 1
        # Masking secrets in every line is not what this test measures.
        return line if counted > lines - 100 else None

    text = f"yes {'x y ' * 25} | head -n {lines} >&2; echo the last words >&2; exit 1"
    with pytest.raises(ProcessError) as caught:
        run(Process(sh(text), on_line=keep))
    first, *tail = str(caught.value).split("\n")
    assert first == "sh -c exited with 1."
    assert len(tail) == TAIL_LINES
    assert tail[-1] == "the last words"
    assert counted == lines + 1


def test_line_without_an_end_is_truncated() -> None:
    text = "head -c 5000000 /dev/zero | tr '\\0' ' ' >&2; echo >&2; echo end >&2; exit 1"
    error = failure_of(sh(text))
    assert str(error).endswith("end")
    assert max(map(len, str(error).split("\n"))) <= 500
    assert len(str(error)) <= 500 * (TAIL_LINES + 1)


def test_undecodable_bytes_are_replaced() -> None:
    error = failure_of(sh(r"printf 'caf\351 \377\n\n   \nend\r\n' >&2; exit 1"))
    assert str(error) == "sh -c exited with 1.\ncaf� �\nend"


def test_lines_are_filtered_and_altered() -> None:
    lines = {"noise": None, "words": "WORDS"}
    process = Process(sh("echo noise >&2; echo words >&2; exit 1"), on_line=lines.get)
    with pytest.raises(ProcessError, match=r"exited with 1\.\nWORDS$"):
        run(process)


def test_failure_is_described_by_the_given_function() -> None:
    def describe(command: Command, returncode: int, tail: object) -> ProcessError:
        return ProcessError(f"{command.title}: {returncode}, {tail}", returncode=returncode)

    process = Process(sh("echo words >&2; exit 5"), failure=describe)
    with pytest.raises(ProcessError, match=r"sh -c: 5, \('words',\)"):
        run(process)


def overfeed(command: Command) -> ProcessError:
    """Write until the program is found to have left."""
    with Process(command) as process:
        for _ in range(100):
            try:
                process.write(bytes(100_000))
            except ProcessError as error:
                return error
    raise AssertionError("the program took all of it")


def test_program_that_exits_early_is_blamed_with_its_own_message() -> None:
    error = overfeed(sh("echo disk full >&2; exit 3"))
    assert str(error) == "sh -c exited with 3.\ndisk full"
    assert error.returncode == 3


def test_program_that_exits_early_without_a_message_is_blamed_too() -> None:
    error = overfeed(Command(argv=("true",)))
    assert str(error) == "true exited with 0."
    assert error.returncode == 0


def test_finish_reports_a_failed_program_each_time() -> None:
    with Process(sh("exec 0<&-; echo bye >&2; exit 4")) as process:
        with pytest.raises(ProcessError, match="exited with 4"):
            process.finish()
        with pytest.raises(ProcessError, match="bye"):
            process.finish()


def test_stopped_program_never_sees_the_end_of_its_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It ignores being asked, so that it had all the time to store what it took for whole.
    monkeypatch.setattr(processes, "_GRACE", 0.3)
    path = tmp_path / "stored"
    text = f"trap '' TERM; echo ready; cat > '{path}.part' && mv '{path}.part' '{path}'"
    with Process(sh(text)) as process:
        assert process.read() == b"ready\n"
        process.write(b"half a dump")
    assert not path.exists()


def test_program_is_stopped_when_something_else_fails() -> None:
    pids = []

    def fail() -> None:
        with Process(sh("echo $$; exec sleep 600")) as process:
            pids.append(int(process.read()))
            assert is_running(*pids)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not is_running(*pids)


def test_program_that_ignores_sigterm_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_GRACE", 0.2)
    text = "trap '' TERM; echo $$; while :; do sleep 600; done"
    with Process(sh(text)) as process:
        pid = int(process.read())
    assert not is_running(pid)


def test_program_gets_sigterm_before_sigkill(tmp_path: Path) -> None:
    path = tmp_path / "last-will"
    text = f"trap 'echo tidied > {path}; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    with Process(sh(text)) as process:
        assert process.read() == b"ready\n"
    assert path.read_text() == "tidied\n"


def test_children_of_a_program_are_stopped_with_it() -> None:
    with Process(sh("sleep 600 & echo $!; wait")) as process:
        pid = int(process.read())
        assert is_running(pid)
    # It was killed; the kernel may still be taking it apart, since its parent has gone.
    wait_until_gone(lambda: is_running(pid))


def test_programs_of_a_killed_group_are_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_GRACE", 0.2)
    text = (
        "trap '' TERM; (trap '' TERM; while :; do sleep 600; done) & echo $!; wait; wait; sleep 600"
    )
    with Process(sh(text)) as process:
        pid = int(process.read())
    wait_until_gone(lambda: is_running(pid))


def test_program_that_ended_can_be_stopped() -> None:
    with Process(Command(argv=("true",))) as process:
        process.finish()
        process.stop()


def test_ctrl_c_does_not_reach_the_program_itself() -> None:
    printed = run(Process(python("import os; print(os.getsid(0), os.getpid())")))
    session, pid = map(int, printed.split())
    assert session == pid
    assert session != os.getsid(0)


def test_environment_is_added_to_that_of_the_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "1")
    assert run(Process(sh("echo $OURS $THEIRS", THEIRS="2"))) == b"1 2\n"
    assert "THEIRS" not in os.environ


def test_program_does_not_inherit_descriptors() -> None:
    with open("/dev/null") as file:  # noqa: PTH123
        os.set_inheritable(file.fileno(), True)
        listed = run(Process(sh("ls /proc/self/fd")))
        assert str(file.fileno()) not in listed.decode().split()[3:-1]


def test_secrets_of_the_environment_are_never_shown() -> None:
    command = sh("exit 1", PGPASSWORD="hunter2")
    assert "hunter2" not in f"{command!r} {command} {command.title}"
    assert "hunter2" not in repr(failure_of(command))


def test_a_secret_file_is_read_by_its_name_and_seen_nowhere_else() -> None:
    command = Command(
        argv=("sh", "-c", 'echo "$1" && cat "$1"', "sh", SECRET_FILE), secret=b"password=hunter2"
    )
    name, content = run(Process(command)).split(b"\n")
    assert name.startswith(b"/dev/fd/")
    assert content == b"password=hunter2"
    assert "hunter2" not in f"{command!r} {command} {command.title}"


def test_a_secret_file_is_removed_if_its_program_cannot_be_started() -> None:
    with (
        pytest.raises(ExecutableNotFound),
        Process(Command(argv=("/nowhere", SECRET_FILE), secret=b"x")),
    ):
        pass


def test_secrets_in_stderr_are_masked(databases: Databases) -> None:
    databases({"default": {"PASSWORD": "tr0ub4dor&3"}})
    text = "echo 'no login with tr0ub4dor&3 at postgres://bob:other@host/' >&2; exit 1"
    assert str(failure_of(sh(text))) == (
        "sh -c exited with 1.\nno login with *** at postgres://bob:***@host/"
    )


@pytest.mark.parametrize(
    ("argv", "title"),
    [
        (("/usr/bin/rclone", "rcat", "--", "remote:x"), "rclone rcat"),
        (("pg_dump",), "pg_dump"),
    ],
)
def test_title_is_the_program_and_its_verb(argv: tuple[str, ...], title: str) -> None:
    assert Command(argv=argv).title == title


def test_interrupted_wait_still_stops_the_program() -> None:
    pids = []
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))

    def wait() -> None:
        with Process(sh("echo $$; exec sleep 600")) as process:
            pids.append(int(process.read()))
            timer.start()
            process.finish()

    with pytest.raises(KeyboardInterrupt):
        wait()
    timer.join()
    assert not is_running(*pids)


def test_stopping_is_quick_if_the_program_obeys() -> None:
    started = time.monotonic()
    with Process(sh("exec sleep 600")):
        pass
    assert time.monotonic() - started < processes._GRACE


SHORT = StallTimeout(0.2, "SOME_TIMEOUT")


@pytest.mark.parametrize(
    "script",
    [
        "sleep 60",
        "echo x; sleep 60",
        "exec 1>&-; sleep 60",
        "trap '' TERM; while :; do sleep 1; done",
    ],
    ids=["silent", "after a byte", "closes stdout", "ignores SIGTERM"],
)
def test_a_program_that_hangs_is_stopped(script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_GRACE", 0.3)
    with pytest.raises(
        ProcessError,
        match=r"sh -c made no progress for 0\.2 seconds and was stopped\.\nsh -c was killed",
    ) as e:
        run(Process(sh(script), stall_timeout=SHORT))
    assert "SOME_TIMEOUT" in e.value.hint


def test_a_program_that_takes_nothing_is_stopped() -> None:
    with (
        Process(sh("sleep 60"), stall_timeout=SHORT) as process,
        pytest.raises(ProcessError, match="made no progress"),
    ):
        process.write(bytes(10_000_000))


def test_a_slow_program_is_waited_for_while_it_moves() -> None:
    slow = "for i in 1 2 3 4 5; do echo $i; sleep 0.5; done"
    limit = StallTimeout(2, "SOME_TIMEOUT")
    assert run(Process(sh(slow), stall_timeout=limit)) == b"1\n2\n3\n4\n5\n"


def test_time_between_reads_and_writes_does_not_count() -> None:
    with Process(sh("cat"), stall_timeout=StallTimeout(1, "SOME_TIMEOUT")) as process:
        for _ in range(2):
            time.sleep(1.2)
            process.write(b"x")
        process.close_input()
        assert b"".join(iter(process.read, b"")) == b"xx"
        process.finish()


def test_activity_keeps_a_silent_program_alive() -> None:
    ticks = iter(range(1000))
    process = Process(sh("sleep 0.9"), stall_timeout=SHORT, activity=lambda: next(ticks))
    assert run(process) == b""
