"""A server with a binary log, where a plain role may not make functions and triggers."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any, Self

import pytest
from django.core.management.base import CommandError

from tests.support.databases import MysqlDatabase
from tests.support.servers.mysql import MysqlServer
from tests.support.site import DjangoSite

pytestmark = pytest.mark.thorough


class LoggingServer(MysqlServer):
    """A server that writes a binary log."""

    @classmethod
    def _prepare(cls, *arguments: Any) -> tuple[Self, list[str]]:
        server, command = super()._prepare(*arguments)
        return server, [*command, "--log-bin=log", "--server-id=1"]


@pytest.fixture(scope="module")
def logging_server(mysql_server: MysqlServer) -> Iterator[MysqlServer]:
    if mysql_server.socket is None:
        pytest.skip("the server was not started by the tests")
    with LoggingServer.running() as server:
        yield server


@pytest.mark.parametrize("may_have_scratch", [True, False], ids=["scratch", "in-place"])
def test_what_the_role_may_not_make_is_found_before_anything_changes(
    logging_server: MysqlServer, site: DjangoSite, may_have_scratch: bool
) -> None:
    with closing(MysqlDatabase(logging_server, may_have_scratch=may_have_scratch)) as database:
        site.use(database)
        database.run("CREATE TABLE t (id int)", "INSERT INTO t VALUES (1)")
        logging_server.run(
            f"CREATE DEFINER = {database.role}@'%' TRIGGER g BEFORE INSERT ON t FOR EACH ROW "
            "SET @x = 1",
            database=database.name,
        )
        before = database.fingerprint()
        site.back_up()
        with pytest.raises(CommandError, match=r"(?s)log_bin_trust_function_creators"):
            site.restore()
        assert database.fingerprint() == before
        assert database.leftovers() == []
        logging_server.run("SET GLOBAL log_bin_trust_function_creators = 1")
        site.restore()
        logging_server.run("SET GLOBAL log_bin_trust_function_creators = 0")
        assert database.fingerprint() == before
