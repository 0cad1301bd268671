"""A server and programs that stand in for those of MongoDB."""

from collections.abc import Iterator

import pytest

from tests.integration.clients.mongodb.shop import Shop
from tests.support.servers.mongodb import FakeMongoServer
from tests.support.site import DjangoSite


@pytest.fixture
def server() -> Iterator[FakeMongoServer]:
    with FakeMongoServer() as server:
        yield server


@pytest.fixture
def shop(server: FakeMongoServer, site: DjangoSite, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A site with some collections."""
    monkeypatch.setenv("FAKE_TOOLS_CALLS", str(site.folder / "calls"))
    return Shop(server, site)
