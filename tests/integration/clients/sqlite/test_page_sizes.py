"""A restore into a live database with a write-ahead log, whose page size cannot change."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from django.core.management.base import CommandError

from django_rclone.clients.sqlite import paging
from tests.support.site import DjangoSite

NOTES = """
CREATE TABLE note (body TEXT);
INSERT INTO note VALUES ('gone'), ('apple'), ('gone'), ('banana'), ('cherry');
CREATE VIRTUAL TABLE note_index USING fts5 (body, content = 'note', tokenize = 'porter');
INSERT INTO note_index (note_index) VALUES ('rebuild');
DELETE FROM note WHERE body = 'gone';
INSERT INTO note_index (note_index) VALUES ('rebuild');
CREATE TABLE tag (word TEXT PRIMARY KEY, "rowid" TEXT);
INSERT INTO tag VALUES ('x', 1), ('y', 2), ('z', 3);
DELETE FROM tag WHERE word = 'x';
CREATE TABLE shadowed (rowid, _rowid_, oid);
INSERT INTO shadowed VALUES (1, 2.0, '3'), (x'00', NULL, 'a' || char(0) || 'b');
CREATE TABLE keyless (a PRIMARY KEY, b) WITHOUT ROWID;
INSERT INTO keyless VALUES ('a', 1), (x'61', 2);
CREATE TABLE numbered (id INTEGER PRIMARY KEY AUTOINCREMENT, a);
INSERT INTO numbered VALUES (7, 'seven'); DELETE FROM numbered;
CREATE TRIGGER first_trigger AFTER INSERT ON note BEGIN SELECT 1; END;
CREATE TABLE after_trigger (a, b AS (upper(a)), c AS (lower(a)) STORED);
CREATE INDEX by_expression ON after_trigger (upper(a), a COLLATE NOCASE DESC) WHERE a > 'a';
INSERT INTO after_trigger (a) VALUES ('x');
ALTER TABLE note ADD COLUMN extra TEXT DEFAULT 'later';
CREATE VIRTUAL TABLE place USING rtree (id, low, high);
INSERT INTO place VALUES (1, 2, 3);
PRAGMA user_version = 7; PRAGMA application_id = 99;
"""
FOUND = "SELECT note.rowid, note.body FROM note_index JOIN note ON note.rowid = note_index.rowid "


def fill(site: DjangoSite, *first: str) -> None:
    site.database.path.unlink(missing_ok=True)
    site.database.run(*first, NOTES)


def become_wal(site: DjangoSite, page_size: int) -> None:
    """Replace the live file by another one, with a log."""
    site.database.path.unlink()
    site.database.run(
        f"PRAGMA page_size = {page_size}", "PRAGMA journal_mode = wal", "CREATE TABLE other (id)"
    )


def found(site: DjangoSite, word: str) -> list[Any]:
    rows: list[Any] = site.database.rows(f"{FOUND} WHERE note_index MATCH '{word}'")
    return rows


@pytest.mark.parametrize(
    ("size", "live_size", "pragmas"),
    [
        (8192, 4096, ()),
        (512, 65536, ("PRAGMA encoding = 'UTF-16be'",)),
        (4096, 1024, ("PRAGMA auto_vacuum = INCREMENTAL",)),
    ],
)
def test_rowids_and_everything_else_survive_another_page_size(
    site: DjangoSite, size: int, live_size: int, pragmas: tuple[str, ...]
) -> None:
    fill(site, f"PRAGMA page_size = {size}", *pragmas)
    before, dump = found(site, "banana"), site.database.fingerprint()
    pragma_values = [site.database.rows(f"PRAGMA {one}") for one in paging._PRAGMAS]
    assert before == [(4, "banana")]
    site.back_up()
    become_wal(site, live_size)
    site.restore()
    assert site.database.rows("PRAGMA page_size") == [(live_size,)]
    assert site.database.rows("PRAGMA journal_mode") == [("wal",)]
    assert site.database.rows("PRAGMA integrity_check") == [("ok",)]
    assert found(site, "banana") == before
    assert site.database.fingerprint() == dump
    assert [site.database.rows(f"PRAGMA {one}") for one in paging._PRAGMAS] == pragma_values
    assert site.database.rows("SELECT _rowid_, word FROM tag") == [(2, "y"), (3, "z")]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE note SET rowid = rowid + 100",
        "UPDATE tag SET _rowid_ = _rowid_ + 100",
        "UPDATE shadowed SET oid = CAST(oid AS BLOB)",
        "UPDATE keyless SET b = b * 1.0",
        "UPDATE note_index_data SET block = block || 'x'",
        "UPDATE sqlite_sequence SET seq = 8",
        "PRAGMA user_version = 8",
        "DROP INDEX by_expression",
        "DELETE FROM place_rowid",
    ],
)
def test_conversion_that_changes_anything_is_refused(
    site: DjangoSite, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    fill(site, "PRAGMA page_size = 8192")
    site.back_up()
    become_wal(site, 4096)
    original = paging._restore_order

    def change(connection: sqlite3.Connection) -> None:
        original(connection)
        connection.execute(statement)

    monkeypatch.setattr(paging, "_restore_order", change)
    with pytest.raises(CommandError, match=r"converted without loss.*would change"):
        site.restore()
    assert site.database.rows("SELECT name FROM sqlite_master") == [("other",)]


def test_conversion_that_needs_a_missing_function_is_refused(site: DjangoSite) -> None:
    site.database.path.unlink()
    with closing(site.database.connect()) as connection:
        connection.create_function("shop", 1, lambda text: text, deterministic=True)
        connection.executescript(
            "PRAGMA page_size = 8192; CREATE TABLE a (b); CREATE INDEX c ON a (shop(b));"
        )
    site.back_up()
    become_wal(site, 4096)
    with pytest.raises(CommandError, match="no such function: shop"):
        site.restore()
    site.database.run("PRAGMA journal_mode = delete")
    site.restore()
    assert site.database.rows("SELECT name FROM sqlite_master") == [("a",), ("c",)]


def test_page_size_of_a_live_file_without_a_log_becomes_that_of_the_backup(
    site: DjangoSite,
) -> None:
    fill(site, "PRAGMA page_size = 8192")
    site.back_up()
    site.database.path.unlink()
    site.database.run("PRAGMA page_size = 1024", "CREATE TABLE other (id)")
    site.restore()
    assert site.database.rows("PRAGMA page_size") == [(8192,)]
    assert found(site, "banana") == [(4, "banana")]


@pytest.mark.parametrize("vacuum", ["NONE", "FULL"])
def test_counters_without_a_table_that_counts_survive_another_page_size(
    site: DjangoSite, vacuum: str
) -> None:
    fill(site, "PRAGMA page_size = 8192", f"PRAGMA auto_vacuum = {vacuum}")
    site.database.run("DROP TABLE numbered")
    schema = "SELECT rowid, type, name, sql FROM sqlite_master ORDER BY rowid"
    before = site.database.rows(schema)
    assert "sqlite_sequence" in [row[2] for row in before]
    site.back_up()
    become_wal(site, 4096)
    site.restore()
    assert site.database.rows(schema) == before
    assert site.database.rows("PRAGMA integrity_check") == [("ok",)]
