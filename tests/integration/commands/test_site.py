"""Databases and media files are backed up and restored together, under one name."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.test import override_settings

from django_rclone import conf, signals
from django_rclone.backups.manifest import Manifest, signer
from django_rclone.backups.sites import SiteRecord, site_signer
from tests.support.databases import Database, MysqlDatabase, PostgresqlDatabase
from tests.support.signal_recorder import SignalRecorder
from tests.support.site import DjangoSite, snapshot

_KILL_ON = """
import os, signal
from django.dispatch import receiver
from django_rclone import conf, signals
from django_rclone.backups.manifest import Manifest, signer
@receiver(signals.{name}, weak=False)
def die(**kwargs):
    os.kill(os.getpid(), signal.{number})
"""


def sites(site: DjangoSite) -> list[dict[str, Any]]:
    return site.backups("--site")


def back_up(site: DjangoSite, *arguments: str) -> str:
    """Make a site backup, and return its name."""
    before = {one["name"] for one in sites(site)}
    site.call("backupsite", *arguments)
    (new,) = {one["name"] for one in sites(site)} - before
    return str(new)


def fails(site: DjangoSite, *arguments: str) -> CommandError:
    with pytest.raises(CommandError) as error:
        site.call(*arguments)
    assert "Traceback" not in str(error.value)
    return error.value


def restore(site: DjangoSite, *arguments: str) -> str:
    return site.call("restoresite", "--noinput", *arguments)


def part(site: DjangoSite, kind: str, number: int = 0) -> Path:
    """Return the stored file of a part of the newest site backup."""
    return site.remote / sites(site)[0][kind][number]["path"]


@contextmanager
def refused(name: str, when: str = "") -> Iterator[None]:
    """Let a receiver of a signal refuse, for one database or for any."""

    def refuse(**given: Any) -> None:
        if when in ("", given.get("database")):
            raise RuntimeError("not today")

    one = getattr(signals, name)
    one.connect(refuse)
    try:
        yield
    finally:
        one.disconnect(refuse)


@pytest.fixture(params=["sqlite", "postgresql", "mysql"])
def any_site(request: pytest.FixtureRequest, site: DjangoSite) -> Iterator[DjangoSite]:
    """A site with two databases, the first of any vendor."""
    site.add_database("archive")
    if request.param == "sqlite":
        yield site
        return
    kind: Any = PostgresqlDatabase if request.param == "postgresql" else MysqlDatabase
    with closing(kind(request.getfixturevalue(f"{request.param}_server"))) as database:
        database.add_entries()
        site.use(database)
        yield site


def test_databases_and_media_come_back_as_they_were(any_site: DjangoSite) -> None:
    site = any_site
    database: Database = site.database
    site.write_media({"a.jpg": b"a", "deep/b.jpg": b"b"})
    before = database.fingerprint()
    shown = site.call("backupsite")
    (listed,) = sites(site)
    assert f"Stored site backup {listed['name']} (" in shown
    assert [one["database"] for one in listed["databases"]] == ["default", "archive"]
    assert [one["source"] for one in listed["media"]] == ["media"]
    assert (listed["whole"], listed["verified"], listed["problem"]) == (True, True, None)
    database.mutate()
    site.write_media({"a.jpg": b"new", "later.jpg": b"later"})
    site.call("backupsite")
    (site.media / "deep/b.jpg").unlink()
    shown = restore(site, "--at", listed["name"])
    assert "Restored database 'default'" in shown
    assert "2 files: 1 created, 1 replaced; 1 other kept." in shown
    assert database.fingerprint() == before
    assert snapshot(site.media) == {"a.jpg": b"a", "deep/b.jpg": b"b", "later.jpg": b"later"}
    restore(site, "--at", listed["date"], "--delete")
    assert snapshot(site.media) == {"a.jpg": b"a", "deep/b.jpg": b"b"}


def test_media_files_are_looked_at_after_the_last_dump(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    """A file that was saved before the row that names it is in the run."""
    site.add_database("archive")

    def upload(**given: Any) -> None:
        site.write_media({f"{given['database']}.jpg": b"uploaded"})

    signals.post_db_backup.connect(upload)
    site.call("backupsite", "--jobs", "2")
    signals.post_db_backup.disconnect(upload)
    assert recorder.names[-2:] == ["pre_media_backup", "post_media_backup"]
    assert sorted(recorder.names[:-2]) == ["post_db_backup"] * 2 + ["pre_db_backup"] * 2
    assert sites(site)[0]["size"] > 16
    site.media.rename(site.folder / "lost")
    restore(site)
    assert sorted(snapshot(site.media)) == ["archive.jpg", "default.jpg"]


def test_databases_and_sources_can_be_chosen(site: DjangoSite) -> None:
    site.add_database("archive")
    site.add_database("big")
    other = site.folder / "invoices"
    other.mkdir()
    (other / "1.pdf").write_bytes(b"1")
    site.rclone["MEDIA_SOURCES"] = {"media": {}, "invoices": {"FOLDER": str(other)}}
    back_up(site, "--exclude-database", "big", "-s", "invoices")
    (listed,) = sites(site)
    assert [one["database"] for one in listed["databases"]] == ["default", "archive"]
    assert [one["source"] for one in listed["media"]] == ["invoices"]
    back_up(site, "-d", "big", "-s", "invoices", "--verify")
    assert [one["database"] for one in sites(site)[0]["databases"]] == ["big"]
    error = fails(site, "backupsite", "-d", "big", "--exclude-database", "big")
    assert error.returncode == 2


def test_a_part_that_failed_leaves_no_site_backup_and_names_what_is_stored(
    site: DjangoSite,
) -> None:
    site.add_database("archive")
    site.write_media({"a": b"a"})
    with refused("pre_db_backup", "default"):
        error = fails(site, "backupsite")
    assert error.returncode == 4
    assert "There is no new site backup" in str(error)
    assert "not today" in str(error)
    assert "database 'archive': db/archive-" in str(error)
    assert "media files of 'media': media/runs/media-" in str(error)
    assert sites(site) == []
    assert list(site.remote.rglob("*.site")) == []
    assert [b["database"] for b in site.backups()] == ["archive"]
    (site.media / "a").unlink()
    error = fails(site, "backupsite")
    assert "The media folder" in str(error)
    assert sites(site) == []


def test_wrong_settings_stop_it_before_a_database_is_dumped(site: DjangoSite) -> None:
    with override_settings(MEDIA_ROOT=""):
        assert fails(site, "backupsite").returncode == 2
    assert site.stored() == []


def test_a_run_that_lacks_files_makes_an_incomplete_site_backup(site: DjangoSite) -> None:
    whole = back_up(site, "--force")
    site.write_media({"a": b"a"})
    os.mkfifo(site.media / "pipe")
    error = fails(site, "backupsite", "--clean")
    assert "1 file could not be stored, all others were: pipe (a pipe)" in str(error)
    newest, before = sites(site)
    assert (newest["whole"], newest["verified"]) == (False, True)
    assert "INCOMPLETE" in site.call("listbackups", "--site")
    # The newest whole one is taken, unless the other is named.
    (site.media / "pipe").unlink()
    (site.media / "a").unlink()
    restore(site)
    assert (before["name"], snapshot(site.media)) == (whole, {})
    restore(site, "--at", newest["name"])
    assert snapshot(site.media) == {"a": b"a"}
    assert "nothing is deleted" in str(
        fails(site, "restoresite", "--noinput", "--delete", "--at", newest["name"])
    )


@pytest.mark.parametrize("name", ["pre_media_backup", "post_media_backup"])
def test_a_killed_backup_leaves_no_site_backup_and_whole_parts(site: DjangoSite, name: str) -> None:
    site.extra_settings = "INSTALLED_APPS = [*INSTALLED_APPS, 'killing']"
    (site.folder / "killing.py").write_text(_KILL_ON.format(name=name, number="SIGKILL"))
    site.write_media({"a": b"a"})
    done = site.manage("backupsite")
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert sites(site) == []
    assert [b["verified"] for b in site.backups()] == [True]
    back_up(site)


@pytest.mark.thorough
def test_a_clean_up_keeps_the_parts_of_site_backups(site: DjangoSite) -> None:
    site.rclone |= {"DB_CLEANUP_KEEP": 1, "MEDIA_CLEANUP_KEEP": 1}
    site.write_media({"a": b"first"})
    name = back_up(site)
    for state in (b"second", b"third"):
        site.write_media({"a": state})
        site.call("dbbackup", "--clean")
        site.call("mediabackup", "--clean")
    site.call("prune")
    assert sites(site)[0]["whole"]
    assert len(site.backups()) == 2
    assert len(site.backups("--media")) == 2
    assert site.backups()[-1]["kept"] == ["site backup"]
    restore(site, "--at", name)
    assert snapshot(site.media) == {"a": b"first"}
    # One clean-up deletes the site backup, and with it what only that kept.
    site.call("backupsite", "--clean")
    (newest,) = sites(site)
    assert newest["name"] != name
    assert len(site.backups()) == len(site.backups("--media")) == 1


@pytest.mark.thorough
def test_marks_without_a_site_backup_go_two_days_later(
    site: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.write_media({"a": b"a"})
    name = back_up(site)
    (site.remote / "sites" / f"{name}.json").unlink()
    marks = [path for path in site.remote.rglob("*.site") if path.is_file()]
    assert {path.read_text() for path in marks} == {f"{name}\n"}
    back_up(site, "--clean")
    assert [path.is_file() for path in marks] == [True, True]
    monkeypatch.setattr("django_rclone.operations.site.prune.LEFTOVER_AGE", timedelta(0))
    newest = back_up(site, "--clean")
    assert [path.is_file() for path in marks] == [False, False]
    assert len(list(site.remote.rglob("*.site"))) == 4
    assert next(one for one in sites(site) if one["name"] == newest)["whole"]


@pytest.mark.thorough
def test_incomplete_site_backups_count_apart(site: DjangoSite) -> None:
    site.rclone |= {"DB_CLEANUP_KEEP": 1, "MEDIA_CLEANUP_KEEP": 1}
    site.write_media({"a": b"a"})
    whole = back_up(site)
    torn = back_up(site)
    part(site, "media").unlink()
    site.rclone["ENVIRONMENT"] = "staging"
    staging = back_up(site, "--clean")
    assert {one["name"] for one in sites(site)} == {whole, torn, staging}
    site.rclone["ENVIRONMENT"] = ""
    newest = back_up(site, "--clean")
    assert {one["name"] for one in sites(site)} == {torn, staging, newest}


@pytest.mark.parametrize("kind", ["databases", "media"])
def test_a_missing_part_stops_the_restore_before_anything_changes(
    site: DjangoSite, kind: str
) -> None:
    site.write_media({"a": b"a"})
    older = back_up(site)
    torn = back_up(site)
    lost = part(site, kind)
    lost.unlink()
    shown = site.call("listbackups", "--site")
    assert "TORN (1 missing)" in shown
    assert f"{torn} lacks" in shown
    assert sites(site)[0][kind][0]["missing"] is True
    site.write_media({"a": b"new"})
    site.database.mutate()
    before = site.database.fingerprint()
    error = fails(site, "restoresite", "--noinput", "--at", torn)
    assert str(lost.relative_to(site.remote)) in str(error)
    other = "mediarestore -s media --at" if kind == "databases" else "dbrestore -d default -i"
    assert f"manage.py {other} " in str(error)
    assert (site.database.fingerprint(), snapshot(site.media)) == (before, {"a": b"new"})
    # Without a name the newest whole one is taken, which is said.
    site.call("restoresite", "--noinput")
    assert snapshot(site.media) == {"a": b"a"}
    (site.remote / "sites" / f"{older}.json").unlink()
    assert "is torn" in str(fails(site, "restoresite", "--noinput"))


@pytest.mark.thorough
def test_missing_content_stops_the_restore_before_anything_changes(site: DjangoSite) -> None:
    site.write_media({"a": b"a"})
    back_up(site)
    site.database.mutate()
    before = site.database.fingerprint()
    (content,) = site.stored("media/content")
    content.unlink()
    error = fails(site, "restoresite", "--noinput")
    assert "1 contents of files" in str(error)
    assert site.database.fingerprint() == before


def test_a_part_that_was_replaced_is_not_restored(site: DjangoSite) -> None:
    site.write_media({"a": b"a"})
    back_up(site)
    dump = part(site, "databases")
    listed = json.loads((site.remote / "sites" / f"{sites(site)[0]['name']}.json").read_bytes())
    site.call("dbbackup")
    other = site.remote / site.backups()[0]["path"]
    dump.write_bytes(other.read_bytes())
    # Even a manifest of the same key, for the same path, is not the one that was recorded.
    with_new = Manifest.from_bytes(Path(f"{other}.json").read_bytes())
    key = signer(conf.load().signing_key, ())
    forged = replace(with_new, path=listed["parts"][0][2]).signed(key)
    Path(f"{dump}.json").write_bytes(forged.to_bytes())
    error = fails(site, "restoresite", "--noinput")
    assert "is not the one that belongs to this site backup" in str(error)


@pytest.mark.parametrize("change", ["altered", "another key", "cut", "renamed"])
def test_an_unverified_site_backup_is_not_restored(site: DjangoSite, change: str) -> None:
    site.write_media({"a": b"a"})
    name = back_up(site)
    record = site.remote / "sites" / f"{name}.json"
    data = record.read_bytes()
    if change == "altered":
        record.write_bytes(data.replace(b'"partial":false', b'"partial":true'))
    elif change == "another key":
        site.rclone["SIGNING_KEY"] = "another one"
    elif change == "cut":
        record.write_bytes(data[:100])
    else:
        name = f"{name[:-8]}00000000"
        record.rename(record.with_name(f"{name}.json"))
    listed = sites(site)[0]
    assert (listed["verified"], listed["whole"]) == (False, False)
    assert "NOT VERIFIED" in site.call("listbackups", "--site")
    for choice in ([], ["--at", name]):
        error = fails(site, "restoresite", "--noinput", *choice)
        assert f"Refusing to restore site backup {name}" in str(error)


def test_another_environment_must_be_named(site: DjangoSite) -> None:
    site.rclone["ENVIRONMENT"] = "production"
    site.write_media({"a": b"a"})
    name = back_up(site)
    site.rclone["ENVIRONMENT"] = "staging"
    site.write_media({"a": b"of staging"})
    assert "whole of environment 'production'" in site.call("listbackups", "--site")
    for choice in ([], ["--at", name]):
        assert "--from-environment" in str(fails(site, "restoresite", "--noinput", *choice))
    restore(site, "--from-environment", "production")
    assert snapshot(site.media) == {"a": b"a"}


@pytest.mark.thorough
def test_one_dated_in_the_future_must_be_named(site: DjangoSite) -> None:
    site.write_media({"a": b"a"})
    name = back_up(site)
    record = SiteRecord.from_bytes((site.remote / "sites" / f"{name}.json").read_bytes())
    ahead = replace(record, created_at=record.created_at + timedelta(days=1))
    data = ahead.signed(site_signer(conf.load())).to_bytes()
    (site.remote / "sites" / f"{name}.json").write_bytes(data)
    site.write_media({"a": b"new"})
    assert "dated in the future" in str(fails(site, "restoresite", "--noinput"))
    restore(site, "--at", name)
    assert snapshot(site.media) == {"a": b"a"}


@pytest.mark.thorough
def test_what_this_site_does_not_have_stops_the_restore(site: DjangoSite) -> None:
    archive = site.add_database("archive")
    site.write_media({"a": b"a"})
    back_up(site)
    del site.databases["archive"]
    error = fails(site, "restoresite", "--noinput")
    assert "there is no 'archive' in DATABASES" in str(error)
    site.databases["archive"] = archive.settings
    site.rclone["MEDIA_SOURCES"] = {"files": {}}
    error = fails(site, "restoresite", "--noinput")
    assert "there is no 'media' in MEDIA_SOURCES" in str(error)


def test_after_a_database_that_failed_nothing_else_is_touched(site: DjangoSite) -> None:
    for alias in ("archive", "big"):
        site.add_database(alias)
    site.write_media({"a": b"a"})
    name = back_up(site)
    site.write_media({"a": b"new"})
    with refused("pre_db_restore", "archive"):
        error = fails(site, "restoresite", "--noinput", "--delete")
    assert error.returncode == 4
    listed = sites(site)[0]
    paths = [one["name"] for one in listed["databases"]]
    (run,) = [one["name"] for one in listed["media"]]
    assert str(error).partition("This became of each part:\n")[2].splitlines() == [
        "database 'default': restored",
        "database 'archive': as before",
        "database 'big': as before",
        "media files of 'media': as before",
        "Hint: Correct that, and run restoresite again, or finish it by hand:",
        f"manage.py dbrestore -d archive -i {paths[1]}",
        f"manage.py dbrestore -d big -i {paths[2]}",
        f"manage.py mediarestore -s media --at {run} --delete",
    ]
    assert snapshot(site.media) == {"a": b"new"}
    restore(site, "--at", name)
    assert snapshot(site.media) == {"a": b"a"}


@pytest.mark.thorough
def test_media_files_that_failed_are_named_and_other_sources_restored(site: DjangoSite) -> None:
    other = site.folder / "invoices"
    other.mkdir()
    (other / "1.pdf").write_bytes(b"1")
    site.rclone["MEDIA_SOURCES"] = {"media": {}, "invoices": {"FOLDER": str(other)}}
    site.write_media({"a": b"a"})
    back_up(site)
    for path in site.stored("media/content"):
        if path.read_bytes() == b"a":
            path.write_bytes(b"X")
    (site.media / "a").unlink()
    (other / "1.pdf").unlink()
    error = fails(site, "restoresite", "--noinput")
    assert "a (its stored content is damaged)" in str(error)
    assert "media files of 'media': restored, but not all files" in str(error)
    assert "media files of 'invoices': restored" in str(error)
    assert snapshot(other) == {"1.pdf": b"1"}


def test_an_interrupted_restore_says_what_became_of_each_part(site: DjangoSite) -> None:
    site.extra_settings = "INSTALLED_APPS = [*INSTALLED_APPS, 'killing']"
    killing = site.folder / "killing.py"
    killing.write_text(_KILL_ON.format(name="pre_media_restore", number="SIGTERM"))
    site.write_media({"a": b"a"})
    name = back_up(site)
    site.write_media({"a": b"new"})
    done = site.manage("restoresite", "--noinput")
    assert done.returncode == 128 + signal.SIGTERM
    assert "database 'default': restored" in done.stderr
    assert "manage.py mediarestore -s media --at" in done.stderr
    killing.write_text(_KILL_ON.format(name="pre_media_restore", number="SIGKILL"))
    assert site.manage("restoresite", "--noinput").returncode == -signal.SIGKILL
    assert snapshot(site.media) == {"a": b"new"}
    restore(site, "--at", name)
    assert snapshot(site.media) == {"a": b"a"}


def test_it_names_everything_that_is_replaced(site: DjangoSite) -> None:
    site.add_database("archive")
    site.write_media({"a": b"a"})
    back_up(site)
    site.write_media({"a": b"new", "b": b"b"})
    error = fails(site, "restoresite")
    assert error.returncode == 5
    shown = site.call("restoresite", "--dry-run")
    listed = sites(site)[0]
    assert listed["name"] in shown
    for alias, one in zip(("default", "archive"), listed["databases"], strict=True):
        assert f"everything in database '{alias}'" in shown
        assert one["name"] in shown
    assert f"the files in {site.media} that differ from {listed['media'][0]['name']}" in shown
    assert "1 other kept" in shown
    assert snapshot(site.media)["a"] == b"new"
    assert site.call("restoresite", "--dry-run", "--delete").count("1 other deleted") == 1


def test_a_moment_chooses_the_newest_until_then(site: DjangoSite) -> None:
    site.write_media({"a": b"first"})
    back_up(site)
    first = sites(site)[0]["date"]
    site.write_media({"a": b"second"})
    back_up(site)
    restore(site, "--at", first)
    assert snapshot(site.media) == {"a": b"first"}
    error = fails(site, "restoresite", "--noinput", "--at", "2001-01-01")
    assert "There is no site backup" in str(error)
    error = fails(site, "restoresite", "--noinput", "--at", "../locks/x")
    assert "cannot be the name" in str(error)
    assert site.call("listbackups", "--site", "--verbosity", "0").count("site-") == 2


@pytest.mark.thorough
def test_what_was_in_the_databases_can_be_had_back(site: DjangoSite) -> None:
    site.rclone["SAFETY_BACKUP"] = "7d"
    site.write_media({"a": b"a"})
    back_up(site)
    site.database.mutate()
    before = site.database.fingerprint()
    assert "What is in it now is backed up first." in site.call("restoresite", "--dry-run")
    shown = restore(site)
    (way_back,) = [line for line in shown.splitlines() if "dbrestore -d default -i" in line]
    site.call("dbrestore", "--noinput", "-i", way_back.split()[-1])
    assert site.database.fingerprint() == before
    count = len(site.backups())
    restore(site, "--no-safety-backup")
    assert len(site.backups()) == count


@pytest.mark.thorough
def test_without_site_backups_it_says_so(site: DjangoSite) -> None:
    assert site.call("listbackups", "--site") == "There are no site backups.\n"
    assert "There is no site backup" in str(fails(site, "restoresite", "--noinput"))


def test_its_folder_is_reserved(site: DjangoSite) -> None:
    site.rclone["DB_BACKUP_DIR"] = "sites/db"
    assert "the folder of site backups" in str(fails(site, "backupsite"))
