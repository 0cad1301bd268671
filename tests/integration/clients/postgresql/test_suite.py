"""The suite that every client must pass, on the oldest and the newest PostgreSQL at hand."""

from pathlib import Path
from typing import Any, ClassVar
from unittest import TestCase

import pytest

from django_rclone.testing import ClientSuite, CryptRemote, S3Remote
from tests.integration.clients.postgresql.shop import DIVERGED, RICH, Database
from tests.support.kills import KILLS
from tests.support.servers.postgresql import Servers

OLDEST, NEWEST = 0, -1

BULK = """
CREATE TABLE bulk (id integer PRIMARY KEY, body text);
INSERT INTO bulk SELECT n, repeat(md5(n::text), 8) FROM generate_series(1, 10000) n;
"""


@pytest.mark.usefixtures("database_access")
class PostgresqlTests(ClientSuite):
    """In place, on a folder."""

    which: ClassVar[int]

    @pytest.fixture(autouse=True)
    def _servers(self, servers: Servers) -> None:
        self.server = servers.get(self.which)

    def create_database(self, folder: Path) -> dict[str, Any]:
        self.database = Database(self.server)
        self.addCleanup(self.database.close)
        return self.database.settings

    def options(self) -> dict[str, Any]:
        return self.database.options

    def populate(self) -> None:
        self.database.run(RICH, BULK)

    def diverge(self) -> None:
        self.database.run(DIVERGED, "DELETE FROM bulk WHERE id % 2 = 0")

    def schema(self) -> str:
        return self.database.schema()

    def fingerprint(self) -> str:
        return self.database.fingerprint()

    def leftovers(self) -> list[str]:
        query = f"SELECT datname FROM pg_database WHERE datname LIKE '{self.database.name}\\__%'"
        return [name for (name,) in self.database.rows(query)]

    def settle(self) -> None:
        self.database.settle()


@pytest.mark.thorough
class OldestOnFolderTests(PostgresqlTests, TestCase):
    which = OLDEST


@pytest.mark.thorough
class OldestOnS3Tests(PostgresqlTests, TestCase):
    which = OLDEST
    remote_class = S3Remote
    kills = 1


@pytest.mark.thorough
class OldestOnCryptTests(PostgresqlTests, TestCase):
    which = OLDEST
    remote_class = CryptRemote
    kills = 1


class NewestOnFolderTests(PostgresqlTests, TestCase):
    which = NEWEST
    kills = KILLS


@pytest.mark.thorough
class NewestOnS3Tests(PostgresqlTests, TestCase):
    which = NEWEST
    remote_class = S3Remote
    kills = 1


@pytest.mark.thorough
class NewestOnCryptTests(PostgresqlTests, TestCase):
    which = NEWEST
    remote_class = CryptRemote
    kills = 1


class SwapTests(PostgresqlTests, TestCase):
    """Into a new database, which is swapped with the live one."""

    which = NEWEST

    def create_database(self, folder: Path) -> dict[str, Any]:
        settings = super().create_database(folder)
        self.database.run(f"ALTER ROLE {self.database.role} CREATEDB", superuser=True)
        self.database.options["restore_mode"] = "swap"
        return settings
