"""A server and programs that stand in for those of MongoDB."""

from collections.abc import Iterator

import pytest

from tests.integration.mongodb.server import FakeMongoServer
from tests.integration.mongodb.shop import Shop
from tests.sites import Site


@pytest.fixture
def server() -> Iterator[FakeMongoServer]:
    with FakeMongoServer() as server:
        yield server


@pytest.fixture
def shop(server: FakeMongoServer, site: Site, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A site with some collections."""
    monkeypatch.setenv("FAKE_TOOLS_CALLS", str(site.folder / "calls"))
    return Shop(server, site)
