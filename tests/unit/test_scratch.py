import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from django_rclone import scratch
from django_rclone.scratch import PREFIX, scratch_directory, sweep

HOLDER = """
import sys
from pathlib import Path
from django_rclone.scratch import scratch_directory
with scratch_directory(Path(sys.argv[1])) as path:
    (path / "rows").write_text("rows")
    print(path, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def aged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let folders be old at once. The time of change, which counts, cannot be set back."""
    monkeypatch.setattr(scratch, "_SETTLED", -60.0)


def hold(parent: Path) -> tuple[subprocess.Popen[str], Path]:
    """Start another process that holds a folder."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    return holder, Path(holder.stdout.readline().strip())


def stale(parent: Path) -> Path:
    """Return a folder whose owner was killed."""
    holder, path = hold(parent)
    with holder:
        holder.send_signal(signal.SIGKILL)
    assert (path / "rows").exists()
    return path


def test_folder_is_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with scratch_directory(tmp_path) as path:
            assert path.parent == tmp_path
            assert path.name.startswith(PREFIX)
            assert path.stat().st_mode & 0o7777 == 0o700
    finally:
        os.umask(before)


def test_folder_is_removed_with_its_content(tmp_path: Path) -> None:
    with scratch_directory(tmp_path) as path:
        (path / "deep").mkdir()
        (path / "deep" / "rows").write_text("rows")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_folder_is_removed_when_something_fails(tmp_path: Path, error: type[BaseException]) -> None:
    def fail() -> None:
        with scratch_directory(tmp_path) as path:
            (path / "rows").write_text("rows")
            raise error

    with pytest.raises(error):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_folder_may_be_gone_already(tmp_path: Path) -> None:
    with scratch_directory(tmp_path) as path:
        path.rmdir()


def test_two_folders_are_two(tmp_path: Path, aged: None) -> None:
    with scratch_directory(tmp_path) as first, scratch_directory(tmp_path) as second:
        assert first != second
        assert first.is_dir()


def test_no_descriptor_is_left(tmp_path: Path) -> None:
    with scratch_directory(tmp_path) as path:
        pass
    for link in Path("/proc/self/fd").iterdir():
        try:
            assert path.name not in str(link.readlink())
        except FileNotFoundError:
            continue


@pytest.mark.parametrize("name", ["missing", "file"])
def test_parent_that_cannot_be_written_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=name), scratch_directory(tmp_path / name):
        pass


def test_folder_of_a_killed_run_is_swept(tmp_path: Path, aged: None) -> None:
    path = stale(tmp_path)
    with scratch_directory(tmp_path) as own:
        assert not path.exists()
        assert own.exists()


def test_folder_of_a_living_run_is_not_swept(tmp_path: Path, aged: None) -> None:
    holder, path = hold(tmp_path)
    with holder:
        sweep(tmp_path)
        assert (path / "rows").read_text() == "rows"
        holder.communicate()
    assert not path.exists()


def test_fresh_folder_is_not_swept(tmp_path: Path) -> None:
    path = stale(tmp_path)
    sweep(tmp_path)
    assert path.exists()


def test_folder_with_an_old_modification_time_is_not_swept(tmp_path: Path) -> None:
    path = stale(tmp_path)
    os.utime(path, (0, 0))
    sweep(tmp_path)
    assert path.exists()


def test_files_of_others_are_left_alone(tmp_path: Path, aged: None) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "data").write_text("data")
    parent = tmp_path / "parent"
    parent.mkdir()
    (parent / f"{PREFIX}file").write_text("a file of that name")
    (parent / f"{PREFIX}link").symlink_to(elsewhere)
    (parent / "folder").mkdir()
    (parent / f"x{PREFIX}folder").mkdir()
    before = sorted(parent.iterdir())
    sweep(parent)
    assert sorted(parent.iterdir()) == before
    assert (elsewhere / "data").read_text() == "data"


def test_folder_of_another_user_is_left_alone(
    tmp_path: Path, aged: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stale(tmp_path)
    user = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: user + 1)
    sweep(tmp_path)
    assert path.exists()


def test_sweeping_nowhere_is_fine(tmp_path: Path) -> None:
    sweep(tmp_path / "missing")
