"""SQL text of SQLite becomes a file, and cannot get at any other."""

import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from django_rclone.clients.sqlite.loading import FILE, SQL_TEXT, TextLoader, recognized
from django_rclone.exceptions import ClientError

HARD = """
CREATE TABLE "a;b" (n INTEGER PRIMARY KEY, [c;d] TEXT, `e;f` BLOB) -- one; more
;
/* a comment; with 'quotes */
CREATE TABLE log (text);
CREATE TRIGGER t AFTER INSERT ON "a;b" BEGIN
  INSERT INTO log VALUES ('it''s; in'); SELECT 1;
END;
CREATE VIEW v AS SELECT n, "c;d" FROM "a;b";
INSERT INTO "a;b" VALUES (1, 'a; ''b''
-- no comment; /* nor this', X'3b27');
"""


@pytest.fixture
def source() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(HARD)
        yield database


def load(path: Path, text: str, piece: int = 1 << 16) -> None:
    path.touch()
    data = text.encode()
    with closing(TextLoader(path)) as loader:
        for start in range(0, len(data), piece):
            loader.write(data[start : start + piece])
        loader.finish()


def dump(database: sqlite3.Connection) -> list[str]:
    return list(database.iterdump())


@pytest.mark.parametrize("piece", [1, 7, 1 << 16])
def test_text_is_split_into_statements_wherever_it_is_cut(
    tmp_path: Path, source: sqlite3.Connection, piece: int
) -> None:
    load(tmp_path / "db", "\n".join(dump(source)), piece)
    with closing(sqlite3.connect(tmp_path / "db")) as made:
        assert dump(made) == dump(source)


def test_virtual_tables_come_back(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "old")) as old:
        old.execute("CREATE VIRTUAL TABLE words USING fts5(text)")
        old.execute("INSERT INTO words VALUES ('one two')")
        old.commit()

    text = subprocess.run(
        ["sqlite3", tmp_path / "old", ".dump"], check=True, capture_output=True, text=True
    ).stdout
    load(tmp_path / "db", text)
    with closing(sqlite3.connect(tmp_path / "db")) as made:
        assert made.execute("SELECT text FROM words WHERE words MATCH 'two'").fetchall() == [
            ("one two",)
        ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("BEGIN TRANSACTION;\nCREATE TABLE t (n);\n", "truncated"),
        ("CREATE TABLE t (n);\nINSERT INTO t VALUES ('", "truncated"),
        ("CREATE TABLE t (n);\nINSERT INTO t VALUES (1", "truncated"),
        ("BEGIN;CREATE TABLE t (n);\nROLLBACK; -- due to errors\n", "damaged"),
        ("BEGIN;CREATE TABLE t (n);COMMIT;CREATE TABLE u (n);", "goes on after its COMMIT"),
        ("ATTACH '/tmp/other.db' AS other;", "not authorized"),
        ("VACUUM INTO '/tmp/other.db';", "cannot be run"),
        ("PRAGMA journal_mode = WAL;", "not authorized"),
        ("CREATE TABLE t (n); INSERT INTO none VALUES (1);", "no such table"),
    ],
)
def test_text_that_is_no_whole_dump_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ClientError, match=problem):
        load(tmp_path / "db", text)


def test_rows_are_not_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(ClientError) as caught:
        load(tmp_path / "db", "INSERT INTO none VALUES ('secret');")
    assert "secret" not in str(caught.value)


def test_the_forms_are_told_apart() -> None:
    assert recognized(b"SQLite format 3\0" + bytes(100)) == FILE
    for text in (b"PRAGMA foreign_keys=OFF;", b"BEGIN TRANSACTION;", b'CREATE TABLE "t" (n);'):
        assert recognized(text) == SQL_TEXT
    for other in (b"PGDMP", b"--\n-- PostgreSQL database dump\n--\n", b"-- MySQL dump 10.13"):
        assert recognized(other) == ""
