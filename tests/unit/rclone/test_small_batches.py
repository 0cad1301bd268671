"""A few files are copied and looked for without another rclone."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from django_rclone.rclone import small_batches
from django_rclone.rclone.binary import RcloneBinary
from django_rclone.rclone.copying import Copying
from django_rclone.rclone.daemon import Daemon
from django_rclone.rclone.sessions import running, session
from tests.support.site import record_programs, snapshot
from tests.unit.conftest import Configure

Copy = Callable[[], bool]


@pytest.fixture
def daemon(configure: Configure, tmp_path: Path) -> Iterator[Daemon]:
    with session():
        yield running(RcloneBinary(configure(REMOTE=str(tmp_path / "remote"))))


@pytest.fixture
def copy(daemon: Daemon, tmp_path: Path) -> Copy:
    """What copies the folder ``staged``, which has one link to a file."""
    (tmp_path / "a file").write_bytes(b"1")
    (tmp_path / "staged" / "ab").mkdir(parents=True)
    (tmp_path / "staged" / "ab" / "x").symlink_to(tmp_path / "a file")

    def copy() -> bool:
        places = str(tmp_path / "staged"), str(tmp_path / "stored")
        return small_batches.copied(daemon, *places, lambda size, files: None, hashes=False)

    return copy


def test_links_are_copied_as_files(copy: Copy, tmp_path: Path) -> None:
    assert copy()
    assert snapshot(tmp_path / "stored") == {"ab/x": b"1"}
    assert not (tmp_path / "stored" / "ab" / "x").is_symlink()


def test_a_file_that_cannot_be_copied_is_noticed(copy: Copy, tmp_path: Path) -> None:
    (tmp_path / "staged" / "ab" / "y").symlink_to(tmp_path / "gone")
    assert not copy()


def test_a_file_that_cannot_be_copied_is_named_by_another_rclone(
    configure: Configure, copy: Copy, tmp_path: Path
) -> None:
    (tmp_path / "staged" / "ab" / "y").symlink_to(tmp_path / "gone")
    copying = Copying(configure(REMOTE=str(tmp_path / "remote")))
    places = str(tmp_path / "staged"), str(tmp_path / "stored")
    assert copying.copy_little(*places, progress=lambda size, files: None) is None
    copied = copying.copy(*places)
    assert copied.error is not None
    assert list(copied.failed) == ["ab/y"]
    assert snapshot(tmp_path / "stored") == {"ab/x": b"1"}


def test_files_are_found_by_their_names(daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / "one").write_bytes(b"12")
    (tmp_path / "ab" / "two").write_bytes(b"1")
    (tmp_path / "ab" / "other").write_bytes(b"1")
    wanted = ["ab/one", "ab/two", "ab/three", "cd/one"]
    assert sorted(small_batches.sizes(daemon, str(tmp_path), wanted)) == [
        ("ab/one", 2),
        ("ab/two", 1),
    ]
    assert list(daemon.folder.glob("names-*")) == []


def test_names_that_are_many_are_not_asked_for_one_by_one(daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    assert small_batches.sizes(daemon, str(tmp_path), ["a"] * 301) == []


def test_whoever_gets_no_answer_asks_with_more_patience(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here the remote is not configured."""
    copying = Copying(configure(REMOTE=str(tmp_path / "remote")))
    started = record_programs(monkeypatch)
    with session(), pytest.raises(Exception, match="didn't find section"):
        list(copying.sizes("nowhere:folder", ["a"]))
    assert "lsf" in [argv[1] for argv in started]
