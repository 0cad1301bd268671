"""Files are sent and fetched batch by batch: we work at one while rclone works at another."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError

from django_rclone.operations.media import batch as batch_module
from django_rclone.operations.media import fetching, sending
from django_rclone.operations.media.batch import Batch
from django_rclone.operations.media.download import Download
from django_rclone.operations.media.hashing import Hashed
from django_rclone.rclone.copies import Copied
from tests.faults.endpoints import S3, CryptOverS3, Served
from tests.support.media_remotes import REMOTES, stored_on
from tests.support.site import DjangoSite, record_programs, snapshot

FILES = {"a": b"same", "b": b"same", "c": b"other", "d": b"one more"}


@pytest.fixture
def one_by_one(site: DjangoSite, monkeypatch: pytest.MonkeyPatch) -> DjangoSite:
    """A site whose files are batches of one, each sent by a run of rclone."""
    monkeypatch.setattr(sending, "_BATCH", 1)
    monkeypatch.setattr(batch_module, "_FEW", 0)
    site.write_media(FILES)
    return site


def restored(site: DjangoSite) -> dict[str, bytes]:
    site.call("mediarestore", "--noinput", "--to", str(site.folder / "copy"))
    return snapshot(site.folder / "copy")


def test_a_batch_is_read_while_the_one_before_is_sent(
    one_by_one: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    class Noted(Batch):
        def read(self) -> list[Hashed]:
            steps.append(f"read {self.paths[0].decode()}")
            return super().read()

        def finish(self) -> Copied:
            steps.append(f"finish {self.paths[0].decode()}")
            return super().finish()

    monkeypatch.setattr(sending, "Batch", Noted)
    one_by_one.call("mediabackup")
    assert steps == [
        "read a",
        *("read b", "finish a"),
        *("read c", "finish b"),
        *("read d", "finish c"),
        "finish d",
    ]
    assert restored(one_by_one) == FILES


def test_content_that_is_on_its_way_is_not_sent_twice(one_by_one: DjangoSite) -> None:
    said = one_by_one.call("mediabackup")
    assert "4 files: 4 added, 0 changed, 0 deleted, 0 left out; 17 bytes sent." in said
    assert restored(one_by_one) == FILES


def test_content_is_sent_again_if_the_file_it_was_first_read_from_changed(
    one_by_one: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Batch.finish
    changing = one_by_one.media / "a"

    def finish_while_it_changes(batch: Batch) -> Copied:
        copied = original(batch)
        if list(batch.paths) == [b"a"] and changing.read_bytes() == b"same":
            changing.write_bytes(b"changed")
        return copied

    monkeypatch.setattr(Batch, "finish", finish_while_it_changes)
    one_by_one.call("mediabackup")
    assert restored(one_by_one) == {**FILES, "a": b"changed"}


@pytest.mark.parametrize("together", [False, True])
def test_a_file_is_stored_though_an_equal_one_changes_all_the_time(
    one_by_one: DjangoSite, monkeypatch: pytest.MonkeyPatch, together: bool
) -> None:
    original = Batch.finish

    def finish_while_it_is_touched(batch: Batch) -> Copied:
        copied = original(batch)
        (one_by_one.media / "a").touch()
        return copied

    monkeypatch.setattr(sending, "_BATCH", 10 if together else 1)
    monkeypatch.setattr(Batch, "finish", finish_while_it_is_touched)
    one_by_one.call("mediabackup")
    assert restored(one_by_one) == FILES


def test_an_error_stops_the_copy_on_its_way_and_leaves_no_links(
    one_by_one: DjangoSite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    links = tmp_path / "links"
    links.mkdir()
    monkeypatch.setattr(batch_module, "_IN_MEMORY", links)
    started: list[subprocess.Popen[bytes]] = []
    original = subprocess.Popen

    def popen(*args: object, **options: object) -> subprocess.Popen[bytes]:
        started.append(original(*args, **options))  # type: ignore[call-overload]
        return started[-1]

    def fail(batch: Batch) -> list[Hashed]:
        if b"c" in batch.paths:
            raise RuntimeError("no more")
        return read(batch)

    read = Batch.read
    monkeypatch.setattr(Batch, "read", fail)
    with monkeypatch.context() as patch:
        patch.setattr("subprocess.Popen", popen)
        with pytest.raises(RuntimeError):
            one_by_one.call("mediabackup")
    assert len(started) > 2
    assert [program.poll() for program in started if program.poll() is None] == []
    assert list(links.iterdir()) == []
    assert one_by_one.backups("--media") == []


@pytest.mark.parametrize("kind", REMOTES)
def test_more_small_files_are_on_their_way_at_once_to_a_storage_of_objects(
    one_by_one: DjangoSite,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[Served] | None,
    tmp_path: Path,
) -> None:
    with stored_on(kind, one_by_one, tmp_path), monkeypatch.context() as patch:
        started = record_programs(patch)
        one_by_one.call("mediabackup")
        one_by_one.call("mediarestore", "--noinput", "--to", str(one_by_one.folder / "copy"))
    copies = [argv for argv in started if argv[1] == "copy"]
    assert len(copies) == 4
    many = 64 if kind in (S3, CryptOverS3) else 16
    assert {flag for argv in copies for flag in argv if flag.startswith("--transfers=")} == {
        f"--transfers={many}"
    }
    assert snapshot(one_by_one.folder / "copy") == FILES


def test_fewer_large_files_are_on_their_way_at_once(
    one_by_one: DjangoSite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Their buffers must fit into memory."""
    monkeypatch.setattr("django_rclone.rclone.parallel._SMALL", 7)
    with stored_on(S3, one_by_one, tmp_path), monkeypatch.context() as patch:
        started = record_programs(patch)
        one_by_one.call("mediabackup")
    copies = [argv for argv in started if argv[1] == "copy"]
    assert ["--transfers=64" in argv for argv in copies] == [True, True, False]


# Restores


@pytest.fixture
def stored_one_by_one(one_by_one: DjangoSite, monkeypatch: pytest.MonkeyPatch) -> DjangoSite:
    """The same with a run, which is restored in batches of one file."""
    monkeypatch.setattr(fetching, "_BATCH", 1)
    one_by_one.write_media({"empty": b""})
    one_by_one.call("mediabackup")
    return one_by_one


def test_a_batch_is_put_in_place_while_the_next_is_fetched(
    stored_one_by_one: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    class Noted(Download):
        def finish(self) -> Copied:
            steps.append(f"finish {self.batch[0].path.decode()}")
            return super().finish()

        def problems(self, copied: Copied) -> dict[str, str]:
            steps.append(f"place {self.batch[0].path.decode()}")
            return super().problems(copied)

        def begin(self, *arguments: Any) -> None:
            steps.append(f"begin {self.batch[0].path.decode()}")
            super().begin(*arguments)

    monkeypatch.setattr(fetching, "Download", Noted)
    assert restored(stored_one_by_one) == {**FILES, "empty": b""}
    assert steps[:5] == ["begin a", "finish a", "begin b", "place a", "finish b"]
    assert steps[-2:] == ["finish empty", "place empty"]


def test_what_is_missing_in_one_batch_is_named_and_the_rest_restored(
    stored_one_by_one: DjangoSite,
) -> None:
    (lost,) = [p for p in stored_one_by_one.stored("media/content") if p.read_bytes() == b"other"]
    lost.unlink()
    with pytest.raises(CommandError, match="1 file could not be restored, all others were: c "):
        restored(stored_one_by_one)
    there = snapshot(stored_one_by_one.folder / "copy")
    assert there == {"a": b"same", "b": b"same", "d": b"one more", "empty": b""}
    assert not list((stored_one_by_one.folder / "copy").glob(".django-rclone-*"))
