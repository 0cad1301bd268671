"""Media files are mirrored both ways, and guarded."""

import json
import os
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from tests.support.signal_recorder import SignalRecorder
from tests.support.site import DjangoSite, snapshot

FILES = {
    "a.txt": b"a",
    "two words/ünï & co.txt": b"b" * 3000,
    "deep/er/-v": b"",
    'it\'s "odd", a:b.txt': b"c",
}


def spoil(site: DjangoSite) -> None:
    """Delete, change and add files; one change keeps size and time."""
    (site.media / "two words/ünï & co.txt").unlink()
    path = site.media / "a.txt"
    times = path.stat()
    path.write_bytes(b"z")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    site.write_media({"new.txt": b"new"})


def test_media_files_come_back_exactly(site: DjangoSite) -> None:
    site.write_media(FILES)
    site.call("mediabackup")
    assert snapshot(site.remote / "media") == FILES
    spoil(site)
    site.call("mediarestore", "--noinput")
    assert snapshot(site.media) == FILES


def test_the_mirror_follows_changes_and_deletions(site: DjangoSite) -> None:
    site.write_media(FILES)
    site.call("mediabackup")
    (site.media / "a.txt").unlink()
    site.write_media({"new.txt": b"new", "deep/er/-v": b"changed"})
    site.call("mediabackup")
    assert snapshot(site.remote / "media") == snapshot(site.media)


@pytest.mark.thorough
def test_a_media_root_that_is_a_link_is_followed(site: DjangoSite) -> None:
    site.write_media(FILES)
    real = site.folder / "volume"
    site.media.rename(real)
    site.media.symlink_to(real)
    site.call("mediabackup")
    assert snapshot(site.remote / "media") == FILES
    spoil(site)
    site.call("mediarestore", "--noinput")
    assert snapshot(real) == FILES
    assert site.media.is_symlink()


def test_media_on_a_remote_is_mirrored_too(
    site: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = site.folder / "bucket"
    bucket.mkdir()
    (bucket / "x.txt").write_bytes(b"x")
    monkeypatch.setenv("RCLONE_CONFIG_BUCKET_TYPE", "alias")
    monkeypatch.setenv("RCLONE_CONFIG_BUCKET_REMOTE", str(bucket))
    site.rclone["MEDIA_SOURCE"] = "bucket:"
    site.call("mediabackup")
    (bucket / "x.txt").write_bytes(b"y")
    site.call("mediarestore", "--noinput")
    assert (bucket / "x.txt").read_bytes() == b"x"


def refused(site: DjangoSite, recorder: SignalRecorder, command: str, *arguments: str) -> str:
    before = snapshot(site.folder)
    with pytest.raises(CommandError) as error:
        site.call(command, *arguments)
    assert snapshot(site.folder) == before
    assert f"post_media_{command.removeprefix('media')}" not in recorder.names
    return str(error.value)


def test_a_missing_media_folder_is_refused(site: DjangoSite, recorder: SignalRecorder) -> None:
    site.write_media(FILES)
    site.call("mediabackup")
    recorder.calls.clear()
    site.media.rename(site.folder / "unmounted")
    assert f"There is no media folder {site.media}" in refused(site, recorder, "mediabackup")
    assert recorder.states == ["media_backup started", "media_backup failed"]
    assert "There is no media folder" in refused(site, recorder, "mediabackup", "--force")


def test_an_empty_media_folder_is_refused_unless_forced(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.write_media({"a.txt": b"a"})
    site.call("mediabackup")
    recorder.calls.clear()
    (site.media / "a.txt").unlink()
    assert "is empty" in refused(site, recorder, "mediabackup")
    site.call("mediabackup", "--force")
    assert snapshot(site.remote / "media") == {}


def test_a_backup_that_would_delete_too_much_is_refused_unless_forced(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.write_media({f"{number}.txt": b"x" for number in range(10)})
    site.call("mediabackup")
    recorder.calls.clear()
    for number in range(6):
        (site.media / f"{number}.txt").unlink()
    text = refused(site, recorder, "mediabackup")
    assert "6 of 10 files" in text
    assert "MEDIA_MAX_DELETE" in text
    site.rclone["MEDIA_MAX_DELETE"] = 60
    site.call("mediabackup")
    assert len(snapshot(site.remote / "media")) == 4


@pytest.mark.thorough
def test_a_restore_that_would_delete_too_much_is_refused_unless_forced(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.write_media({"a.txt": b"a"})
    site.call("mediabackup")
    recorder.calls.clear()
    site.write_media({f"{number}.txt": b"x" for number in range(10)})
    assert "10 of 11 files" in refused(site, recorder, "mediarestore", "--noinput")
    site.call("mediarestore", "--noinput", "--force")
    assert snapshot(site.media) == {"a.txt": b"a"}


@pytest.mark.thorough
def test_a_restore_into_a_missing_folder_makes_it(site: DjangoSite) -> None:
    site.write_media(FILES)
    site.call("mediabackup")
    site.media.rename(site.folder / "lost")
    site.call("mediarestore", "--noinput")
    assert snapshot(site.media) == FILES


def test_without_a_backup_there_is_nothing_to_restore(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.write_media(FILES)
    assert "There is no media backup" in refused(site, recorder, "mediarestore", "--noinput")
    assert site.backups("--media") == []


@pytest.mark.parametrize("change", ["gone", "unreadable", "altered", "file lost", "file added"])
def test_a_media_backup_without_a_manifest_is_refused_unless_unverified_is_given(
    site: DjangoSite, recorder: SignalRecorder, change: str
) -> None:
    site.write_media(FILES)
    site.call("mediabackup")
    recorder.calls.clear()
    manifest = site.remote / "media.json"
    if change == "gone":
        manifest.unlink()
    elif change == "unreadable":
        manifest.write_bytes(b"{")
    elif change == "altered":
        values = json.loads(manifest.read_text())
        manifest.write_text(json.dumps({**values, "environment": "x"}))
    elif change == "file lost":
        (site.remote / "media" / "deep/er/-v").unlink()
    else:
        (site.remote / "media" / "planted").write_bytes(b"")
    assert "Refusing to restore" in refused(site, recorder, "mediarestore", "--noinput")
    assert not any(backup["verified"] for backup in site.backups("--media"))
    if change not in ("altered",):
        site.call("mediarestore", "--noinput", "--unverified")


def test_another_environments_media_must_be_asked_for(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.write_media(FILES)
    site.rclone["ENVIRONMENT"] = "production"
    site.call("mediabackup")
    recorder.calls.clear()
    site.rclone["ENVIRONMENT"] = "staging"
    assert "--from-environment" in refused(site, recorder, "mediarestore", "--noinput")
    site.call("mediarestore", "--noinput", "--from-environment", "production")


@pytest.mark.thorough
def test_an_unfinished_mirror_of_another_environment_is_not_replaced_either(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.write_media({**FILES, "big": os.urandom(3_000_000)})
    site.rclone["ENVIRONMENT"] = "production"
    site.rclone["RCLONE_FLAGS"] = ["--bwlimit=500k"]
    process = site.start("mediabackup")
    while not (site.remote / "media.json").is_file():
        assert process.poll() is None
    process.kill()
    process.communicate(timeout=240)
    site.rclone["RCLONE_FLAGS"] = []
    site.rclone["ENVIRONMENT"] = "staging"
    recorder.calls.clear()
    for lock in site.stored("locks"):
        lock.unlink()
    assert "'production'" in refused(site, recorder, "mediabackup")
    site.rclone["ENVIRONMENT"] = "production"
    site.call("mediabackup")


@pytest.mark.thorough
def test_another_environments_mirror_is_not_replaced_unless_forced(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.write_media(FILES)
    site.rclone["ENVIRONMENT"] = "production"
    site.call("mediabackup")
    recorder.calls.clear()
    site.rclone["ENVIRONMENT"] = "staging"
    assert "'production'" in refused(site, recorder, "mediabackup")
    site.call("mediabackup", "--force")
    assert site.backups("--media")[0]["environment"] == "staging"


def test_an_interrupted_backup_leaves_no_listed_media_backup(site: DjangoSite) -> None:
    site.write_media(FILES)
    site.call("mediabackup")
    site.write_media({"big": os.urandom(3_000_000)})
    site.rclone["RCLONE_FLAGS"] = ["--bwlimit=500k"]
    process = site.start("mediabackup")
    while b'"unfinished":false' in (site.remote / "media.json").read_bytes():
        assert process.poll() is None
    process.kill()
    process.communicate(timeout=240)
    site.rclone["RCLONE_FLAGS"] = []
    assert site.backups("--media") == []
    site.call("mediabackup")
    assert site.backups("--media")[0]["verified"]


def test_the_remote_inside_the_media_folder_is_refused(site: DjangoSite) -> None:
    site.write_media(FILES)
    site.rclone["REMOTE"] = str(site.media / "backups")
    with pytest.raises(CommandError):
        site.call("mediabackup")


@pytest.mark.thorough
def test_media_root_must_be_set(site: DjangoSite, settings: object) -> None:
    settings.MEDIA_ROOT = ""  # type: ignore[attr-defined]
    with pytest.raises(CommandError, match="MEDIA_ROOT") as error:
        site.call("mediabackup")
    assert error.value.returncode == 2


def test_listing_shows_size_and_date_of_the_media_backup(site: DjangoSite) -> None:
    site.write_media(FILES)
    site.call("mediabackup")
    (listed,) = site.backups("--media")
    assert listed["size"] == sum(map(len, FILES.values()))
    assert listed["verified"]
    assert listed["age"] < 60
    assert Path(listed["path"]) == Path("media")
