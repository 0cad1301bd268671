"""A site on a real MariaDB server."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.support.databases import MysqlDatabase
from tests.support.servers.mysql import MysqlServer
from tests.support.site import DjangoSite


@pytest.fixture
def server(mysql_server: MysqlServer) -> MysqlServer:
    """The server."""
    return mysql_server


@pytest.fixture
def site(site: DjangoSite, server: MysqlServer) -> Iterator[DjangoSite]:
    """A site with an empty schema of a role of its own."""
    with closing(MysqlDatabase(server)) as database:
        site.use(database)
        yield site


@pytest.fixture(params=[True, False], ids=["scratch", "in-place"])
def shop(
    server: MysqlServer, site: DjangoSite, request: pytest.FixtureRequest
) -> Iterator[DjangoSite]:
    """A site whose role may create scratch schemas, or may not."""
    with closing(MysqlDatabase(server, may_have_scratch=request.param)) as database:
        site.use(database)
        yield site
