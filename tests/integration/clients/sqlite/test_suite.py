"""The suite that every client must pass, on SQLite."""

from pathlib import Path
from unittest import TestCase

import pytest

from django_rclone.testing import CryptRemote, S3Remote
from tests.support.databases import SqliteDatabase
from tests.support.kills import KILLS
from tests.support.suite import DatabaseSuite


class SqliteTests(DatabaseSuite):
    """On a folder."""

    bulk = """
        CREATE TABLE bulk (id INTEGER PRIMARY KEY, body BLOB);
        INSERT INTO bulk WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
            SELECT i, randomblob(100) FROM n;
    """

    def create(self, folder: Path) -> SqliteDatabase:
        return SqliteDatabase(folder / "live.sqlite3")


class SqliteOnFolderTests(SqliteTests, TestCase):
    kills = KILLS


@pytest.mark.thorough
class SqliteOnS3Tests(SqliteTests, TestCase):
    remote_class = S3Remote
    kills = 1


@pytest.mark.thorough
class SqliteOnCryptTests(SqliteTests, TestCase):
    remote_class = CryptRemote
    kills = 1
