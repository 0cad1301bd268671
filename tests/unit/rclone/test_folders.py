import os
import subprocess
import threading
from pathlib import Path

import pytest

from django_rclone.exceptions import RcloneError
from django_rclone.processes import StallTimeout
from django_rclone.rclone.folders import sizes

FEW = ["ab/one", "link", "ab", "gone/away", "ab/one/more", "fifo", "top"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with everything that may be in one."""
    folder = tmp_path / "content"
    for name in ("ab/one", "ab/two", "cd/.hidden", "cd/ef/umlaut-ü", "top"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    (folder / "empty").mkdir()
    (folder / "link").symlink_to("top")
    (folder / "linked").symlink_to("ab")
    (folder / "dangling").symlink_to("nowhere")
    os.mkfifo(folder / "fifo")
    return folder


def listed_by_rclone(folder: Path, names: list[str] | None = None) -> list[tuple[str, int]]:
    argv = ["rclone", "lsf", "--recursive", "--files-only", "--format=sp", "--separator= "]
    named = [] if names is None else ["--files-from-raw=-"]
    output = subprocess.run(
        [*argv, *named, f"{folder}/"],
        input="\n".join(names or []),
        check=True,
        capture_output=True,
        text=True,
        encoding="utf-8",
    ).stdout
    lines = [line.partition(" ") for line in output.splitlines()]
    return sorted((path, int(size)) for size, _, path in lines)


def test_a_folder_is_listed_as_rclone_lists_it(folder: Path) -> None:
    found = sorted(sizes(str(folder), None, None))

    assert len(found) == 5
    assert found == listed_by_rclone(folder)


def test_names_are_looked_up_as_rclone_does(folder: Path) -> None:
    found = sorted(sizes(str(folder), FEW, None))

    assert found == [("ab/one", 6), ("top", 3)]
    assert found == listed_by_rclone(folder, FEW)


def test_a_folder_that_is_a_link_is_listed(folder: Path) -> None:
    (folder.parent / "other").symlink_to(folder)

    assert len(list(sizes(str(folder.parent / "other"), None, None))) == 5


def test_nothing_is_in_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    assert list(sizes(str(tmp_path / "none"), None, None)) == []


def test_what_cannot_be_listed_is_an_error(folder: Path) -> None:
    with pytest.raises(RcloneError, match=r"cannot be read: .*Not a directory.*top"):
        list(sizes(str(folder / "top"), None, None))


def test_a_file_system_that_does_not_answer_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()
    monkeypatch.setattr(os, "lstat", lambda path: answers.wait())
    try:
        with pytest.raises(RcloneError, match="did not answer for") as error:
            list(sizes(str(folder), FEW, StallTimeout(0.3, "STALL_TIMEOUT")))
        assert "STALL_TIMEOUT" in error.value.hint
    finally:
        answers.set()
