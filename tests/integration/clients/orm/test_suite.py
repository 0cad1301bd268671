"""The suite that every client must pass, on the client for any engine."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import TestCase

import pytest

from django_rclone.testing import ClientSuite, CryptRemote, S3Remote
from django_rclone.testing.project import ALIAS
from tests.integration.clients.orm import sample_data
from tests.support.databases import PostgresqlDatabase
from tests.support.kills import KILLS
from tests.support.servers.postgresql import PostgresqlServer

_SCHEMA = """
SELECT table_name, column_name, ordinal_position, data_type, column_default, is_nullable
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT conrelid::regclass::text, conname, 0, pg_get_constraintdef(oid), '', ''
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT tablename, indexname, 0, indexdef, '', '' FROM pg_indexes
WHERE schemaname = 'public'
ORDER BY 1, 2, 3, 4
"""


@pytest.mark.usefixtures("database_access")
class SampleModelsTests(ClientSuite):
    """A database of the sample models."""

    client = sample_data.CLIENT
    applications: tuple[str, ...] = ()

    def populate(self) -> None:
        settings = sample_data.settings_for(*self.applications)
        self.project.extra_settings = "\n".join(f"{k} = {v!r}" for k, v in settings.items())
        self.enterContext(sample_data.installed(*self.applications))
        sample_data.create_tables(ALIAS)
        sample_data.add_rows(ALIAS)
        self.connection.close()

    def mutate(self) -> None:
        sample_data.mutate(ALIAS)
        self.connection.close()


class SqliteTests(SampleModelsTests):
    def create_database(self, folder: Path) -> dict[str, Any]:
        self.file = folder / "live.sqlite3"
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(self.file)}

    def schema(self) -> str:
        with closing(sqlite3.connect(self.file)) as database:
            return "\n".join(map(str, database.execute("SELECT sql FROM sqlite_schema ORDER BY 1")))

    def leftovers(self) -> list[str]:
        return [path.name for path in self.file.parent.iterdir() if path != self.file]


class SqliteOnFolderTests(SqliteTests, TestCase):
    kills = KILLS


@pytest.mark.thorough
class SqliteOnCryptTests(SqliteTests, TestCase):
    remote_class = CryptRemote
    kills = 1


@pytest.mark.thorough
class PostgresqlOnS3Tests(SampleModelsTests, TestCase):
    remote_class = S3Remote
    kills = 1

    @pytest.fixture(autouse=True)
    def _server(self, postgresql_server: PostgresqlServer) -> None:
        self.server = postgresql_server

    def create_database(self, folder: Path) -> dict[str, Any]:
        self.database = PostgresqlDatabase(self.server)
        self.addCleanup(self.database.close)
        return self.database.settings

    def schema(self) -> str:
        with self.connection.cursor() as cursor:
            cursor.execute(_SCHEMA)
            return "\n".join(map(str, cursor.fetchall()))

    def wait_until_idle(self) -> None:
        self.connection.close()
        self.database.wait_until_idle()
