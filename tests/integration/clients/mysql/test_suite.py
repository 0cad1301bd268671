"""The suite that every client must pass, on MariaDB."""

from pathlib import Path
from unittest import TestCase

import pytest

from django_rclone.testing import S3Remote
from tests.support.databases import MysqlDatabase
from tests.support.kills import KILLS
from tests.support.servers.mysql import MysqlServer
from tests.support.suite import DatabaseSuite


class MariadbTests(DatabaseSuite):
    """On a folder."""

    bulk = """
        CREATE TABLE bulk (id int PRIMARY KEY, body text);
        INSERT INTO bulk SELECT seq, repeat(sha1(seq), 8) FROM seq_1_to_10000;
        CREATE TRIGGER kept BEFORE DELETE ON bulk FOR EACH ROW SET @gone = OLD.id;
    """

    @pytest.fixture(autouse=True)
    def _server(self, mysql_server: MysqlServer) -> None:
        self.server = mysql_server

    def create(self, folder: Path) -> MysqlDatabase:
        return MysqlDatabase(self.server)


class OnFolderTests(MariadbTests, TestCase):
    kills = KILLS

    # On SQLite it is in the quick tier: what is killed there is not of the engine.
    @pytest.mark.thorough
    def test_a_killed_backup_is_not_listed_and_the_next_one_works(self) -> None:
        super().test_a_killed_backup_is_not_listed_and_the_next_one_works()

    @pytest.mark.thorough
    def test_a_restored_database_can_be_backed_up_and_restored_again(self) -> None:
        super().test_a_restored_database_can_be_backed_up_and_restored_again()


@pytest.mark.thorough
class OnS3Tests(MariadbTests, TestCase):
    remote_class = S3Remote
    kills = 1
