"""Which databases the client for any engine is chosen for, and what it says of itself."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError

from tests.integration.clients.orm import sample_data
from tests.integration.clients.orm.orm_site import ALIAS, OrmSite, opened
from tests.support.databases import SqliteDatabase
from tests.support.site import DjangoSite

FAKE = "tests.integration.clients.orm.fake_engine"


@pytest.fixture
def foreign(site: DjangoSite, sqlite: SqliteDatabase) -> Iterator[OrmSite]:
    """A site on an engine without a client, and nothing set."""
    with opened(site, {**sqlite.settings, "ENGINE": FAKE}) as orm_site:
        del site.rclone["CLIENTS"]
        yield orm_site


def test_an_engine_without_a_client_is_backed_up_and_restored(foreign: OrmSite) -> None:
    before = foreign.fingerprint()
    done = foreign.site.manage("dbbackup")
    assert done.returncode == 0, done.stderr
    assert "Warning: FakeEngine is backed up by Django itself" in done.stderr
    assert "native client would be faster" in done.stderr
    assert "It is unknown how to read FakeEngine as of one moment" in done.stderr
    foreign.mutate()
    assert foreign.fingerprint() != before
    done = foreign.site.manage("dbrestore", "--noinput")
    assert done.returncode == 0, done.stderr
    assert "The schema stays as it is" in done.stderr
    assert foreign.fingerprint() == before


def test_its_manifest_holds_the_engine_and_the_format(foreign: OrmSite) -> None:
    stored = foreign.site.back_up()
    assert ".jsonl" in stored.name
    manifest = json.loads(stored.with_name(f"{stored.name}.json").read_text())
    assert (manifest["vendor"], manifest["format"]) == ("fake", "django_jsonl")
    assert (manifest["tool"], manifest["partial"]) == ("django", False)
    assert "auth.0001_initial" in manifest["migrations"]
    assert manifest["server_version"].startswith("3.")


def test_a_backup_of_another_engine_is_refused_unless_it_is_named(foreign: OrmSite) -> None:
    foreign.site.back_up()
    foreign.site.databases[ALIAS]["ENGINE"] = "django.db.backends.sqlite3"
    foreign.site.rclone["CLIENTS"] = {ALIAS: {"BACKEND": sample_data.CLIENT}}
    with pytest.raises(CommandError, match="holds fake in format 'django_jsonl'"):
        foreign.site.call("dbrestore", "--noinput")
    foreign.site.rclone["CLIENTS"][ALIAS]["OPTIONS"] = {"from_vendors": ["fake"]}
    foreign.site.call("dbrestore", "--noinput")


def test_a_partial_backup_is_one(foreign: OrmSite) -> None:
    foreign.site.rclone["CLIENTS"] = {ALIAS: {"OPTIONS": {"exclude_data": ["sample_models.Note"]}}}
    foreign.site.back_up()
    with pytest.raises(CommandError, match="partial"):
        foreign.site.call("dbrestore", "--noinput")
    foreign.site.call("dbrestore", "--noinput", "--partial")


@pytest.mark.parametrize(
    "options",
    [
        {"exclude_data": "sample_models.Note"},
        {"exclude_data": [1]},
        {"from_vendors": "oracle"},
        {"line_limit": 10},
        {"line_limit": "1 MB"},
        {"schemas": []},
    ],
    ids=repr,
)
def test_wrong_options_are_reported(foreign: OrmSite, options: dict[str, Any]) -> None:
    foreign.site.rclone["CLIENTS"] = {ALIAS: {"OPTIONS": options}}
    with pytest.raises(CommandError, match="CLIENTS"):
        foreign.site.call("dbbackup")


def test_a_database_without_an_engine_has_no_client(site: DjangoSite) -> None:
    site.databases[ALIAS] = {"ENGINE": "django.db.backends.dummy", "NAME": ""}
    with pytest.raises(CommandError, match="names no engine"):
        site.call("dbbackup")


def test_an_unreachable_database_is_reported_without_a_secret(
    site: DjangoSite, sqlite: SqliteDatabase
) -> None:
    site.databases[ALIAS] = {
        **sqlite.settings,
        "ENGINE": FAKE,
        "NAME": "/no/such/folder/live.sqlite3",
    }
    with pytest.raises(
        CommandError, match="Cannot connect to the database: unable to open database file"
    ):
        site.call("dbbackup")
