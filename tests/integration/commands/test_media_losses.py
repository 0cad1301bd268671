"""What could get lost between a media folder and its runs, and does not, or not unnoticed."""

import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from unicodedata import normalize

import pytest
from django.core.management.base import CommandError

from django_rclone.operations.media.batch import Batch
from django_rclone.rclone.copies import Copied
from tests.support.media_remotes import REMOTES, stored_on
from tests.support.media_state import read_state
from tests.support.site import DjangoSite, snapshot

FILES = {"a.txt": b"a", "b/c.txt": b"c" * 3000}


def fails(site: DjangoSite, command: str, *arguments: str) -> str:
    with pytest.raises(CommandError) as error:
        site.call(command, *arguments)
    assert "Traceback" not in str(error.value)
    return str(error.value)


# Names

ODD_NAMES = [
    *(normalize(form, "caf\xe9/\xfcb.jpg").encode() for form in ("NFC", "NFD")),
    b"\xff\xfe/not text \xe9",
    b"new\nline",
    b"-v",
    b" both ",
    b"back\\slash",
    b"[a]{b}*?.txt",
    b"#x {{y}} %2F ~",
    b"Photo.txt",
    b"photo.txt",
    b"CON.",
    b"x.rclonelink",
    b"x.partial",
    b"l" * 255,
    "\u202e".encode() + b"gpj.exe",
    b"tab\tbell\x07del\x7f",
]


@pytest.fixture(params=REMOTES)
def anywhere(
    site: DjangoSite, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[DjangoSite]:
    """A site whose remote is a folder, or a server."""
    with stored_on(request.param, site, tmp_path):
        yield site


def test_odd_names_links_and_empty_folders_come_back_byte_for_byte(anywhere: DjangoSite) -> None:
    site = anywhere
    top = os.fsencode(site.media)
    for number, name in enumerate(ODD_NAMES):
        for path in (os.path.join(top, name), os.path.join(top, b"sub", name)):
            Path(os.fsdecode(os.path.dirname(path))).mkdir(parents=True, exist_ok=True)
            Path(os.fsdecode(path)).write_bytes(b"%d" % number)
    (site.media / "empty" / "deep").mkdir(parents=True)
    (site.media / "nothing").touch()
    Path(os.fsdecode(top + b"/\xff\xfe/link")).symlink_to(os.fsdecode(b"to \xff"))
    state = read_state(site.media)
    site.call("mediabackup")
    site.media.rename(site.folder / "lost")
    site.call("mediarestore", "--noinput")
    assert read_state(site.media) == state
    site.write_media({"-v": b"an edit"})
    site.call("mediabackup", "--clean")
    assert site.backups("--media")[0]["changed"] == 1
    site.call("mediarestore", "--noinput", "--at", site.backups("--media")[1]["name"])
    assert read_state(site.media) == state


# Guards


def test_every_guard_holds_before_anything_is_stored_or_changed(anywhere: DjangoSite) -> None:
    site = anywhere
    files = {f"{number}.txt": b"%d" % number for number in range(10)}
    site.write_media(files)
    site.call("mediabackup")
    site.media.rename(site.folder / "unmounted")
    assert "There is no media folder" in fails(site, "mediabackup", "--force")
    site.media.mkdir()
    assert "is empty" in fails(site, "mediabackup")
    site.write_media({"0.txt": b"0"})
    assert "9 of 10 files of the last run are gone" in fails(site, "mediabackup")
    others = {f"other {number}": b"" for number in range(10)}
    site.write_media(others)
    restore = ("mediarestore", "--noinput", "--delete")
    assert "10 of 11 files" in fails(site, *restore)
    site.rclone["ENVIRONMENT"] = "staging"
    assert "--from-environment" in fails(site, *restore)
    del site.rclone["ENVIRONMENT"]
    site.rclone["SIGNING_KEY"] = "another"
    assert "Refusing to restore" in fails(site, *restore)
    del site.rclone["SIGNING_KEY"]
    around = site.rclone["REMOTE"].rpartition("/")[0] or site.rclone["REMOTE"]
    place = {"FOLDER" if around.startswith("/") else "REMOTE": around}
    site.rclone["MEDIA_SOURCES"] = {"media": place}
    assert "MEDIA_SOURCES are not separate" in fails(site, "mediabackup", "--force")
    del site.rclone["MEDIA_SOURCES"]
    assert snapshot(site.media) == {"0.txt": b"0", **others}
    (run,) = site.backups("--media")
    assert (run["files"], run["verified"], run["whole"]) == (10, True, True)


# What cannot be stored


def pipe(site: DjangoSite) -> str:
    os.mkfifo(site.media / "b" / "pipe")
    return "b/pipe (a pipe)"


def listener(site: DjangoSite) -> str:
    with closing(socket.socket(socket.AF_UNIX)) as opened:
        here = Path.cwd()
        os.chdir(site.media)  # the path of a socket is limited
        try:
            opened.bind("socket")
        finally:
            os.chdir(here)
    return "socket (a socket)"


def device(site: DjangoSite) -> str:
    try:
        os.mknod(site.media / "device", stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root makes devices")
    return "device (a device)"


@pytest.mark.parametrize("make", [pipe, listener, device])
def test_what_cannot_be_stored_is_named_and_the_rest_is_stored(
    site: DjangoSite, make: Callable[[DjangoSite], str]
) -> None:
    site.write_media({**FILES, "old.txt": b"old"})
    site.call("mediabackup")
    named = make(site)
    (site.media / "old.txt").unlink()
    site.write_media({"new.txt": b"new"})
    assert named in fails(site, "mediabackup")
    newest, oldest = site.backups("--media")
    assert (newest["whole"], newest["left_out"], newest["verified"]) == (False, 1, True)
    assert "INCOMPLETE (1 left out)" in site.call("listbackups", "--media")
    # The last whole run is what comes back unless the other one is asked for.
    site.call("mediarestore", "--noinput")
    assert snapshot(site.media)["old.txt"] == b"old"
    (site.media / "new.txt").unlink()
    assert "not known to be whole" in fails(
        site, "mediarestore", "--noinput", "--delete", "--at", newest["name"]
    )
    site.call("mediarestore", "--noinput", "--at", newest["name"])
    assert snapshot(site.media)["new.txt"] == b"new"
    assert oldest["whole"]


def test_what_is_tolerated_leaves_a_run_whole(site: DjangoSite) -> None:
    site.rclone["MEDIA_SOURCES"] = {"media": {"TOLERATE": ["*.sock", "pipes"]}}
    site.write_media(FILES)
    (site.media / "pipes").mkdir()
    os.mkfifo(site.media / "pipes" / "one")
    site.call("mediabackup")
    (listed,) = site.backups("--media")
    assert (listed["whole"], listed["left_out"]) == (True, 1)
    os.mkfifo(site.media / "another")
    said = fails(site, "mediabackup")
    assert "another (a pipe)" in said
    assert "pipes" not in said


def test_a_file_that_grows_during_the_run_is_named_and_the_rest_is_stored(
    site: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.write_media({**FILES, "log.bin": b"x" * 1000})
    original = Batch.finish

    def finish_while_it_grows(batch: Batch) -> Copied:
        copied = original(batch)
        with (site.media / "log.bin").open("ab") as log:
            log.write(b"more")
        return copied

    monkeypatch.setattr(Batch, "finish", finish_while_it_grows)
    assert "log.bin (it changes while it is read)" in fails(site, "mediabackup")
    monkeypatch.undo()
    # Nothing is stored under a name that may be wrong.
    assert {path.read_bytes() for path in site.stored("media/content")} == {*FILES.values()}
    for name in snapshot(site.media):
        (site.media / name).unlink()
    site.call("mediarestore", "--noinput")
    assert snapshot(site.media) == FILES


def test_a_file_that_cannot_be_read_is_named(
    site: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.write_media({**FILES, "private/x": b"x", "secret": b"s"})
    site.call("mediabackup")
    real_open, real_scandir = os.open, os.scandir

    def refuse(path: object, *args: object, **options: object) -> int:
        if str(path).endswith("secret'"):
            raise PermissionError(13, "Permission denied")
        return real_open(path, *args, **options)  # type: ignore[arg-type]

    def refuse_folder(path: object) -> object:
        if str(path).endswith("private'"):
            raise PermissionError(13, "Permission denied")
        return real_scandir(path)  # type: ignore[call-overload]

    site.write_media({"secret": b"changed"})
    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(os, "scandir", refuse_folder)
    said = fails(site, "mediabackup")
    monkeypatch.undo()
    assert "private (Permission denied)" in said
    assert "secret (Permission denied)" in said
    # Of what could not be looked at, nobody says that it is gone.
    assert site.backups("--media")[0]["deleted"] == 0
    # Nor is anything remembered of it.
    site.call("mediabackup")
    site.call("mediarestore", "--noinput", "--to", str(site.folder / "copy"))
    assert snapshot(site.folder / "copy") == snapshot(site.media)


# Links


@pytest.fixture
def outside(site: DjangoSite) -> Path:
    folder = site.folder / "outside"
    folder.mkdir()
    (folder / "secret.txt").write_bytes(b"secret")
    return folder


def linked(site: DjangoSite, outside: Path, how: str) -> dict[str, str]:
    site.rclone["MEDIA_SOURCES"] = {"media": {"LINKS": how}}
    site.write_media(FILES)
    links = {"folder": str(outside), "b/file": "../a.txt"}
    for name, target in links.items():
        (site.media / name).symlink_to(target)
    return links


def stored(site: DjangoSite) -> set[bytes]:
    return {path.read_bytes() for path in site.stored("media/content")}


def test_links_are_stored_as_links_and_never_followed(site: DjangoSite, outside: Path) -> None:
    links = linked(site, outside, "store")
    (site.media / "gone").symlink_to("nowhere")
    state = read_state(site.media)
    site.call("mediabackup")
    assert b"secret" not in stored(site)
    for name in (*links, "gone"):
        (site.media / name).unlink()
    site.call("mediarestore", "--noinput")
    assert read_state(site.media) == state


@pytest.mark.thorough
def test_links_can_be_left_out(
    site: DjangoSite, outside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    linked(site, outside, "skip")
    site.call("mediabackup")
    assert stored(site) == {*FILES.values()}
    assert "folder (a link to " in capsys.readouterr().err
    assert site.backups("--media")[0]["whole"]
    site.call("mediarestore", "--noinput", "--delete")
    assert (site.media / "folder").is_symlink()


def test_links_are_followed_if_so_set_but_never_in_circles(site: DjangoSite, outside: Path) -> None:
    linked(site, outside, "follow")
    site.call("mediabackup")
    assert b"secret" in stored(site)
    (site.media / "b" / "round").symlink_to("..")
    (site.media / "dangling").symlink_to("nowhere")
    said = fails(site, "mediabackup")
    assert "b/round (a link to a folder that it is in)" in said
    assert "dangling (a link to what is not there)" in said
    site.call("mediarestore", "--noinput", "--to", str(site.folder / "copy"))
    assert snapshot(site.folder / "copy")["folder/secret.txt"] == b"secret"


# Sources


def test_patterns_say_what_is_left_out(site: DjangoSite) -> None:
    site.rclone["MEDIA_SOURCES"] = {
        "media": {"EXCLUDE": ["thumbnails", "cache/*.tmp"], "INCLUDE": ["*.jpg", "*.tmp"]}
    }
    files = ["a.jpg", "x/thumbnails/a.jpg", "cache/a.tmp", "x/cache/a.tmp", "b.txt"]
    site.write_media(dict.fromkeys(files, b"x"))
    site.call("mediabackup")
    site.call("mediarestore", "--noinput", "--to", str(site.folder / "copy"))
    assert set(snapshot(site.folder / "copy")) == {"a.jpg", "x/cache/a.tmp"}
    (site.media / "a.jpg").unlink()
    site.call("mediarestore", "--noinput", "--delete", "--force")
    assert set(snapshot(site.media)) == set(files)


def test_several_sources_have_runs_of_their_own(site: DjangoSite) -> None:
    other = site.folder / "documents"
    other.mkdir()
    (other / "a.pdf").write_bytes(b"pdf")
    site.write_media(FILES)
    site.rclone["MEDIA_SOURCES"] = {"media": {}, "documents": {"FOLDER": str(other)}}
    site.call("mediabackup")
    assert {run["source"] for run in site.backups("--media")} == {"media", "documents"}
    (other / "a.pdf").unlink()
    assert "several sources" in fails(site, "mediarestore", "--noinput")
    site.call("mediarestore", "--noinput", "--source", "documents")
    assert snapshot(other) == {"a.pdf": b"pdf"}
    other.rename(site.folder / "unmounted")
    site.write_media({"new.txt": b"new"})
    said = fails(site, "mediabackup")
    assert "Media source 'documents' was not backed up: There is no media folder" in said
    assert site.backups("--media", "--source", "media")[0]["added"] == 1


def test_a_source_on_a_remote_is_stored_and_restored(
    site: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = site.folder / "bucket"
    files = {"x.txt": b"x", "deep/y\xe9.txt": b"y" * 1000, "gone.txt": b"g"}
    for name, data in files.items():
        (bucket / name).parent.mkdir(parents=True, exist_ok=True)
        (bucket / name).write_bytes(data)
    monkeypatch.setenv("RCLONE_CONFIG_BUCKET_TYPE", "alias")
    monkeypatch.setenv("RCLONE_CONFIG_BUCKET_REMOTE", str(bucket))
    site.rclone["MEDIA_SOURCES"] = {"media": {"REMOTE": "bucket:"}}
    site.call("mediabackup")
    (bucket / "x.txt").write_bytes(b"z")
    (bucket / "gone.txt").unlink()
    (bucket / "new.txt").write_bytes(b"new")
    site.call("mediabackup")
    newest, first = site.backups("--media")
    assert (newest["added"], newest["changed"], newest["deleted"]) == (1, 1, 1)
    site.call("mediarestore", "--noinput", "--delete", "--at", first["name"])
    assert snapshot(bucket) == files
    bucket.rename(site.folder / "moved")
    assert "There is no media folder bucket:" in fails(site, "mediabackup")


@pytest.mark.parametrize(
    "flag",
    ["--modify-window=1000h", "--ignore-errors", "--max-transfer=1", "--copy-links", "-L",
     "--local-no-check-updated", "--ignore-case-sync", "--max-duration=1s", "--track-renames",
     "--use-server-modtime", "--local-links", "--name-transform=x", "--delete-excluded"],
)  # fmt: skip
def test_a_flag_that_would_leave_files_out_is_refused(site: DjangoSite, flag: str) -> None:
    site.rclone["RCLONE_FLAGS"] = [flag]
    site.write_media(FILES)
    assert flag.partition("=")[0] in fails(site, "mediabackup")
