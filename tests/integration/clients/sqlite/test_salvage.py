"""What can be had of a backup that cannot be restored."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from django.core.management.base import CommandError
from django.db import connections

from django_rclone.backups.inventory import Inventory
from django_rclone.clients.sqlite import SqliteClient
from django_rclone.exceptions import ClientError
from tests.integration.clients.sqlite.generated import fingerprint
from tests.support.site import DjangoSite

MUCH = """
CREATE TABLE much (id INTEGER PRIMARY KEY, body TEXT);
CREATE INDEX much_body ON much (body);
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
    INSERT INTO much SELECT i * 7, hex(randomblob(100)) FROM n;
CREATE TABLE keyless (word PRIMARY KEY, body) WITHOUT ROWID;
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
    INSERT INTO keyless SELECT printf('%05d', i), hex(randomblob(100)) FROM n;
"""


def salvaged(
    site: DjangoSite, data: bytes, expected: Inventory | None = None
) -> tuple[Path, list[str]]:
    with SqliteClient(connections["default"]) as client, client.salvage(expected) as target:
        target.write(data)
        target.finish()
        return Path(target.place), list(target.missing)


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def test_sound_file_is_kept_as_it_is_next_to_the_live_one(site: DjangoSite) -> None:
    before = fingerprint(site.database.path)
    site.back_up()
    site.database.run("DELETE FROM entry")
    live = fingerprint(site.database.path)
    said = site.restore("--salvage")
    [place] = site.folder.glob("default.sqlite3.salvaged-*")
    assert str(place) in said
    assert fingerprint(place) == before
    assert fingerprint(site.database.path) == live


def test_all_that_can_be_read_of_a_truncated_file_is_kept(site: DjangoSite) -> None:
    site.database.run(MUCH)
    data = site.database.path.read_bytes()
    place, missing = salvaged(site, data[: len(data) * 2 // 3])
    assert rows(place, "PRAGMA integrity_check") == [("ok",)]
    [(count,)] = rows(place, "SELECT count(*) FROM much")
    assert 1000 < int(str(count)) <= 3000
    assert rows(place, "SELECT count(*) FROM entry") == [(500,)]
    assert any("keyless" in one for one in missing)


def test_rows_around_a_damaged_page_are_kept_and_the_loss_is_counted(site: DjangoSite) -> None:
    site.database.run(MUCH)
    page = rows(site.database.path, "PRAGMA page_size")[0][0]
    [(leaf,)] = rows(
        site.database.path,
        "SELECT pageno FROM dbstat WHERE name = 'much' AND pagetype = 'leaf' ORDER BY path LIMIT 1 OFFSET 9",
    )
    data = bytearray(site.database.path.read_bytes())
    start = (int(str(leaf)) - 1) * int(str(page))
    data[start : start + int(str(page))] = b"\xff" * int(str(page))
    expected = Inventory({"table": frozenset({"entry", "much", "keyless"})}, {"much": 3000})
    place, missing = salvaged(site, bytes(data), expected)
    [(count,)] = rows(place, "SELECT count(*) FROM much")
    assert 2900 < int(str(count)) < 3000
    assert rows(place, "SELECT count(*) FROM keyless") == [(3000,)]
    assert missing == [
        "Rows of table much could not be read.",
        f"much has {int(str(count)):,} rows instead of 3,000",
    ]


def test_everything_but_the_damage_is_made_again(site: DjangoSite) -> None:
    site.database.run(
        "PRAGMA user_version = 7; CREATE TABLE numbered (id INTEGER PRIMARY KEY AUTOINCREMENT, a);"
        "INSERT INTO numbered VALUES (9, x'00'); DELETE FROM numbered;"
        "CREATE VIRTUAL TABLE found USING fts5 (words); INSERT INTO found VALUES ('some words');"
        "CREATE VIEW seen AS SELECT * FROM entry; CREATE TRIGGER fired AFTER INSERT ON entry BEGIN SELECT 1; END;"
        "CREATE TABLE made (a, b AS (upper(a)) STORED); INSERT INTO made VALUES ('x');"
        "CREATE TABLE broken (a); CREATE INDEX broken_index ON broken (a);"
        "INSERT INTO broken VALUES (1), (2); PRAGMA writable_schema = ON;"
        "UPDATE sqlite_master SET sql = 'CREATE INDEX broken_index ON broken (a DESC)' WHERE name = 'broken_index';"
    )
    place, missing = salvaged(site, site.database.path.read_bytes())
    assert missing == []
    assert rows(place, "PRAGMA integrity_check") == [("ok",)]
    assert rows(place, "SELECT words FROM found WHERE found MATCH 'words'") == [("some words",)]
    assert rows(place, "SELECT * FROM sqlite_sequence") == [("numbered", 9)]
    assert rows(place, "SELECT b FROM made") == [("X",)]
    assert rows(place, "PRAGMA user_version") == [(7,)]
    names = "SELECT name FROM sqlite_master ORDER BY 1"
    assert rows(place, names) == rows(site.database.path, names)


def test_what_is_no_database_at_all_is_refused_without_a_trace(site: DjangoSite) -> None:
    before = sorted(site.folder.iterdir())
    with pytest.raises(ClientError, match="Nothing of the backup can be read"):
        salvaged(site, b"this is not a database" * 100)
    assert sorted(site.folder.iterdir()) == before


def test_losses_make_the_command_fail_and_are_listed(site: DjangoSite) -> None:
    site.rclone["COMPRESSION"] = None
    site.database.run(MUCH)
    dump = site.back_up()
    data = dump.read_bytes()
    (site.remote / "db" / "half.sqlite3").write_bytes(data[: len(data) // 2])
    with pytest.raises(CommandError, match="could not be salvaged"):
        site.call("dbrestore", "--noinput", "--salvage", "--unverified", "--input=db/half.sqlite3")
    assert list(site.folder.glob("default.sqlite3.salvaged-*"))
