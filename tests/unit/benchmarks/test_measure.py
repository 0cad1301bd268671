"""A run is measured with all that it starts, and nothing of it is left."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import runner
from tests.benchmarks.measure import Command, Run, last_words, measure, programs_started
from tests.support.processes import is_running, wait_until, wait_until_gone

BURN = "import time\nwhile time.process_time() < 0.3: pass"
HOLD = "x = bytearray(90_000_000)"


def run(folder: Path, *argv: str) -> Run:
    return measure(command(folder, *argv))


def command(folder: Path, *argv: str) -> Command:
    return Command(argv, dict(os.environ), folder)


def test_a_failure_is_said_with_its_last_lines(tmp_path):
    found = run(tmp_path, "sh", "-c", "echo first >&2; echo it broke >&2; echo hint >&2; exit 3")
    assert found.error == "exit status 3: it broke hint"


def test_a_program_that_is_missing_is_a_failure(tmp_path):
    assert "No such file" in run(tmp_path, "/missing/program").error


def test_output_is_kept_for_the_check(tmp_path):
    found = run(tmp_path, "echo", "three backups")
    assert (found.output, found.error) == ("three backups\n", "")
    assert "output" not in found.as_json()


def test_seconds_of_what_was_left_running_count_too(tmp_path):
    found = run(tmp_path, "sh", "-c", '"$@" & exit 0', "sh", sys.executable, "-c", BURN)
    assert found.cpu >= 0.3


def test_peaks_are_those_of_the_first_the_largest_and_all(tmp_path):
    # Both hold their memory until the other one does, whatever the speed of the machine.
    ready = [tmp_path / "one", tmp_path / "two"]
    wait = f"import pathlib, time\nwhile not all(map(pathlib.Path.exists, {ready!r})): time.sleep(0.01)"
    program = "\n".join(
        [
            "from pathlib import Path, PosixPath",
            HOLD,
            "import sys; Path(sys.argv[1]).touch()",
            wait,
            "time.sleep(0.3)",
        ]
    )
    both = f'"$0" -c "$1" {ready[0]} & "$0" -c "$1" {ready[1]}; wait'
    found = run(tmp_path, "sh", "-c", both, sys.executable, program)
    assert found.error == ""
    assert found.own_peak < 90_000_000 <= found.largest_peak < 180_000_000 <= found.total_peak


def test_programs_are_counted(tmp_path):
    found = programs_started(command(tmp_path, "sh", "-c", "ls; ls; missing-program; true | cat"))
    if found is None:
        pytest.skip("there is no strace")
    assert (found["sh"], found["ls"], found["cat"], found["missing-program"]) == (1, 2, 1, 0)


def test_a_benchmark_that_is_killed_leaves_no_command(tmp_path):
    pid = tmp_path / "pid"
    orders: dict[str, Any] = {"argv": ["sh", "-c", f"echo $$ > {pid}; sleep 600"]}
    orders |= {"cwd": str(tmp_path)}
    orders |= {"env": dict(os.environ), "seconds": 600}
    orders |= {"stdout": str(tmp_path / "out"), "stderr": str(tmp_path / "err")}
    with subprocess.Popen([sys.executable, runner.__file__], stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps(orders).encode() + b"\n")
        process.stdin.flush()
        wait_until(lambda: pid.exists() and pid.read_text(), "it does not start")
        started = int(pid.read_text())
        process.stdin.close()
        wait_until_gone(lambda: is_running(started))
    assert process.returncode == 1


def test_of_a_traceback_the_last_words_are_shown_and_no_folder_of_the_machine():
    traceback = 'Traceback:\n  File "/srv/x.py", line 1, in y\nFirst line.\nValueError: wrong'
    assert last_words(traceback) == "First line. ValueError: wrong"
    assert last_words("") == "it says nothing"
