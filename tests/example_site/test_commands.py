"""Every command works on the site as it is, without any set-up."""

import json
import sqlite3

import pytest

from tests.support.example_site import ExampleSite


def test_check_finds_nothing(empty_site: ExampleSite) -> None:
    assert "no issues" in empty_site.manage("check")


def test_migrations_are_complete(empty_site: ExampleSite) -> None:
    assert "No changes" in empty_site.manage("makemigrations", "--check", "--dry-run")


def test_a_fresh_site_lists_no_backups(empty_site: ExampleSite) -> None:
    assert json.loads(empty_site.attempt("listbackups", "--json").stdout) == []


def test_a_database_backup_is_listed(site: ExampleSite) -> None:
    site.manage("dbbackup")

    [backup] = json.loads(site.attempt("listbackups", "--json").stdout)

    assert backup["database"] == "default"
    assert (site.remote / backup["path"]).is_file()


def test_a_media_backup_is_listed(site: ExampleSite) -> None:
    site.manage("mediabackup")

    assert json.loads(site.attempt("listbackups", "--media", "--json").stdout)


def test_media_files_reach_the_remote_as_they_are(site: ExampleSite) -> None:
    site.manage("mediabackup")

    stored = {path.read_bytes() for path in site.remote.rglob("content/*/*")}
    assert {path.read_bytes() for path in site.media.rglob("*") if path.is_file()} <= stored


def test_a_damaged_database_is_restored(site: ExampleSite) -> None:
    before = json.loads(site.fingerprint())
    site.manage("dbbackup")
    site.manage("damage", "--yes")

    site.manage("dbrestore", "--noinput", ALLOW_RESTORE="1")

    after = json.loads(site.fingerprint())
    assert after["tables"] == before["tables"]
    assert after["schema"] == before["schema"]


def test_damaged_media_are_restored(site: ExampleSite) -> None:
    before = json.loads(site.fingerprint())
    site.manage("mediabackup")
    site.manage("damage", "--yes")

    site.manage("mediarestore", "--noinput", "--delete")

    assert json.loads(site.fingerprint())["files"] == before["files"]


def test_a_database_can_be_restored_by_name(site: ExampleSite) -> None:
    site.manage("dbbackup")
    [backup] = json.loads(site.attempt("listbackups", "--json").stdout)
    before = site.fingerprint()
    with sqlite3.connect(site.database) as connection:
        connection.execute("DELETE FROM journal_tag")
    connection.close()

    site.manage("dbrestore", "-i", backup["path"], "--noinput", ALLOW_RESTORE="1")

    assert site.fingerprint() == before


def test_cleaning_keeps_the_newest_backup(site: ExampleSite) -> None:
    site.manage("dbbackup")

    site.manage("dbbackup", "--clean")

    assert json.loads(site.attempt("listbackups", "--json").stdout)


@pytest.mark.parametrize("command", ["dbbackup", "mediabackup", "listbackups", "fingerprint"])
def test_commands_leak_no_file_and_no_process(site: ExampleSite, command: str) -> None:
    assert "ResourceWarning" not in site.manage(command, PYTHONDEVMODE="1")
