import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from django_rclone.exceptions import RcloneError
from django_rclone.rclone.mirroring import Basis, Mirroring, common_basis
from django_rclone.rclone.output import Features, FolderSize
from django_rclone.rclone.places import local_places
from django_rclone.rclone.remote import Remote
from tests.support.fakes import FakeProgress
from tests.unit.conftest import Configure

Make = Callable[..., Mirroring]
FULL = Features(frozenset({"md5", "sha1"}), times=True)


def fill(folder: Path, /, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def make(configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Make runs; whoever runs the tests may have remotes of their own."""
    (tmp_path / "rclone.conf").touch()
    monkeypatch.setenv("RCLONE_CONFIG", str(tmp_path / "rclone.conf"))

    def make(
        source: Path, mirror: Path, *flags: str, prefer: Basis = Basis.TIMES, **options: Any
    ) -> Mirroring:
        remote = Remote(configure(REMOTE=str(tmp_path / "remote"), RCLONE_FLAGS=flags))
        return remote.mirroring(str(source), str(mirror), prefer=prefer, **options)

    return make


def sync(run: Mirroring, *, delete: bool = True, max_delete: int | None = None) -> int:
    return run.transfer(delete=delete, max_delete=max_delete, progress=FakeProgress())


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("flag", ["--fast-list", "-vv", "--stats=0", "--dry-run"])
def test_deletions_are_counted_and_nothing_is_deleted(
    flag: str, make: Make, tmp_path: Path
) -> None:
    source = fill(tmp_path / "source", a="new", b="same")
    mirror = fill(tmp_path / "mirror", a="old one", b="same", c="", d="", e="")
    preview = make(source, mirror, flag).preview()
    assert (preview.deletions, preview.in_the_way) == (3, ())
    assert sorted(path.name for path in mirror.iterdir()) == ["a", "b", "c", "d", "e"]
    assert (mirror / "a").read_text() == "old one"


def test_what_is_in_the_way_is_known_and_cleared(make: Make, tmp_path: Path) -> None:
    source = fill(tmp_path / "source", file="now a file", keep="k")
    fill(source / "folder" / "deep", x="1")
    mirror = fill(tmp_path / "mirror", folder="was a file", keep="k", other="o")
    fill(mirror / "file" / "deep", y="1")
    (mirror / "folderless").write_text("")
    run = make(source, mirror)
    preview = run.preview()
    assert preview.in_the_way == ("file/deep/y", "folder")
    run.clear(preview.in_the_way)
    assert sorted(contents(mirror)) == ["folderless", "keep", "other"]
    sync(run)
    assert contents(mirror) == {"file": "now a file", "keep": "k"}
    assert contents(mirror / "folder" / "deep") == {"x": "1"}


@pytest.mark.parametrize("flag", ["--fast-list", "--dry-run", "-vv"])
def test_mirror_becomes_equal(flag: str, make: Make, tmp_path: Path) -> None:
    source = fill(tmp_path / "source", a="new", b="same")
    (source / "empty folder").mkdir()
    mirror = fill(tmp_path / "mirror", a="old one", c="gone")
    progress = FakeProgress()
    run = make(source, mirror, flag)
    assert run.transfer(delete=True, max_delete=None, progress=progress) == 7
    assert contents(mirror) == {"a": "new", "b": "same"}
    assert (mirror / "empty folder").is_dir()
    assert progress.in_order
    assert progress.told[-1] == 7


def test_without_deletion_all_is_copied_and_the_rest_stays(make: Make, tmp_path: Path) -> None:
    source = fill(tmp_path / "source", a="new")
    mirror = fill(tmp_path / "mirror", a="old one", c="kept")
    sync(make(source, mirror), delete=False)
    assert contents(mirror) == {"a": "new", "c": "kept"}


def test_mirror_is_not_emptied_beyond_the_limit(make: Make, tmp_path: Path) -> None:
    source = fill(tmp_path / "source", a="1")
    mirror = fill(tmp_path / "mirror", a="1", b="2", c="3", d="4")
    with pytest.raises(RcloneError, match="max-delete"):
        sync(make(source, mirror), max_delete=1)
    assert len(list(mirror.iterdir())) >= 3


def test_damage_with_the_same_size_and_time_is_noticed_by_hash(make: Make, tmp_path: Path) -> None:
    source = fill(tmp_path / "source", a="good")
    mirror = fill(tmp_path / "mirror", a="evil")
    for folder in (source, mirror):
        os.utime(folder / "a", (1_000_000_000, 1_000_000_000))
    sync(make(source, mirror))
    assert (mirror / "a").read_text() == "evil"
    sync(make(source, mirror, prefer=Basis.HASHES))
    assert (mirror / "a").read_text() == "good"


@pytest.mark.parametrize(
    ("other", "times", "hashes"),
    [
        (FULL, Basis.TIMES, Basis.HASHES),
        (Features(frozenset(), times=True), Basis.TIMES, Basis.TIMES),
        (Features(frozenset({"sha1"}), times=False), Basis.HASHES, Basis.HASHES),
        (Features(frozenset({"quickxor"}), times=False), Basis.NOTHING, Basis.NOTHING),
        (Features(frozenset(), times=False), Basis.NOTHING, Basis.NOTHING),
    ],
)
def test_files_are_compared_by_what_both_sides_know(
    other: Features, times: Basis, hashes: Basis
) -> None:
    for one, two in ((FULL, other), (other, FULL)):
        assert common_basis(one, two, prefer=Basis.TIMES) is times
        assert common_basis(one, two, prefer=Basis.HASHES) is hashes


@pytest.mark.parametrize(
    "name", ["plain", "[a]{b}*?", "back\\slash", "end ", "# x", "{{x}}", "a\nb"]
)
def test_only_what_is_left_out_is_left_out(name: str, make: Make, tmp_path: Path) -> None:
    source = fill(tmp_path / "source", **{name: "1", f"{name}.x": "2", f"x{name}": "3"})
    fill(source / "sub", **{name: "4"})
    mirror = fill(tmp_path / "mirror", **{name: "kept"})
    sync(make(source, mirror, leave_out=[name]))
    assert contents(mirror) == {name: "kept", f"{name}.x": "2", f"x{name}": "3"}
    assert contents(mirror / "sub") == {name: "4"}


@pytest.mark.parametrize(
    ("links", "expected"),
    [("skip", {"a"}), ("store", {"a", "link"}), ("follow", {"a", "link"})],
)
def test_links_become_what_is_asked_for(
    links: str, expected: set[str], make: Make, tmp_path: Path
) -> None:
    source = fill(tmp_path / "source", a="1")
    fill(tmp_path / "elsewhere", b="22")
    (source / "link").symlink_to("../elsewhere/b")
    sync(make(source, tmp_path / "mirror", links=links))
    found = {path.name: path.is_symlink() for path in (tmp_path / "mirror").iterdir()}
    assert set(found) == expected
    assert found.get("link", False) == (links == "store")


@pytest.mark.parametrize(
    ("links", "size"), [("skip", (1, 1)), ("follow", (2, 3)), ("store", (2, 15))]
)
def test_the_size_of_a_folder_counts_links_if_asked(
    links: str, size: tuple[int, int], configure: Configure, tmp_path: Path
) -> None:
    source = fill(tmp_path / "source", a="1")
    fill(tmp_path / "elsewhere", b="22")
    (source / "link").symlink_to("../elsewhere/b")
    remote = Remote(configure(REMOTE=str(tmp_path)))
    assert remote.folder_size(str(source), links=links) == FolderSize(*size)
    assert len(remote.names(str(source), links=links)) == size[0]


SECTIONS = {
    "disk": {"type": "local"},
    "near": {"type": "alias", "remote": "/srv/a"},
    "below": {"type": "alias", "remote": "near:deeper"},
    "secret": {"type": "crypt", "remote": "below:vault"},
    "both": {"type": "union", "upstreams": '/srv/b:ro near:x "/srv/two words:nc" s3:bucket'},
    "parts": {"type": "combine", "upstreams": "one=/srv/c two=disk:/srv/d"},
    "s3": {"type": "s3"},
    "circle": {"type": "alias", "remote": "circle:"},
    "broken": {"type": "union", "upstreams": "'"},
}


@pytest.mark.parametrize(
    ("place", "folders"),
    [
        ("/srv/x/../y", ["/srv/y"]),
        ("disk:/srv/x", ["/srv/x"]),
        ("near:", ["/srv/a"]),
        ("near:p/q", ["/srv/a/p/q"]),
        ("below:p", ["/srv/a/deeper/p"]),
        ("secret:p", ["/srv/a/deeper/vault"]),
        ("both:", ["/srv/b", "/srv/a/x", "/srv/two words"]),
        ("parts:one", ["/srv/c", "/srv/d"]),
        (":local:/srv/x", ["/srv/x"]),
        ("s3:bucket/srv", []),
        ("circle:", []),
        ("broken:", []),
        ("unknown:/srv", []),
    ],
)
def test_folders_behind_remotes_are_found(place: str, folders: list[str]) -> None:
    assert [str(path) for path in local_places(place, SECTIONS)] == folders
