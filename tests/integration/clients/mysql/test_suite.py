"""The suite that every client must pass, on MariaDB."""

from pathlib import Path
from typing import Any
from unittest import TestCase

import pytest

from django_rclone.testing import ClientSuite, CryptRemote, S3Remote
from tests.integration.clients.mysql.shop import DIVERGED, RICH, Database
from tests.support.kills import KILLS
from tests.support.servers.mysql import Server

BULK = (
    "CREATE TABLE bulk (id int PRIMARY KEY, body text)",
    "INSERT INTO bulk SELECT seq, repeat(sha1(seq), 8) FROM seq_1_to_10000",
    "CREATE TRIGGER kept BEFORE DELETE ON bulk FOR EACH ROW SET @gone = OLD.id",
)


@pytest.mark.usefixtures("database_access")
class MariadbTests(ClientSuite):
    """On a folder."""

    @pytest.fixture(autouse=True)
    def _server(self, server: Server) -> None:
        self.server = server

    def create_database(self, folder: Path) -> dict[str, Any]:
        self.database = Database(self.server)
        self.addCleanup(self.database.close)
        return self.database.settings

    def populate(self) -> None:
        self.database.run(*RICH, *BULK)

    def diverge(self) -> None:
        self.database.run(*DIVERGED, "DELETE FROM bulk WHERE id % 2 = 0")

    def schema(self) -> str:
        return self.database.schema()

    def fingerprint(self) -> str:
        return self.database.fingerprint()

    def leftovers(self) -> list[str]:
        return self.database.leftovers()

    def settle(self) -> None:
        self.database.settle()


class OnFolderTests(MariadbTests, TestCase):
    kills = KILLS


@pytest.mark.thorough
class OnS3Tests(MariadbTests, TestCase):
    remote_class = S3Remote
    kills = 1


@pytest.mark.thorough
class OnCryptTests(MariadbTests, TestCase):
    remote_class = CryptRemote
    kills = 1
