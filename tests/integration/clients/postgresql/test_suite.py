"""The suite that every client must pass, on the oldest and the newest PostgreSQL at hand."""

from pathlib import Path
from typing import ClassVar
from unittest import TestCase

import pytest

from django_rclone.testing import CryptRemote, S3Remote
from tests.support.databases import PostgresqlDatabase
from tests.support.kills import KILLS
from tests.support.servers.postgresql import PostgresqlServers
from tests.support.suite import DatabaseSuite

# Each server, mode and remote has its turn; what the remote is does not reach a client.
OLDEST, NEWEST = 0, -1


class PostgresqlTests(DatabaseSuite):
    """In place, on a folder."""

    bulk = """
        CREATE TABLE bulk (id integer PRIMARY KEY, body text);
        INSERT INTO bulk SELECT n, repeat(md5(n::text), 8) FROM generate_series(1, 10000) n;
    """
    which: ClassVar[int] = NEWEST

    @pytest.fixture(autouse=True)
    def _server(self, postgresql_servers: PostgresqlServers) -> None:
        self.server = postgresql_servers.get(self.which)

    def create(self, folder: Path) -> PostgresqlDatabase:
        return PostgresqlDatabase(self.server)


@pytest.mark.thorough
class OldestOnS3Tests(PostgresqlTests, TestCase):
    which = OLDEST
    remote_class = S3Remote
    kills = 1


class NewestOnFolderTests(PostgresqlTests, TestCase):
    kills = KILLS

    # On SQLite it is in the quick tier: what is killed there is not of the engine.
    @pytest.mark.thorough
    def test_a_killed_backup_is_not_listed_and_the_next_one_works(self) -> None:
        super().test_a_killed_backup_is_not_listed_and_the_next_one_works()


@pytest.mark.thorough
class SwapOnCryptTests(PostgresqlTests, TestCase):
    """Into a new database, which is swapped with the live one."""

    remote_class = CryptRemote
    kills = 1

    def create(self, folder: Path) -> PostgresqlDatabase:
        database = super().create(folder)
        database.run(f"ALTER ROLE {database.role} CREATEDB", superuser=True)
        database.options["restore_mode"] = "swap"
        return database
