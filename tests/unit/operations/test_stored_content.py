"""Which contents are stored is the same, whoever lists them."""

import os
import sys
from pathlib import Path

import pytest

from django_rclone.exceptions import RcloneError
from django_rclone.operations.media import stored
from django_rclone.operations.media.content_store import content_hash, content_name
from django_rclone.operations.media.stored import StoredContent, list_stored
from django_rclone.operations.media.workset import WorkSet
from django_rclone.rclone.copying import Copying
from tests.support.site import record_programs
from tests.unit.conftest import Configure

HASHES = [bytes([number]) * 32 for number in (0, 1, 255)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with three contents, and everything else that may be in one."""
    folder = tmp_path / "content"
    for size, sha256 in enumerate(HASHES):
        path = folder / content_name(sha256)
        path.parent.mkdir(parents=True)
        path.write_bytes(b"1" * size)
    for name in ("ab/short", f"ab/{'cd' * 32}", f"AB/{'AB' * 32}", "ef", f"00/{'00' * 31}0g"):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (folder / "ab" / ("ab" * 32)).symlink_to(folder / content_name(HASHES[1]))
    (folder / "bb").symlink_to("ff")
    (folder / "cc" / ("cc" * 32)).mkdir(parents=True)
    (folder / "dd").mkdir()
    os.mkfifo(folder / "dd" / ("dd" * 32))
    return folder


@pytest.fixture
def copying(configure: Configure, tmp_path: Path) -> Copying:
    return Copying(configure(REMOTE=str(tmp_path)))


@pytest.fixture(params=["Python", "rclone"])
def lister(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which program lists a folder; rclone does in a server that contains Python."""
    if request.param == "rclone":
        monkeypatch.setattr(sys, "executable", "/usr/sbin/uwsgi")
    return str(request.param)


@pytest.mark.parametrize("name", ["python", "python3", "python3.13t", "python3.11-dbg", "Python"])
def test_an_interpreter_is_known_by_its_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", f"/usr/bin/{name}")
    assert stored._python() == f"/usr/bin/{name}"


@pytest.mark.parametrize("name", ["uwsgi", "python-site", "shop", "httpd", ""])
def test_a_program_that_contains_python_is_not_started(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", f"/usr/bin/{name}" if name else None)
    assert stored._python() is None


def listed(copying: Copying, folder: Path) -> list[tuple[object, ...]]:
    with WorkSet() as work:
        work.add_stored([(b"\x07" * 32, 7)])  # from a listing before
        list_stored(copying, str(folder), work)
        return work.rows("SELECT sha256, size FROM stored ORDER BY sha256")


@pytest.mark.usefixtures("lister")
def test_contents_are_listed_and_nothing_else(copying: Copying, folder: Path) -> None:
    assert listed(copying, folder) == [(sha256, size) for size, sha256 in enumerate(HASHES)]


@pytest.mark.usefixtures("lister")
def test_nothing_is_stored_in_a_folder_that_does_not_exist(
    copying: Copying, tmp_path: Path
) -> None:
    assert listed(copying, tmp_path / "none") == []


@pytest.mark.usefixtures("lister")
def test_a_folder_that_is_a_link_is_listed(copying: Copying, folder: Path) -> None:
    (folder.parent / "other").symlink_to(folder)
    assert len(listed(copying, folder.parent / "other")) == len(HASHES)


def test_what_cannot_be_listed_is_an_error(copying: Copying, tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(RcloneError, match="symbolic links"):
        listed(copying, tmp_path / "circle")


def test_the_program_that_was_asked_for_lists(
    copying: Copying, folder: Path, lister: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = record_programs(monkeypatch)
    listed(copying, folder)
    assert [Path(argv[0]).name.startswith("python") for argv in started] == [lister == "Python"]


def test_rclone_lists_if_python_fails(
    copying: Copying, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "python3"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    assert len(listed(copying, folder)) == len(HASHES)


def test_a_listing_that_nobody_wants_ends_with_what_it_was_for(
    copying: Copying, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with StoredContent(copying, str(folder)) as content:
        program = content._program
        assert program is not None
    assert program.has_ended()
    assert list(tmp_path.glob(".django-rclone-*")) == []


@pytest.mark.parametrize(
    "name", ["", "ab", f"ab/{'cd' * 32}", f"ab/{'AB' * 32}", f"ab/{'ab' * 31}", f"/{'ab' * 32}"]
)
def test_other_names_are_no_contents(name: str) -> None:
    assert content_hash(name) is None
    assert content_hash(content_name(HASHES[1])) == HASHES[1]
