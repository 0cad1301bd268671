"""What other tools stored is listed, and restored all or nothing."""

import gzip
import io
import json
import sqlite3
import tarfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from django.core.management.base import CommandError
from django.test import override_settings

from django_rclone import restore_database
from tests.support.site import DjangoSite, snapshot

TEXT = b"BEGIN TRANSACTION;\nCREATE TABLE came (n);\nINSERT INTO came VALUES (1);\nCOMMIT;\n"


def store(site: DjangoSite, path: str, data: bytes) -> str:
    stored = site.remote / path
    stored.parent.mkdir(parents=True, exist_ok=True)
    stored.write_bytes(data)
    return path


def archive(files: Mapping[str, bytes], *others: tarfile.TarInfo, mode: str = "w:gz") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as written:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            written.addfile(member, io.BytesIO(content))
        for other in others:
            written.addfile(other)
    return made.getvalue()


def link(name: str, target: str, kind: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def fails(site: DjangoSite, *arguments: str) -> str:
    with pytest.raises(CommandError) as error:
        site.call(*arguments)
    return str(error.value)


def test_a_listing_says_what_each_file_is_and_what_restores_it(site: DjangoSite) -> None:
    site.back_up()
    site.write_media({"a": b"a"})
    site.call("mediabackup")
    store(site, "db/a.txt", TEXT)
    store(site, "db/it's.gz", gzip.compress(b"PGDMP" + bytes(600)))
    store(site, "top", b"--\n-- PostgreSQL database cluster dump\n--\n")
    store(site, "odd", b"odd")
    store(site, "cut.gz", gzip.compress(TEXT)[:-9])
    store(site, "secret", b"-----BEGIN PGP MESSAGE-----\n" + bytes(90))
    store(site, "media/old.tgz", archive({"a": b"a"}))
    store(site, "elsewhere/x", TEXT)
    found = {one["path"]: one for one in site.backups("--foreign")}
    assert {path: (one["kind"], one["command"]) for path, one in found.items()} == {
        "db/a.txt": ("SQL text of SQLite", "manage.py dbrestore --foreign db/a.txt"),
        "db/it's.gz": (
            "PostgreSQL, custom format, compressed by gzip",
            "manage.py dbrestore --foreign 'db/it'\"'\"'s.gz'",
        ),
        "top": ("SQL text of all databases of a PostgreSQL server", None),
        "odd": ("unknown", None),
        "cut.gz": (
            "damaged: The compressed data ends too early: the backup is truncated",
            None,
        ),
        "secret": ("encrypted with GnuPG", "manage.py dbrestore --foreign secret"),
        "media/old.tgz": (
            "files in a tar archive, compressed by gzip",
            "manage.py mediarestore --foreign media/old.tgz",
        ),
    }
    assert found["db/a.txt"]["size"] == len(TEXT)
    assert found["db/a.txt"]["date"]
    [one] = site.backups("--foreign", "elsewhere")
    assert one["path"] == "elsewhere/x"
    assert "elsewhere/x" in site.call("listbackups", "--foreign", "elsewhere/")


def test_a_database_is_replaced_whole(site: DjangoSite) -> None:
    path = store(site, "old/shop.gz", gzip.compress(TEXT))
    site.call("dbrestore", "--noinput", f"--foreign={path}")
    with closing(sqlite3.connect(site.databases["default"]["NAME"])) as live:
        assert live.execute("SELECT name FROM sqlite_master").fetchall() == [("came",)]
        live.execute("DROP TABLE came")
    with override_settings(DJANGO_RCLONE=site.rclone):
        restore_database(foreign=path)
    with closing(sqlite3.connect(site.databases["default"]["NAME"])) as live:
        assert live.execute("SELECT n FROM came").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("stored", "problem"),
    [
        (TEXT.replace(b"COMMIT;\n", b""), "truncated"),
        (gzip.compress(TEXT + b"-- " + bytes(9_000) + b"\n")[:-3], "truncated"),
        (b"PGDMP" + bytes(600), "is PostgreSQL, custom format; database 'default' is sqlite"),
        (b"nothing that is known", "is not known what db/x is"),
        (archive({"a": b"a"}), "is files in a tar archive"),
    ],
    ids=["no end", "cut", "another engine", "unknown", "media"],
)
def test_what_cannot_be_restored_changes_nothing(
    site: DjangoSite, stored: bytes, problem: str
) -> None:
    before = site.database.fingerprint()
    path = store(site, "db/x", stored)
    assert problem in fails(site, "dbrestore", "--noinput", f"--foreign={path}")
    assert site.database.fingerprint() == before


@pytest.mark.thorough
def test_a_path_that_leads_out_and_a_backup_of_ours_are_refused(site: DjangoSite) -> None:
    ours = site.back_up()
    assert "cannot be the path" in fails(site, "dbrestore", "--noinput", "--foreign=../x")
    assert "There is no file old/x" in fails(site, "dbrestore", "--noinput", "--foreign=old/x")
    error = fails(site, "dbrestore", "--noinput", f"--foreign=db/{ours.name}")
    assert f"-i {ours.name}" in error


def test_media_are_put_in_place_and_others_are_kept(site: DjangoSite) -> None:
    site.write_media({"a": b"new", "kept": b"kept"})
    hard, soft = link("hard", "a", tarfile.LNKTYPE), link("soft", "a", tarfile.SYMTYPE)
    path = store(site, "old/m.tgz", archive({"./a": b"old", "b/c": b"c"}, hard, soft))
    (site.media / "outside").symlink_to("/tmp")
    printed = site.call("mediarestore", "--noinput", f"--foreign={path}")
    assert "Restored 2 media files" in printed
    assert {n: d for n, d in snapshot(site.media).items() if n != "outside"} == {
        "a": b"old",
        "b/c": b"c",
        "kept": b"kept",
    }


def test_an_archive_is_never_written_through_a_link(site: DjangoSite, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    site.write_media({"a": b"a"})
    (site.media / "link").symlink_to(outside)
    path = store(site, "old/m.tar", archive({"link/b": b"b", "c": b"c"}, mode="w"))
    assert "link/b" in fails(site, "mediarestore", "--noinput", f"--foreign={path}")
    assert not list(outside.iterdir())
    assert (site.media / "c").read_bytes() == b"c"


@pytest.mark.parametrize(
    ("stored", "problem"),
    [
        (archive({"a": b"old", "../b": b"b"}), "leads out of the media folder"),
        (archive({"a": b"old", "/b": b"b"}), "leads out of the media folder"),
        (archive({"a": b"old"})[:-8], "truncated"),
        (archive({"a": b"old", "b": b"b"}, mode="w")[:1024], "truncated"),
        (archive({"a": b"old" * 9_000}, mode="w")[:2048], "truncated"),
        (TEXT, "is not a tar archive"),
    ],
    ids=["up", "absolute", "cut gzip", "cut between files", "cut in a file", "text"],
)
def test_an_archive_that_is_not_whole_or_leads_out_changes_nothing(
    site: DjangoSite, stored: bytes, problem: str
) -> None:
    site.write_media({"a": b"new"})
    path = store(site, "old/m", stored)
    assert problem in fails(site, "mediarestore", "--noinput", f"--foreign={path}")
    assert snapshot(site.media) == {"a": b"new"}
    assert not (site.media.parent / "b").exists()


@pytest.mark.thorough
def test_options_that_make_no_sense_for_an_archive_are_refused(site: DjangoSite) -> None:
    error = fails(site, "mediarestore", "--noinput", "--foreign=x", "--delete")
    assert "do not go with --foreign" in error


@pytest.mark.thorough
def test_json_of_nothing_is_an_empty_list(site: DjangoSite) -> None:
    assert json.loads(site.call("listbackups", "--foreign", "--json")) == []
