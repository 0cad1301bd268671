"""The suite that every client must pass, on SQLite."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import TestCase

import pytest

from django_rclone.testing import ClientSuite, CryptRemote, S3Remote

RICH = """
CREATE TABLE entry (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL CHECK (title <> ''),
    doubled INTEGER GENERATED ALWAYS AS (id * 2) STORED, raw BLOB, ratio REAL, loose ANY);
CREATE TABLE "quoted ""name" (id INTEGER PRIMARY KEY, entry_id INTEGER REFERENCES entry (id));
CREATE TABLE plain_key (word TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE UNIQUE INDEX entry_title ON entry (title) WHERE id > 10;
CREATE VIEW first_ones AS SELECT * FROM entry WHERE id < 9;
CREATE TRIGGER kept AFTER INSERT ON entry WHEN NEW.title = 'x'
    BEGIN INSERT INTO plain_key VALUES ('x; \\! y'); END;
CREATE VIRTUAL TABLE found USING fts5 (words);
INSERT INTO found VALUES ('some words'), ('other words');
INSERT INTO plain_key VALUES ('ü'), ('😀'), ('it''s');
PRAGMA user_version = 42;
"""

DIVERGED = """
UPDATE entry SET title = 'changed ' || id WHERE id % 3 = 0;
DELETE FROM entry WHERE id % 7 = 0;
INSERT INTO entry (title) VALUES ('new');
CREATE TABLE later (entry_id INTEGER REFERENCES entry (id));
INSERT INTO later VALUES (1);
DROP VIEW first_ones;
DROP TABLE plain_key;
DROP TRIGGER kept;
DELETE FROM found WHERE words = 'some words';
PRAGMA user_version = 43;
"""


@pytest.mark.usefixtures("database_access")
class SqliteTests(ClientSuite):
    """On a folder."""

    def create_database(self, folder: Path) -> dict[str, Any]:
        self.file = folder / "live.sqlite3"
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(self.file)}

    def populate(self) -> None:
        with closing(sqlite3.connect(self.file)) as database, database:
            database.executescript(RICH)
            rows = [(f"entry {number}", bytes([0, number % 256]) * 50) for number in range(2000)]
            database.executemany("INSERT INTO entry (title, raw) VALUES (?, ?)", rows)

    def diverge(self) -> None:
        with closing(sqlite3.connect(self.file)) as database:
            database.executescript(DIVERGED)

    def schema(self) -> str:
        # What the vendor's shell prints by `.schema`, and what it does not.
        with closing(sqlite3.connect(self.file)) as database:
            lines = database.execute("SELECT sql FROM sqlite_schema ORDER BY type, name").fetchall()
            lines += database.execute("SELECT * FROM sqlite_sequence").fetchall()
            lines += database.execute("PRAGMA user_version").fetchall()
        return "\n".join(map(str, lines))

    def leftovers(self) -> list[str]:
        return [path.name for path in self.file.parent.iterdir() if path != self.file]


class SqliteOnFolderTests(SqliteTests, TestCase):
    pass


@pytest.mark.thorough
class SqliteOnS3Tests(SqliteTests, TestCase):
    remote_class = S3Remote
    kills = 1


@pytest.mark.thorough
class SqliteOnCryptTests(SqliteTests, TestCase):
    remote_class = CryptRemote
    kills = 1
