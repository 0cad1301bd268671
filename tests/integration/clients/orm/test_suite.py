"""The suite that every client must pass, on the client for any engine."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import TestCase

import pytest
from pytest_django import DjangoDbBlocker

from django_rclone.testing import ClientSuite, CryptRemote, S3Remote
from django_rclone.testing.project import ALIAS
from tests.integration.clients.orm import databases, exhibits
from tests.support.processes import wait_until_gone
from tests.support.servers.postgresql import Server

_SCHEMA = """
SELECT table_name, column_name, ordinal_position, data_type, column_default, is_nullable
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT conrelid::regclass::text, conname, 0, pg_get_constraintdef(oid), '', ''
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT tablename, indexname, 0, indexdef, '', '' FROM pg_indexes
WHERE schemaname = 'public'
ORDER BY 1, 2, 3, 4
"""


class GalleryTests(ClientSuite):
    """A database of the gallery."""

    client = exhibits.CLIENT
    applications: tuple[str, ...] = ()

    @pytest.fixture(autouse=True)
    def _database_access(self, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
        with django_db_blocker.unblock():
            yield

    def populate(self) -> None:
        settings = exhibits.settings_for(*self.applications)
        self.project.extra_settings = "\n".join(f"{k} = {v!r}" for k, v in settings.items())
        self.enterContext(exhibits.gallery(*self.applications))
        exhibits.build(ALIAS)
        exhibits.fill(ALIAS)
        self.connection.close()

    def diverge(self) -> None:
        exhibits.diverge(ALIAS)
        self.connection.close()


class SqliteTests(GalleryTests):
    def create_database(self, folder: Path) -> dict[str, Any]:
        self.file = folder / "live.sqlite3"
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(self.file)}

    def schema(self) -> str:
        with closing(sqlite3.connect(self.file)) as database:
            return "\n".join(map(str, database.execute("SELECT sql FROM sqlite_schema ORDER BY 1")))

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


class PostgresqlOnFolderTests(GalleryTests, TestCase):
    @pytest.fixture(autouse=True)
    def _server(self, server: Server) -> None:
        self.server = server

    def create_database(self, folder: Path) -> dict[str, Any]:
        database = databases.create(self.server)
        self.addCleanup(databases.drop, self.server, database["NAME"])
        return database

    def schema(self) -> str:
        with self.connection.cursor() as cursor:
            cursor.execute(_SCHEMA)
            return "\n".join(map(str, cursor.fetchall()))

    def settle(self) -> None:
        self.connection.close()
        name = self.project.database["NAME"]
        wait_until_gone(lambda: databases.sessions(self.server, name))
