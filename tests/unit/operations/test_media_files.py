import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unicodedata import normalize

import pytest

from django_rclone.operations.media_files import missing, sentence, survey

NOBODY = 65_534


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that any user may read."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be a user whom permissions keep out."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def test_what_cannot_be_read_is_named_with_the_reason(folder: Path) -> None:
    write(folder, "a", "closed/x", "b/secret", "lost+found/#1")
    for name in ("closed", "b/secret", "lost+found"):
        (folder / name).chmod(0)
    with unprivileged():
        found = survey(str(folder), "skip")
    for name in ("closed", "lost+found"):
        (folder / name).chmod(0o755)
    assert found.files == {"a"}
    assert found.problems == {"closed": "Permission denied", "b/secret": "permission denied"}
    assert sorted(found.left_out) == ["b/secret", "closed", "lost+found"]


def test_a_folder_that_cannot_be_read_itself_is_an_error(folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        survey(f"{folder}/nowhere", "skip")
    write(folder, "file")
    with pytest.raises(NotADirectoryError):
        survey(f"{folder}/file", "skip")


def test_deep_folders_are_no_problem(folder: Path) -> None:
    deep = "/".join(["d" * 30] * 60)
    write(folder, f"{deep}/file")
    assert survey(str(folder), "skip").files == {f"{deep}/file"}


@pytest.mark.parametrize("links", ["skip", "store", "follow"])
def test_links_that_lead_in_circles_come_to_an_end(folder: Path, links: str) -> None:
    write(folder, "a/file", "b/file")
    (folder / "a" / "up").symlink_to("..")
    (folder / "a" / "b").symlink_to("../b")
    (folder / "b" / "a").symlink_to("../a")
    (folder / "self").symlink_to("self")
    found = survey(str(folder), links)
    assert {"a/file", "b/file"} <= found.files
    assert len(found.files) < 20
    assert ("self" in found.problems) == (links != "store")
    assert ("a/up" in found.problems) == (links == "follow")


def test_names_that_a_storage_took_for_others_are_recognized() -> None:
    composed, decomposed = (normalize(form, "\xe9") for form in ("NFC", "NFD"))
    expected = ["Photo", "photo", composed, decomposed, "stra\xdfe", "gone"]
    assert missing(expected, ["photo", composed, "STRASSE", "more"]) == {
        "Photo": "taken for 'photo'",
        decomposed: f"taken for {composed!r}",
        "stra\xdfe": "taken for 'STRASSE'",
        "gone": "not there",
    }
    assert missing(expected, expected) == {}


def test_names_are_those_of_rclone(folder: Path) -> None:
    write(folder, "new\nline", "del\x7f")
    assert survey(str(folder), "skip").files == {"new\u240aline", "del\u2421"}
    # rclone puts a mark before what only looks like one.
    assert missing(["a\u240a"], ["a\u201b\u240a"]) == {}


def test_a_sentence_names_some_and_counts_the_rest() -> None:
    text = sentence({f"{number:02}": "gone" for number in range(13)})
    assert text.startswith("00 (gone); 01 (gone); ")
    assert text.endswith("09 (gone); and 3 more")
