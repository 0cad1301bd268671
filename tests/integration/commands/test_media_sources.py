"""Media files in a storage of Django, or on a remote of rclone."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import InvalidStorageError, Storage, storages
from django.core.management.base import CommandError
from django.test import override_settings

from django_rclone.testing import S3Remote
from tests.support.site import RCLONE, DjangoSite, snapshot

FILES = {"a b.txt": b"a", "deep/er/ünï.jpg": b"b" * 70_000, "empty": b"", "gone.txt": b"gone"}

Use = Callable[..., Storage]


def fails(site: DjangoSite, *arguments: str) -> str:
    with pytest.raises(CommandError) as error:
        site.call(*arguments)
    assert "Traceback" not in str(error.value)
    return str(error.value)


@pytest.fixture
def use(site: DjangoSite) -> Iterator[Use]:
    """Make a storage the one source of media files."""
    with ExitStack() as stack:

        def use(backend: str, **options: str) -> Storage:
            if "." not in backend:
                backend = f"tests.support.storages.{backend}"
                options = {"folder": str(site.folder / "bucket")}
                (site.folder / "bucket").mkdir(exist_ok=True)
            known = {"files": {"BACKEND": backend, "OPTIONS": options}}
            stack.enter_context(override_settings(STORAGES=known))
            site.rclone["MEDIA_SOURCES"] = {"media": {"STORAGE": "files", "EXCLUDE": ["cache"]}}
            return storages["files"]

        yield use


def fill(storage: Storage, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        if storage.exists(name):
            storage.delete(name)
        assert storage.save(name, ContentFile(data)) == name


def content(storage: Storage, folder: str = "") -> dict[str, bytes]:
    folders, files = storage.listdir(folder)
    found = {}
    for name in files:
        with storage.open(os.path.join(folder, name)) as file:
            found[os.path.join(folder, name)] = file.read()
    for name in folders:
        found |= content(storage, os.path.join(folder, name))
    return found


@pytest.mark.parametrize(
    "backend",
    [
        "ObjectStorage",
        "django.core.files.storage.InMemoryStorage",
        "OverwritingStorage",
        "TimelessStorage",
        "django.core.files.storage.FileSystemStorage",
    ],
)
def test_files_of_a_storage_come_back_under_their_names(
    site: DjangoSite, use: Use, backend: str
) -> None:
    options = {"location": str(site.folder / "files")} if "." in backend else {}
    storage = use(backend, **options)
    fill(storage, {**FILES, "cache/x.jpg": b"cached"})
    site.call("mediabackup")
    storage.delete("gone.txt")
    fill(storage, {"a b.txt": b"changed", "new.txt": b"new"})
    site.call("mediabackup")
    newest, first = site.backups("--media")
    assert (newest["added"], newest["changed"], newest["deleted"]) == (1, 1, 1)
    site.call("mediarestore", "--noinput", "--at", first["name"])
    assert content(storage) == {**FILES, "new.txt": b"new", "cache/x.jpg": b"cached"}
    site.call("mediarestore", "--noinput", "--at", newest["name"], "--delete", "--force")
    left = {k: v for k, v in FILES.items() if k != "gone.txt"}
    left |= {"a b.txt": b"changed", "new.txt": b"new", "cache/x.jpg": b"cached"}
    assert content(storage) == left
    # What is as it was is not written again, and a folder takes it as well.
    shown = site.call("mediarestore", "--dry-run")
    assert " 0 would be created and 0 replaced" in shown
    site.call("mediarestore", "--noinput", "--to", str(site.folder / "elsewhere"))
    assert {**snapshot(site.folder / "elsewhere"), "cache/x.jpg": b"cached"} == left


def test_only_what_changed_is_read_if_the_storage_knows_times(site: DjangoSite, use: Use) -> None:
    storage = use("ObjectStorage")
    fill(storage, FILES)
    for path in (site.folder / "bucket").rglob("*.*"):
        os.utime(path, (1, 1_700_000_000))
    site.call("mediabackup")
    storage.opened.clear()  # type: ignore[attr-defined]
    fill(storage, {"a b.txt": b"changed"})
    assert "7 bytes sent" in site.call("mediabackup")
    assert storage.opened == ["a b.txt"]  # type: ignore[attr-defined]


def test_a_storage_that_renames_is_backed_up_and_never_restored_to(
    site: DjangoSite, use: Use
) -> None:
    fill(use("ObjectStorage"), FILES)
    storage = use("RenamingStorage")
    site.call("mediabackup")
    storage.delete("a b.txt")
    before = content(storage)
    site.call("backupsite")
    for command in ("mediarestore", "restoresite"):
        said = fails(site, command, "--noinput")
        assert "storage 'files' renames what is saved" in said
        assert content(storage) == before
    site.call("mediarestore", "--noinput", "--to", str(site.folder / "elsewhere"))


def test_a_name_that_the_storage_would_change_is_left_as_it_is(site: DjangoSite, use: Use) -> None:
    fill(use("ObjectStorage"), {"a b.txt": b"old", "c d.txt": b"gone", "plain.txt": b"old"})
    storage = use("SluggingStorage")
    site.call("mediabackup")
    bucket = site.folder / "bucket"
    (bucket / "a b.txt").write_bytes(b"new")
    (bucket / "c d.txt").unlink()
    (bucket / "plain.txt").write_bytes(b"new")
    said = fails(site, "mediarestore", "--noinput")
    assert "a b.txt (the storage would give it another name)" in said
    assert "c d.txt (the storage would give it another name)" in said
    assert content(storage) == {"a b.txt": b"new", "plain.txt": b"old"}


def test_what_is_wrong_with_a_storage_is_said(site: DjangoSite, use: Use) -> None:
    fill(use("ObjectStorage"), FILES)
    use("UnlistedStorage")
    assert "storage 'files' cannot list its files" in fails(site, "mediabackup")
    use("BrokenStorage")
    assert "no route to the storage" in fails(site, "mediabackup")
    use("ObjectStorage")
    site.call("mediabackup")
    use("BrokenStorage")
    assert "no route to the storage" in fails(site, "mediarestore", "--noinput")
    with pytest.raises(InvalidStorageError):
        use("tests.support.storages.Missing")
    assert "STORAGE 'files' cannot be used" in fails(site, "mediabackup")
    site.call("dbbackup")
    site.rclone["MEDIA_SOURCES"] = {"media": {"STORAGE": "file"}}
    said = fails(site, "mediabackup")
    assert "STORAGE must be an alias in STORAGES.\nHint: Did you mean 'files'?" in said
    site.rclone["MEDIA_SOURCES"] = {"media": {"STORAGE": "files", "FOLDER": "/srv"}}
    assert "has both FOLDER and STORAGE" in fails(site, "mediabackup")


def test_a_file_that_cannot_be_read_makes_the_run_incomplete(site: DjangoSite, use: Use) -> None:
    storage = use("BrokenFileStorage")
    fill(storage, {"good.txt": b"good", "bad.txt": b"bad"})
    assert "bad.txt (403 Forbidden)" in fails(site, "mediabackup")
    (run,) = site.backups("--media")
    assert (run["whole"], run["files"], run["left_out"]) == (False, 1, 1)


def test_an_empty_storage_is_guarded(site: DjangoSite, use: Use) -> None:
    storage = use("ObjectStorage")
    assert "storage 'files' is empty" in fails(site, "mediabackup")
    fill(storage, FILES)
    site.call("mediabackup")
    for name in FILES:
        storage.delete(name)
    assert "is empty" in fails(site, "mediabackup")
    site.call("mediarestore", "--noinput")
    assert content(storage) == FILES


def test_backups_in_the_folder_of_a_storage_are_refused(site: DjangoSite, use: Use) -> None:
    use("django.core.files.storage.FileSystemStorage", location=str(site.folder))
    assert "are not separate" in fails(site, "dbbackup")


@pytest.fixture
def s3(site: DjangoSite, tmp_path: Path) -> Iterator[S3Remote]:
    """An S3 with a bucket that is the source; the same S3 can be the remote."""
    served = tmp_path / "served"
    served.mkdir()
    with S3Remote(served, str(RCLONE)) as remote:
        site.rclone["RCLONE_CONFIG"] = remote.settings["RCLONE_CONFIG"]
        name = str(remote.settings["REMOTE"]).partition(":")[0]
        for one in ("shop", "backups"):
            (served / "stored" / one).mkdir()
        site.rclone["MEDIA_SOURCES"] = {"media": {"REMOTE": f"{name}:shop"}}
        yield remote


@pytest.mark.parametrize("where", ["same", "folder"])
def test_a_bucket_is_stored_and_restored(
    site: DjangoSite, tmp_path: Path, s3: S3Remote, where: str
) -> None:
    shop = tmp_path / "served/stored/shop"
    if where == "same":
        name = site.rclone["MEDIA_SOURCES"]["media"]["REMOTE"].partition(":")[0]
        site.rclone["REMOTE"] = f"{name}:backups"
    files = {"x.txt": b"x", "deep/y\xe9 z.txt": b"y" * 1000, "gone.txt": b"g"}
    for name, data in files.items():
        (shop / name).parent.mkdir(parents=True, exist_ok=True)
        (shop / name).write_bytes(data)
    site.call("mediabackup")
    (shop / "gone.txt").unlink()
    s3.replace(shop / "x.txt", b"zz")
    site.call("mediabackup")
    newest, first = json.loads(site.call("listbackups", "--media", "--json"))
    assert (newest["changed"], newest["deleted"]) == (1, 1)
    site.call("mediarestore", "--noinput", "--at", first["name"])
    assert {k: v for k, v in snapshot(shop).items() if not k.startswith(".")} == files
