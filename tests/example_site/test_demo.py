"""The demo tells its story, and its exit status tells how it ended."""

import contextlib
import os
import pty
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.example_site import SITE_DIR, clean_environment, run

# The demo's own story without its commands: what matters here is how it ends.
TELL_STORY = """
import sys
sys.path.insert(0, sys.argv.pop(1))
import demo
story = iter([["rows a"], ["rows b"], ["rows b"], [sys.argv.pop(1)]])
demo.Demo.fingerprint = lambda self: next(story)
demo.Demo.delete_picture = lambda self: "picture"
demo.Demo.flip_a_byte = lambda self: None
demo.Demo.manage = lambda self, command, **environment: ""
demo.Demo.has_received = lambda self, words: True
sys.exit(demo.main())
"""


@dataclass(frozen=True, slots=True)
class FinishedDemo:
    """What a run of the demo left behind."""

    process: subprocess.CompletedProcess[str]
    folder: Path
    """What it had for temporary files, and a remote that belongs to somebody else."""

    @property
    def output(self) -> str:
        return self.process.stdout


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> FinishedDemo:
    """A demo run in a shell that is set up for a real site."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "real").mkdir()
    environment = {
        "TMPDIR": str(folder),
        "ALLOW_RESTORE": "1",
        "DJANGO_SETTINGS_MODULE": "no.such.settings",
        "JOURNAL_REMOTE": str(folder / "real"),
        "SLACK_WEBHOOK_URL": "http://127.0.0.1:9/real",
    }
    process = run(str(SITE_DIR / "demo.py"), environment=environment, folder=folder)
    return FinishedDemo(process, folder)


def test_it_succeeds(demo: FinishedDemo) -> None:
    assert demo.process.returncode == 0, demo.output + demo.process.stderr
    assert demo.process.stderr == ""
    assert "[ok] the restored site equals the one backed up" in demo.output
    assert "is not restorable: The backup cannot be decompressed" in demo.output
    assert "CRITICAL  default: db/default-" in demo.output


def test_it_leaves_nothing_and_touches_no_real_site(demo: FinishedDemo) -> None:
    assert [path.name for path in demo.folder.rglob("*")] == ["real"]


def test_it_shows_the_veto_of_the_guard(demo: FinishedDemo) -> None:
    assert "Set ALLOW_RESTORE=1" in demo.output
    assert "(exit status 4)" in demo.output
    assert "[ok] nothing has changed" in demo.output


def test_it_shows_what_the_receivers_say_and_send(demo: FinishedDemo) -> None:
    assert "backups: Database 'default' backed up to db/" in demo.output
    assert "backups: Database 'default' restored" in demo.output
    assert "-> slack received: Database `default` backed up to `db/" in demo.output
    assert "-> healthcheck received: ping" in demo.output


def test_it_says_yes_to_the_question_before_a_restore(demo: FinishedDemo) -> None:
    assert "Continue? [y/N] y\n     Restoring database 'default'" in demo.output


def test_it_is_short_and_plain_outside_a_terminal(demo: FinishedDemo) -> None:
    assert "\033" not in demo.output
    assert "\r" not in demo.output
    assert len(demo.output.splitlines()) < 150


def test_progress_moves_on_a_terminal(tmp_path: Path) -> None:
    slow_backup = (
        "import sys\nsys.path.insert(0, sys.argv.pop(1))\nimport demo\n"
        "def run(self):\n"
        "    self.manage('migrate --verbosity 0')\n"
        "    self.manage('seed')\n"
        "    self.manage('mediabackup', JOURNAL_BANDWIDTH='80K')\n"
        "demo.Demo.run = run\n"
        "sys.exit(demo.main())\n"
    )
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", slow_backup, str(SITE_DIR)],
        env={**clean_environment(), "TMPDIR": str(tmp_path), "TERM": "xterm"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = "".join(read_all(ours))
    assert process.returncode == 0, shown
    assert re.search(r"\r\x1b\[K +\d+ of 300 files, \d+ % of", shown), shown
    assert re.search(r"\r\x1b\[K +Stored media/runs/", shown), shown


def read_all(terminal: int) -> Iterator[str]:
    """Yield what is written to a terminal, and close it."""
    with contextlib.suppress(OSError):
        while data := os.read(terminal, 65536):
            yield data.decode("utf-8", "replace")
    os.close(terminal)


def test_it_fails_when_a_command_fails(tmp_path: Path) -> None:
    (tmp_path / "django_rclone.py").write_text("raise ImportError('no backups today')")

    process = run(
        str(SITE_DIR / "demo.py"),
        environment={"TMPDIR": str(tmp_path), "PYTHONPATH": str(tmp_path)},
        folder=tmp_path,
    )

    assert process.returncode == 1
    assert "no backups today" in process.stdout
    assert not list(tmp_path.glob("journal-demo-*"))


def tell_story(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"TMPDIR": str(folder)}
    return run("-c", TELL_STORY, str(SITE_DIR), *arguments, environment=environment, folder=folder)


def test_it_fails_when_the_restored_site_differs(tmp_path: Path) -> None:
    process = tell_story(tmp_path, "rows c")

    assert process.returncode == 1, process.stdout + process.stderr
    assert "it is not true that the restored site equals the one backed up" in process.stdout
    assert list(tmp_path.iterdir()) == []


def test_it_keeps_its_folder_on_request(tmp_path: Path) -> None:
    process = tell_story(tmp_path, "rows a", "--keep")

    assert process.returncode == 0, process.stdout + process.stderr
    [folder] = tmp_path.iterdir()
    assert f"JOURNAL_DATA_DIR={folder}" in process.stdout


def test_it_serves_the_site_until_it_is_interrupted(tmp_path: Path) -> None:
    only_migrated = (
        "import sys\nsys.path.insert(0, sys.argv.pop(1))\nimport demo\n"
        "demo.Demo.run = lambda self: self.manage('migrate --verbosity 0')\n"
        "sys.exit(demo.main())\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", only_migrated, str(SITE_DIR), "--serve"],
        cwd=tmp_path,
        env={**clean_environment(), "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    with process:
        assert process.stdout
        [address] = next(
            found for line in process.stdout if (found := re.findall(r"http:\S+", line))
        )
        directly = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with directly.open(address) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(urllib.error.URLError):
        directly.open(address)
