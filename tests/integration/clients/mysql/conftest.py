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
