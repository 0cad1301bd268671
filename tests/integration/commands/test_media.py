"""Media files are stored in runs, and any run can be had back."""

import json
import os
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from django_rclone.scratch import scratch_directory
from tests.support.media_state import read_state
from tests.support.signal_recorder import SignalRecorder
from tests.support.site import DjangoSite, record_programs, record_requests, snapshot

FILES = {
    "a.txt": b"a",
    "two words/ünï & co.txt": b"b" * 3000,
    "deep/er/-v": b"",
    'it\'s "odd", a:b.txt': b"c",
}


def names(site: DjangoSite) -> list[str]:
    """Return the names of all runs, the newest first."""
    return [run["name"] for run in site.backups("--media")]


def back_up(site: DjangoSite, *arguments: str) -> str:
    """Make a run, and return its name."""
    before = {path.name for path in site.stored("media/runs")}
    site.call("mediabackup", *arguments)
    (new,) = {path.name for path in site.stored("media/runs") if path.suffix != ".json"} - before
    return new


def fails(site: DjangoSite, command: str, *arguments: str) -> str:
    with pytest.raises(CommandError) as error:
        site.call(command, *arguments)
    assert "Traceback" not in str(error.value)
    return str(error.value)


def test_any_run_comes_back_exactly_whatever_happened_since(site: DjangoSite) -> None:
    site.write_media(FILES)
    (site.media / "empty folder").mkdir()
    (site.media / "two words").chmod(0o700)
    (site.media / "a.txt").chmod(0o600)
    os.utime(site.media / "a.txt", ns=(1, 1_000_000_007))
    first = read_state(site.media)
    run = back_up(site)
    (site.media / "two words/ünï & co.txt").unlink()
    (site.media / "two words").rmdir()
    (site.media / "two words").write_bytes(b"a file now")
    # An edit that keeps size and time.
    (site.media / "a.txt").write_bytes(b"z")
    os.utime(site.media / "a.txt", ns=(1, 1_000_000_007))
    site.write_media({"new.txt": b"new"})
    second = read_state(site.media)
    back_up(site)
    assert [(r["added"], r["changed"], r["deleted"]) for r in site.backups("--media")] == [
        (2, 1, 1),
        (4, 0, 0),
    ]
    site.call("mediarestore", "--at", run, "--delete", "--noinput")
    assert read_state(site.media) == first
    site.call("mediarestore", "--delete", "--noinput")
    assert read_state(site.media) == second


def test_content_is_stored_once_and_never_again(site: DjangoSite, recorder: SignalRecorder) -> None:
    site.write_media({"a": b"same", "b/c": b"same", "other": b"x" * 1000})
    site.call("mediabackup")
    (site.media / "a").rename(site.media / "renamed")
    before = {path: path.stat().st_mtime_ns for path in site.stored("media/content")}
    assert len(before) == 2
    assert "0 bytes sent" in site.call("mediabackup")
    assert {p: p.stat().st_mtime_ns for p in site.stored("media/content")} == before
    assert [event.sent for event in recorder.events if event.state == "succeeded"] == [1004, 0]


def test_an_unchanged_file_is_not_read_again(
    site: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.write_media({"a.txt": b"a"})
    times = (10**18, 10**18)
    os.utime(site.media / "a.txt", ns=times)
    monkeypatch.setattr("django_rclone.operations.media.cache._SETTLED", -(10**12))
    site.call("mediabackup")
    monkeypatch.setattr(
        "django_rclone.operations.media.hashing._hash", lambda *_: pytest.fail("it was read")
    )
    site.call("mediabackup")
    assert site.backups("--media")[0]["changed"] == 0


def test_the_index_of_the_last_run_is_read_only_if_another_host_made_it(site: DjangoSite) -> None:
    site.write_media({"a.txt": b"a", "b.txt": b"b"})
    site.call("mediabackup")
    site.write_media({"c.txt": b"c"})
    with pytest.MonkeyPatch.context() as patch:
        asked = record_requests(patch)
        site.call("mediabackup")
    assert not [
        request for request in asked if request.startswith("GET") and "index.zst" in request
    ]
    here = site.rclone["MEDIA_CACHE_DIR"]
    site.rclone["MEDIA_CACHE_DIR"] = f"{here} of another host"
    site.write_media({"b.txt": b"now"})
    site.call("mediabackup")
    site.rclone["MEDIA_CACHE_DIR"] = here
    (site.media / "a.txt").unlink()
    site.call("mediabackup")
    assert [(r["added"], r["changed"], r["deleted"]) for r in site.backups("--media")] == [
        (0, 0, 1),
        (0, 1, 0),
        (1, 0, 0),
        (2, 0, 0),
    ]


@pytest.mark.parametrize("trouble", ["damaged", "lost", "a folder", "not to be written"])
def test_the_cache_may_be_lost_or_useless(site: DjangoSite, trouble: str) -> None:
    site.write_media({"a.txt": b"a"})
    cache = Path(site.rclone["MEDIA_CACHE_DIR"])
    site.call("mediabackup")
    for path in cache.iterdir():
        path.unlink()
        if trouble == "damaged":
            path.write_bytes(os.urandom(8192))
        elif trouble == "a folder":
            path.mkdir()
    if trouble == "not to be written":
        cache.rmdir()
        cache.write_bytes(b"")
    site.write_media({"a.txt": b"b"})
    site.call("mediabackup")
    site.write_media({"a.txt": b"c"})
    site.call("mediarestore", "--noinput")
    assert snapshot(site.media) == {"a.txt": b"b"}


def test_lost_and_truncated_content_is_stored_again(site: DjangoSite) -> None:
    site.write_media({"a": b"a" * 100, "b": b"b" * 100, "c": b"c" * 100})
    site.call("mediabackup")
    lost, cut, _ = site.stored("media/content")
    lost.unlink()
    cut.write_bytes(cut.read_bytes()[:50])
    site.call("mediabackup")
    for name in "abc":
        (site.media / name).unlink()
    site.call("mediarestore", "--noinput")
    assert snapshot(site.media) == {n: n.encode() * 100 for n in "abc"}


def test_damaged_content_is_named_and_never_restored(site: DjangoSite) -> None:
    site.write_media({"a": b"a", "b": b"b"})
    site.call("mediabackup")
    for path in site.stored("media/content"):
        if path.read_bytes() == b"a":
            path.write_bytes(b"X")
    site.write_media({"a": b"now", "b": b"now", "later": b""})
    said = fails(site, "mediarestore", "--delete", "--force", "--noinput")
    assert "a (its stored content is damaged)" in said
    # What is here may be the only one there is, so nothing is deleted either.
    assert snapshot(site.media) == {"a": b"now", "b": b"b", "later": b""}


# What is restored, and where to


def test_a_part_can_be_restored_and_a_run_be_chosen_by_time(site: DjangoSite) -> None:
    files = dict.fromkeys(("x/a.jpg", "x/b.txt", "xy.jpg", "c.jpg", "c[1].jpg", "c1.jpg"), b"1")
    site.write_media(files)
    site.call("mediabackup")
    for name in snapshot(site.media):
        (site.media / name).write_bytes(b"2")
    when = site.backups("--media")[0]["date"]
    site.call("mediarestore", "--at", when, "--path", "x", "--noinput")
    assert {n for n, data in snapshot(site.media).items() if data == b"1"} == {"x/a.jpg", "x/b.txt"}
    site.call("mediarestore", "--path", "c[1].jpg", "--noinput")
    assert snapshot(site.media)["c[1].jpg"] == b"1"
    assert snapshot(site.media)["c1.jpg"] == b"2"
    site.call("mediarestore", "--path", "*.jpg", "--noinput")
    assert snapshot(site.media)["x/b.txt"] == b"1"
    assert snapshot(site.media)["xy.jpg"] == b"1"
    assert "nothing that matches 'nope'" in fails(
        site, "mediarestore", "--path", "nope", "--noinput"
    )
    minute = f"{when:.16}"
    site.call("mediarestore", "--at", minute, "--path", "c.jpg", "--noinput")
    assert snapshot(site.media)["c.jpg"] == b"1"
    assert "until 2001-01-01" in fails(site, "mediarestore", "--at", "2001-01-01", "--noinput")


def test_a_restore_to_another_folder_leaves_the_media_folder_alone(site: DjangoSite) -> None:
    site.write_media(FILES)
    site.call("mediabackup")
    site.write_media({"a.txt": b"changed"})
    before = read_state(site.media)
    site.call("mediarestore", "--to", str(site.folder / "copy"), "--noinput")
    assert snapshot(site.folder / "copy") == FILES
    assert read_state(site.media) == before


@pytest.mark.parametrize("where", ["media", "media/runs/new", ".."])
def test_nothing_is_restored_to_where_the_backups_are(site: DjangoSite, where: str) -> None:
    site.write_media(FILES)
    site.call("mediabackup")
    stored = snapshot(site.remote)
    folder = site.remote / where
    said = fails(site, "mediarestore", "--to", str(folder), "--noinput")
    assert (
        f"Nothing can be restored to {folder.resolve()}: the backups are in {site.remote}" in said
    )
    assert "MEDIA_SOURCES" not in said
    assert snapshot(site.remote) == stored


@pytest.mark.parametrize("path", ["./x", "x/", "/x", "x//", ".//x/.", "./x/*"])
def test_a_path_may_be_written_as_shells_complete_it(site: DjangoSite, path: str) -> None:
    site.write_media({"x/a": b"1", "y/x/a": b"1", "b": b"1"})
    site.call("mediabackup")
    site.write_media({"x/a": b"22", "y/x/a": b"22", "b": b"22"})
    site.call("mediarestore", "--path", path, "--noinput")
    assert snapshot(site.media) == {"x/a": b"1", "y/x/a": b"22", "b": b"22"}
    run = site.backups("--media")[0]["name"]
    shown = site.call("listbackups", "--media", "--at", run, "--path", path)
    assert "x/a" in shown
    assert "y/x" not in shown
    site.call("mediarestore", "--path", ".", "--noinput")
    assert snapshot(site.media) == {"x/a": b"1", "y/x/a": b"1", "b": b"1"}


@pytest.mark.parametrize("flags", [[], ["--transfers=2"]])
def test_a_few_new_files_take_a_second_rclone_only_for_flags_of_the_user(
    site: DjangoSite, monkeypatch: pytest.MonkeyPatch, flags: list[str]
) -> None:
    """To start it takes longer than to copy them."""
    site.rclone["RCLONE_FLAGS"] = flags
    site.write_media(FILES)
    with monkeypatch.context() as patch:
        started = record_programs(patch)
        site.call("mediabackup")
    verbs = [argv[1] for argv in started if Path(argv[0]).name == "rclone"]
    assert verbs == ["obscure", *(["copy"] if flags else [])]
    site.call("mediarestore", "--to", str(site.folder / "copy"), "--noinput")
    assert snapshot(site.folder / "copy") == FILES


def test_a_preview_of_a_clean_up_counts_the_run_that_is_yet_to_be_made(site: DjangoSite) -> None:
    site.rclone["MEDIA_CLEANUP_KEEP"] = 2
    site.write_media(FILES)
    for number in range(2):
        site.write_media({"number": b"%d" % number})
        site.call("mediabackup")
    stored = site.stored()
    said = site.call("mediabackup", "--dry-run", "--clean").splitlines()
    assert said[1] == "Media source 'media': 2 kept, 1 would be deleted."
    table = said[2:]
    assert table[0] == "(the new run)"
    assert ["WOULD BE DELETED" in line for line in table[1::2]] == [False, False, True]
    assert site.stored() == stored
    site.call("mediabackup", "--clean")
    left = {one["name"] for one in json.loads(site.call("listbackups", "--media", "--json"))}
    assert table[2] in left
    assert table[4] not in left


@pytest.mark.parametrize("at", ["yesterday", "media-2026-01-31-030000.62b28c12.index.zst"])
def test_a_run_that_is_not_there_is_missed_with_what_shows_those_that_are(
    site: DjangoSite, at: str
) -> None:
    for command in (("mediarestore", "--noinput"), ("listbackups", "--media")):
        said = fails(site, *command, "--at", at)
        assert "listbackups --media` shows the runs" in said
        assert "A moment is written as 2026-01-31T03:00" in said


def test_files_that_the_run_lacks_are_kept_unless_told_otherwise(site: DjangoSite) -> None:
    site.write_media({"a": b"a", "b": b"b"})
    site.call("mediabackup")
    site.write_media({"new/x": b"x"})
    assert "2 files: 0 created, 0 replaced; 1 other kept." in site.call("mediarestore", "--noinput")
    said = site.call("mediarestore", "--dry-run", "--delete", "--noinput")
    assert "1 other deleted" in said
    assert (site.media / "new/x").exists()
    site.call("mediarestore", "--noinput", "--delete")
    assert snapshot(site.media) == {"a": b"a", "b": b"b"}
    assert not (site.media / "new").exists()


def test_what_is_in_the_way_stops_a_restore_before_anything_changes(site: DjangoSite) -> None:
    site.write_media({"x": b"file", "y/z": b"in a folder", "other": b"old"})
    first = read_state(site.media)
    site.call("mediabackup")
    for name in ("x", "y/z"):
        (site.media / name).unlink()
    (site.media / "y").rmdir()
    site.write_media({"x/inner": b"1", "y": b"2", "other": b"new"})
    before = read_state(site.media)
    said = fails(site, "mediarestore", "--noinput")
    assert "x (there it is a folder)" in said
    assert "y (there it is no folder)" in said
    assert read_state(site.media) == before
    site.call("mediarestore", "--noinput", "--delete", "--force")
    assert read_state(site.media) == first


def test_what_patterns_leave_out_is_in_the_way_and_never_deleted(site: DjangoSite) -> None:
    site.write_media({"x/y": b"1", "folder/file": b"2", "other": b"old"})
    site.call("mediabackup")
    for path in (site.media / "x", site.media / "folder/file"):
        path.rename(site.folder / path.name)
    site.write_media({"x": b"mine", "folder/file/mine": b"", "other": b"new"})
    site.rclone["MEDIA_SOURCES"] = {"media": {"EXCLUDE": ["x", "file"]}}
    before = read_state(site.media)
    for arguments in ([], ["--delete", "--force"]):
        said = fails(site, "mediarestore", "--noinput", *arguments)
        assert "folder/file (there it is a folder); x (there it is no folder)" in said
    assert "x/y (there it would be in what" in fails(site, "mediarestore", "--path", "x/y")
    assert read_state(site.media) == before


def test_files_in_folders_on_another_disk_are_replaced_whole(
    site: DjangoSite, tmp_path: Path
) -> None:
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK) or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second disk")
    site.rclone["MEDIA_SOURCES"] = {"media": {"LINKS": "follow"}}
    with scratch_directory(memory) as other:
        (site.media / "videos").symlink_to(other)
        site.write_media({"a": b"1", "videos/b": b"2", "videos/deep/c": b"2"})
        first = snapshot(site.media)
        site.call("mediabackup")
        site.write_media({"videos/b": b"new"})
        (other / "deep/c").unlink()
        (other / ".django-rclone-of-a-killed-restore").mkdir()
        site.call("mediarestore", "--noinput")
        assert snapshot(site.media) == first
        shown = site.call("mediabackup")
        assert "3 files: 0 added, 0 changed, 0 deleted, 0 left out" in shown
        assert [path.name for path in (other / "deep").iterdir()] == ["c"]


def test_backups_behind_a_link_that_is_followed_are_left_out(site: DjangoSite) -> None:
    site.write_media({"a": b"1"})
    site.call("mediabackup")
    site.rclone["MEDIA_SOURCES"] = {"media": {"LINKS": "follow", "TOLERATE": ["link/media"]}}
    (site.media / "link").symlink_to(site.remote.parent)
    said = fails(site, "mediabackup", "--force")
    assert f"link/{site.remote.name} (the folder of the backups)" in said
    site.rclone["MEDIA_SOURCES"]["media"]["TOLERATE"] = [f"link/{site.remote.name}", "link/media"]
    site.call("mediabackup", "--force")
    listed = site.call("listbackups", "--media", "--at", names(site)[0])
    assert "media/content" not in listed


def test_a_restore_writes_nothing_through_a_link(site: DjangoSite) -> None:
    outside = site.folder / "outside"
    outside.mkdir()
    site.write_media({"folder/secret.txt": b"older", "a.txt": b"a"})
    site.call("mediabackup")
    (site.media / "folder/secret.txt").unlink()
    (site.media / "folder").rmdir()
    (site.media / "folder").symlink_to(outside)
    assert "folder (there it is no folder)" in fails(site, "mediarestore", "--noinput")
    site.call("mediarestore", "--noinput", "--delete")
    assert list(outside.iterdir()) == []
    assert snapshot(site.media)["folder/secret.txt"] == b"older"


# Guards


def refused(site: DjangoSite, recorder: SignalRecorder, command: str, *arguments: str) -> str:
    recorder.calls.clear()
    before = snapshot(site.folder)
    text = fails(site, command, *arguments)
    assert snapshot(site.folder) == before
    assert f"post_media_{command.removeprefix('media')}" not in recorder.names
    return text


def test_a_missing_or_empty_media_folder_is_refused(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.write_media({"a.txt": b"a"})
    site.call("mediabackup")
    site.media.rename(site.folder / "unmounted")
    assert f"There is no media folder {site.media}" in refused(site, recorder, "mediabackup")
    assert recorder.states == ["media_backup started", "media_backup failed"]
    assert "There is no media folder" in refused(site, recorder, "mediabackup", "--force")
    site.media.mkdir()
    said = refused(site, recorder, "mediabackup")
    assert "is empty" in said
    assert "--force" not in said
    site.call("mediabackup", "--force")
    site.call("mediarestore", "--at", names(site)[1], "--noinput")
    assert snapshot(site.media) == {"a.txt": b"a"}


def test_a_run_after_a_mass_deletion_is_refused_unless_forced(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.write_media({f"{number}.txt": b"x" for number in range(10)})
    site.call("mediabackup")
    for number in range(6):
        (site.media / f"{number}.txt").unlink()
    text = refused(site, recorder, "mediabackup")
    assert "6 of 10 files" in text
    assert "MEDIA_MAX_DELETE" in text
    site.rclone["MEDIA_MAX_DELETE"] = 60
    site.call("mediabackup")
    assert site.backups("--media")[0]["deleted"] == 6


def test_a_restore_that_would_delete_too_much_is_refused_unless_forced(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.write_media({"a.txt": b"a"})
    site.call("mediabackup")
    site.write_media({f"{number}.txt": b"x" for number in range(10)})
    text = refused(site, recorder, "mediarestore", "--noinput", "--delete")
    assert "10 of 11 files" in text
    site.call("mediarestore", "--noinput", "--delete", "--force")
    assert snapshot(site.media) == {"a.txt": b"a"}


def test_without_a_run_there_is_nothing_to_restore(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.write_media(FILES)
    assert "There is no media backup" in refused(site, recorder, "mediarestore", "--noinput")
    assert site.backups("--media") == []


def test_another_environments_run_must_be_asked_for(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.write_media(FILES)
    site.rclone["ENVIRONMENT"] = "production"
    run = back_up(site)
    site.rclone["ENVIRONMENT"] = "staging"
    said = refused(site, recorder, "mediarestore", "--noinput")
    assert "There are runs of another environment: add --from-environment production." in said
    assert "whole of environment 'production'" in site.call("listbackups", "--media")
    assert "'production'" in refused(site, recorder, "mediarestore", "--noinput", "--at", run)
    site.write_media({"a.txt": b"staging"})
    site.call("mediabackup")
    site.call("mediarestore", "--noinput", "--from-environment", "production")
    assert snapshot(site.media) == FILES


@pytest.mark.parametrize("change", ["gone", "unreadable", "altered", "another key", "index cut"])
def test_a_run_that_cannot_be_verified_is_refused_and_nothing_is_lost(
    site: DjangoSite, recorder: SignalRecorder, change: str
) -> None:
    site.write_media(FILES)
    (site.media / "out").symlink_to("/etc")
    run = back_up(site)
    index = site.remote / "media/runs" / run
    manifest = index.with_name(f"{run}.json")
    if change == "gone":
        manifest.unlink()
    elif change == "unreadable":
        manifest.write_bytes(b"{")
    elif change == "altered":
        values = json.loads(manifest.read_text())
        manifest.write_text(json.dumps({**values, "environment": "x"}))
    elif change == "another key":
        site.rclone["SIGNING_KEY"] = "a new one"
    else:
        index.write_bytes(index.read_bytes()[:-5])
    said = refused(site, recorder, "mediarestore", "--noinput", "--at", run)
    assert "Refusing to restore" in said
    assert "mediabackup" not in said
    assert not any(run["verified"] for run in site.backups("--media"))
    if change != "index cut":
        for path in (site.media / "a.txt", site.media / "out"):
            path.unlink()
        site.call("mediarestore", "--noinput", "--at", run, "--unverified")
        assert snapshot(site.media) == FILES
        # A forged run must not show files of this machine to visitors.
        assert not (site.media / "out").is_symlink()


def test_an_altered_index_is_refused(site: DjangoSite, recorder: SignalRecorder) -> None:
    site.write_media({"a.txt": b"a" * 500})
    run = back_up(site)
    site.write_media({"b.txt": b"b" * 500})
    other = back_up(site)
    folder = site.remote / "media/runs"
    data = bytearray((folder / other).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / other).write_bytes(data)
    said = refused(site, recorder, "mediarestore", "--noinput")
    assert other in said or "index" in said or "backup" in said
    site.call("mediarestore", "--noinput", "--at", run)


# Interruptions


def test_a_killed_backup_leaves_the_last_run_and_the_next_one_goes_on(site: DjangoSite) -> None:
    site.write_media({"a.txt": b"a"})
    site.call("mediabackup")
    site.write_media({f"{n}.bin": os.urandom(400_000) for n in range(6)})
    site.rclone["RCLONE_FLAGS"] = ["--bwlimit=500k", "--transfers=1"]
    process = site.start("mediabackup")
    while len(site.stored("media/content")) < 3:
        assert process.poll() is None
    process.kill()
    process.communicate(timeout=240)
    site.rclone["RCLONE_FLAGS"] = []
    assert [run["files"] for run in site.backups("--media")] == [1]
    state = read_state(site.media)
    site.call("mediabackup", "--force")
    for path in site.media.iterdir():
        path.unlink()
    site.call("mediarestore", "--noinput")
    assert read_state(site.media) == state


def test_a_killed_restore_leaves_each_file_old_or_new_and_the_next_one_completes_it(
    site: DjangoSite,
) -> None:
    new = {f"{n}.bin": os.urandom(400_000) for n in range(6)}
    site.write_media(new)
    site.call("mediabackup")
    old = dict.fromkeys(new, b"old")
    site.write_media(old)
    site.rclone["RCLONE_FLAGS"] = ["--bwlimit=500k", "--transfers=1"]
    process = site.start("mediarestore", "--noinput")
    while not list(site.media.glob(".django-rclone-*/*/*")):
        assert process.poll() is None
    process.kill()
    process.communicate(timeout=240)
    site.rclone["RCLONE_FLAGS"] = []
    for name in new:
        assert (site.media / name).read_bytes() in (old[name], new[name])
    site.call("mediarestore", "--noinput")
    assert {k: v for k, v in snapshot(site.media).items() if "/" not in k} == new


# Listing


def test_listing_shows_runs_and_their_files(site: DjangoSite) -> None:
    site.write_media(FILES)
    run = back_up(site)
    (listed,) = site.backups("--media")
    assert listed["size"] == sum(map(len, FILES.values()))
    assert (listed["files"], listed["whole"], listed["verified"]) == (len(FILES), True, True)
    assert listed["kept"] == ["last 1 of 10", "newest"]
    assert listed["age"] < 240
    entries = site.backups("--media", "--at", run)
    assert {e["path"]: e["size"] for e in entries if e["kind"] == "file"} == {
        name: len(data) for name, data in FILES.items()
    }
    shown = site.call("listbackups", "--media", "--at", run, "--path", "two words")
    assert "two words/ünï & co.txt" in shown
    assert "a.txt" not in shown


@pytest.mark.thorough
def test_a_media_root_that_is_a_link_is_followed(site: DjangoSite) -> None:
    site.write_media(FILES)
    real = site.folder / "volume"
    site.media.rename(real)
    site.media.symlink_to(real)
    site.call("mediabackup")
    (real / "a.txt").write_bytes(b"z")
    site.call("mediarestore", "--noinput")
    assert snapshot(real) == FILES
    assert site.media.is_symlink()


@pytest.mark.thorough
def test_media_root_must_be_set(site: DjangoSite, settings: object) -> None:
    settings.MEDIA_ROOT = ""  # type: ignore[attr-defined]
    with pytest.raises(CommandError, match="MEDIA_ROOT") as error:
        site.call("mediabackup")
    assert error.value.returncode == 2
