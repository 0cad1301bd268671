"""What could get lost between a media folder and its mirror, and does not, or not unnoticed."""

import json
import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from unicodedata import normalize

import pytest
from django.core.management.base import CommandError

from tests.faults.endpoints import Endpoint, Webdav
from tests.support.site import RCLONE, DjangoSite, snapshot

FILES = {"a.txt": b"a", "b/c.txt": b"c" * 3000}


def fails(site: DjangoSite, command: str, *arguments: str) -> str:
    with pytest.raises(CommandError) as error:
        site.call(command, *arguments)
    assert "Traceback" not in str(error.value)
    return str(error.value)


def mirrored(site: DjangoSite) -> dict[str, bytes]:
    return snapshot(site.remote / "media")


# Names


def test_names_that_only_look_the_same_are_two_files(site: DjangoSite) -> None:
    files = {normalize(form, "b/caf\xe9.jpg"): form.encode() for form in ("NFC", "NFD")}
    files |= {normalize(form, "\xfcb/x.jpg"): form.encode() for form in ("NFC", "NFD")}
    site.write_media(files)
    site.call("mediabackup")
    assert mirrored(site) == files
    for path in site.media.rglob("*.jpg"):
        path.unlink()
    site.call("mediarestore", "--noinput")
    assert snapshot(site.media) == files


@pytest.mark.thorough
def test_a_file_whose_name_changes_its_form_keeps_the_new_name(site: DjangoSite) -> None:
    names = [normalize(form, "caf\xe9.jpg") for form in ("NFC", "NFD")]
    site.write_media({**FILES, names[0]: b"x"})
    site.call("mediabackup")
    (site.media / names[0]).rename(site.media / names[1])
    site.call("mediabackup")
    assert mirrored(site) == {**FILES, names[1]: b"x"}


@pytest.fixture
def ignoring_case(site: DjangoSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the remote be a store to which ``A`` and ``a`` are the same."""
    monkeypatch.setenv("RCLONE_CONFIG_STORE_TYPE", "local")
    monkeypatch.setenv("RCLONE_CONFIG_STORE_CASE_INSENSITIVE", "true")
    site.rclone["REMOTE"] = f"store:{site.remote}"


@pytest.mark.thorough
@pytest.mark.usefixtures("ignoring_case")
@pytest.mark.parametrize(
    "names",
    [
        ("Photo.txt", "photo.txt"),
        ("x/Photo.txt", "x/PHOTO.TXT", "x/photo.txt"),
        ("\xc9.txt", "\xe9.txt"),
    ],
)
def test_names_that_the_store_takes_for_one_are_named_and_the_run_fails(
    site: DjangoSite, names: tuple[str, ...]
) -> None:
    site.write_media({**FILES, **{name: name.encode() for name in names}})
    text = fails(site, "mediabackup")
    assert any(f"{name} (taken for " in text for name in names)
    assert FILES.items() <= mirrored(site).items()
    # Nothing of what only the media folder has is deleted to make it equal.
    site.call("mediarestore", "--noinput")
    assert {*names} <= set(snapshot(site.media))


@pytest.mark.usefixtures("ignoring_case")
def test_a_store_that_ignores_case_holds_all_else(site: DjangoSite) -> None:
    site.write_media(FILES)
    site.call("mediabackup")
    (site.media / "a.txt").rename(site.media / "A.txt")
    site.call("mediabackup", "--force")
    site.call("mediarestore", "--noinput", "--force")


@pytest.mark.thorough
def test_a_name_that_is_not_text_is_named_and_the_rest_is_stored(site: DjangoSite) -> None:
    site.write_media(FILES)
    (site.media / os.fsdecode(b"\xff\xfe.txt")).write_bytes(b"odd")
    assert "is not UTF-8" in fails(site, "mediabackup")
    assert FILES.items() <= mirrored(site).items()
    assert b"odd" in mirrored(site).values()


@pytest.mark.thorough
@pytest.mark.parametrize(
    "name", ["[a]{b}*?.txt", "back\\slash", " both ", "new\nline", "#x", "{{x}}"]
)
def test_odd_names_are_nothing_to_be_left_out(site: DjangoSite, name: str) -> None:
    files = {**FILES, name: b"1", f"sub/{name}": b"2"}
    site.write_media(files)
    site.call("mediabackup")
    (site.media / name).unlink()
    (site.media / f"{name}.link").symlink_to(site.folder)
    site.call("mediarestore", "--noinput")
    assert {
        path: data for path, data in snapshot(site.media).items() if "link" not in path
    } == files


# Comparison


@pytest.fixture(params=["webdav", "crypt"])
def without_times(
    site: DjangoSite, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Endpoint]:
    """Let the remote be one that knows neither times nor hashes."""
    folder = tmp_path / "server"
    folder.mkdir()
    with Webdav(folder, str(RCLONE)) as server:
        endpoint = server.endpoint("cell", tmp_path / "server.conf")
        endpoint.reconfigure("vendor = rclone", "vendor = other")
        if request.param == "crypt":
            assert endpoint.config
            password = server.obscured("x")
            section = f"[top]\ntype = crypt\nremote = base:cell\npassword = {password}\n"
            endpoint.config.write_text(endpoint.config.read_text() + section)
            endpoint.settings["REMOTE"] = "top:"
        site.rclone |= endpoint.settings
        yield endpoint


@pytest.mark.usefixtures("without_times")
def test_an_edit_of_the_same_size_reaches_a_store_without_times_and_hashes(
    site: DjangoSite, capsys: pytest.CaptureFixture[str]
) -> None:
    site.write_media(FILES)
    site.call("mediabackup")
    site.write_media({"a.txt": b"z"})
    site.call("mediabackup")
    assert "neither times nor hashes" in capsys.readouterr().err
    site.write_media({"a.txt": b"y"})
    site.call("mediarestore", "--noinput")
    assert snapshot(site.media) == {**FILES, "a.txt": b"z"}


@pytest.mark.thorough
def test_an_edit_of_the_same_size_and_time_is_undone_where_hashes_are_known(
    site: DjangoSite,
) -> None:
    site.write_media(FILES)
    site.call("mediabackup")
    times = (site.media / "a.txt").stat()
    site.write_media({"a.txt": b"z"})
    os.utime(site.media / "a.txt", ns=(times.st_atime_ns, times.st_mtime_ns))
    site.call("mediarestore", "--noinput")
    assert snapshot(site.media) == FILES


@pytest.mark.parametrize(
    "flag",
    ["--modify-window=1000h", "--ignore-errors", "--max-transfer=1", "--copy-links", "-L",
     "--local-no-check-updated", "--ignore-case-sync", "--max-duration=1s", "--track-renames",
     "--use-server-modtime", "--local-links", "--name-transform=x", "--delete-excluded"],
)  # fmt: skip
def test_a_flag_that_weakens_the_comparison_is_refused(site: DjangoSite, flag: str) -> None:
    site.rclone["RCLONE_FLAGS"] = [flag]
    site.write_media(FILES)
    assert flag.partition("=")[0] in fails(site, "mediabackup")


# What cannot be copied


def dangling(site: DjangoSite) -> str:
    (site.media / "dangling").symlink_to("nowhere")
    return "dangling (a link to what is not there)"


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


ODDITIES: list[Callable[[DjangoSite], str]] = [dangling, pipe, listener, device]


@pytest.mark.parametrize("make", ODDITIES)
def test_what_cannot_be_stored_is_named_and_the_rest_is_stored(
    site: DjangoSite, make: Callable[[DjangoSite], str]
) -> None:
    site.write_media({**FILES, "old.txt": b"old"})
    site.call("mediabackup")
    named = make(site)
    (site.media / "old.txt").unlink()
    site.write_media({"new.txt": b"new"})
    text = fails(site, "mediabackup")
    assert named in text
    # All that the last whole run stored is there, and what came since.
    assert mirrored(site) == {**FILES, "old.txt": b"old", "new.txt": b"new"}
    assert site.backups("--media")[0]["verified"]
    for path in snapshot(site.media):
        (site.media / path).unlink()
    site.write_media({"later.txt": b"only here"})
    site.call("mediarestore", "--noinput")
    assert mirrored(site).items() <= snapshot(site.media).items()
    assert (site.media / "later.txt").exists()


@pytest.mark.thorough
def test_once_the_trouble_is_gone_the_mirror_is_whole_again(site: DjangoSite) -> None:
    site.write_media({**FILES, "old.txt": b"old"})
    site.call("mediabackup")
    dangling(site)
    (site.media / "old.txt").unlink()
    fails(site, "mediabackup")
    (site.media / "dangling").unlink()
    site.call("mediabackup")
    assert mirrored(site) == FILES


@pytest.mark.thorough
def test_a_file_that_grows_during_the_run_is_named_and_the_rest_is_stored(
    site: DjangoSite,
) -> None:
    site.write_media({**FILES, "log.bin": bytes(3_000_000)})
    site.call("mediabackup")
    site.rclone["RCLONE_FLAGS"] = [
        "--bwlimit=2M",
        "--transfers=1",
        "--retries=1",
        "--order-by=size",
    ]
    site.write_media({"log.bin": os.urandom(3_000_000), "new.txt": b"new"})
    process = site.start("mediabackup")
    with (site.media / "log.bin").open("ab") as log:
        while process.poll() is None:
            log.write(b"x" * 1000)
            log.flush()
    _, errors = process.communicate()
    assert process.returncode == 1
    assert "log.bin (" in errors
    assert mirrored(site)["new.txt"] == b"new"
    assert FILES.items() <= mirrored(site).items()
    site.call("mediarestore", "--noinput")


@pytest.mark.parametrize("direction", ["file to folder", "folder to file"])
def test_a_file_and_a_folder_can_take_the_place_of_each_other(
    site: DjangoSite, direction: str
) -> None:
    states = [{**FILES, "x": b"file"}, {**FILES, "x/y.txt": b"1", "x/z/deep.txt": b"2"}]
    first, second = states if direction == "file to folder" else reversed(states)

    def write(files: dict[str, bytes]) -> None:
        for path in sorted(site.media.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        site.write_media(files)

    write(first)
    site.call("mediabackup")
    write(second)
    site.call("mediabackup")
    assert mirrored(site) == second
    write(first)
    site.call("mediarestore", "--noinput")
    assert snapshot(site.media) == second


# Links


@pytest.fixture
def outside(site: DjangoSite) -> Path:
    folder = site.folder / "outside"
    folder.mkdir()
    (folder / "secret.txt").write_bytes(b"secret")
    return folder


@pytest.mark.thorough
def test_links_that_lead_out_are_left_out_and_named(
    site: DjangoSite, outside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.write_media(FILES)
    (site.media / "folder").symlink_to(outside)
    (site.media / "b" / "file").symlink_to(outside / "secret.txt")
    (site.media / "up").symlink_to("..")
    site.call("mediabackup")
    assert mirrored(site) == FILES
    said = capsys.readouterr().err
    assert all(name in said for name in ("folder (to ", "b/file (to ", "up (to ..)"))
    assert "MEDIA_LINKS" in said


def test_a_restore_writes_nothing_through_a_link(site: DjangoSite, outside: Path) -> None:
    site.write_media({**FILES, "folder/secret.txt": b"older", "new/x.txt": b"x"})
    site.call("mediabackup")
    for path in ("folder/secret.txt", "new/x.txt"):
        (site.media / path).unlink()
        (site.media / path).parent.rmdir()
    (site.media / "folder").symlink_to(outside)
    (site.media / "new").symlink_to(outside)
    (site.media / "a.txt").unlink()
    said = fails(site, "mediarestore", "--noinput")
    assert "folder/secret.txt (a link that is not followed is in its place)" in said
    assert (site.media / "a.txt").read_bytes() == FILES["a.txt"]
    assert snapshot(outside) == {"secret.txt": b"secret"}
    assert (site.media / "folder").is_symlink()


@pytest.mark.thorough
def test_what_is_behind_a_link_now_stays_in_the_mirror(site: DjangoSite, outside: Path) -> None:
    site.write_media({**FILES, "folder/old.txt": b"old"})
    site.call("mediabackup")
    (site.media / "folder").rename(site.folder / "moved")
    (site.media / "folder").symlink_to(site.folder / "moved")
    site.call("mediabackup")
    assert mirrored(site)["folder/old.txt"] == b"old"


def test_links_are_stored_as_links_if_so_set(site: DjangoSite, outside: Path) -> None:
    site.rclone["MEDIA_LINKS"] = "store"
    site.write_media(FILES)
    links = {"folder": str(outside), "b/file": "../a.txt", "gone": "nowhere"}
    for name, target in links.items():
        (site.media / name).symlink_to(target)
    site.call("mediabackup")
    assert b"secret" not in mirrored(site).values()
    for name in links:
        (site.media / name).unlink()
    site.call("mediarestore", "--noinput")
    assert {name: str((site.media / name).readlink()) for name in links} == links
    site.call("mediabackup")


@pytest.mark.thorough
def test_a_file_called_like_a_stored_link_never_becomes_one(site: DjangoSite) -> None:
    site.write_media({**FILES, "x.rclonelink": b"/etc/passwd"})
    site.call("mediabackup")
    site.call("mediarestore", "--noinput")
    assert not (site.media / "x").is_symlink()
    site.rclone["MEDIA_LINKS"] = "store"
    assert "x.rclonelink" in fails(site, "mediabackup", "--force")


@pytest.mark.thorough
def test_links_are_followed_if_so_set_but_never_in_circles(site: DjangoSite, outside: Path) -> None:
    site.rclone["MEDIA_LINKS"] = "follow"
    site.write_media(FILES)
    (site.media / "folder").symlink_to(outside)
    site.call("mediabackup")
    assert mirrored(site) == {**FILES, "folder/secret.txt": b"secret"}
    (site.media / "b" / "round").symlink_to("..")
    assert "b/round (a link to a folder that it is in)" in fails(site, "mediabackup")
    assert mirrored(site) == {**FILES, "folder/secret.txt": b"secret"}


# Whose mirror it is


@pytest.mark.parametrize("change", ["another key", "altered", "unreadable", "gone"])
def test_a_mirror_that_may_be_anothers_is_not_replaced_by_following_a_hint(
    site: DjangoSite, change: str
) -> None:
    site.write_media({**FILES, "only there.txt": b"x"})
    site.call("mediabackup")
    (site.media / "only there.txt").unlink()
    manifest = site.remote / "media.json"
    if change == "another key":
        site.rclone["SIGNING_KEY"] = "a new one"
    elif change == "altered":
        values = json.loads(manifest.read_text())
        manifest.write_text(json.dumps({**values, "count": 1}))
    elif change == "unreadable":
        manifest.write_text("{")
    else:
        manifest.unlink()
    before = snapshot(site.remote)
    said = fails(site, "mediarestore", "--noinput")
    assert "mediabackup" not in said
    said = fails(site, "mediabackup")
    assert "--force" not in said
    assert snapshot(site.remote) == before
    site.call("mediarestore", "--noinput", "--unverified")
    assert (site.media / "only there.txt").exists()


@pytest.mark.thorough
def test_with_the_old_key_as_a_fallback_all_goes_on(site: DjangoSite) -> None:
    site.rclone["SIGNING_KEY"] = "old"
    site.write_media(FILES)
    site.call("mediabackup")
    site.rclone["SIGNING_KEY"] = "new"
    assert "SIGNING_KEY_FALLBACKS" in fails(site, "mediabackup")
    site.rclone["SIGNING_KEY_FALLBACKS"] = ["old"]
    site.call("mediabackup")
    site.call("mediarestore", "--noinput")


@pytest.mark.thorough
def test_a_run_killed_while_it_wrote_the_manifest_is_repeated(site: DjangoSite) -> None:
    site.write_media(FILES)
    site.call("mediabackup")
    (site.remote / "media.json").write_bytes(b"")
    site.call("mediabackup")
    assert site.backups("--media")[0]["verified"]


def test_an_unverified_mirror_deletes_nothing(site: DjangoSite) -> None:
    site.write_media(FILES)
    site.call("mediabackup")
    (site.remote / "media.json").unlink()
    site.write_media({"later.txt": b"only here", "a.txt": b"z"})
    site.call("mediarestore", "--noinput", "--unverified")
    assert snapshot(site.media) == {**FILES, "later.txt": b"only here"}
