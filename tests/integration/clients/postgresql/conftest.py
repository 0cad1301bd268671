"""Real servers of the oldest and the newest PostgreSQL at hand."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.integration.clients.postgresql.shop import DIVERGED, RICH, Shop
from tests.support.servers.postgresql import CHOSEN, Server, Servers
from tests.support.site import Site


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """All servers."""
    with ExitStack() as stack:
        yield Servers(stack)


@pytest.fixture(params=range(len(CHOSEN) or 1), ids=lambda n: f"pg-{[*CHOSEN, None][n]}"[:5])
def server(request: pytest.FixtureRequest, servers: Servers) -> Server:
    """One server after the other."""
    return servers.get(request.param)


@pytest.fixture
def shop(server: Server, site: Site) -> Iterator[Shop]:
    """An empty database of a role of its own."""
    shop = Shop(server, site)
    yield shop
    shop.close()


@pytest.fixture
def rich(shop: Shop) -> Shop:
    """A database with some of everything."""
    shop.run(RICH)
    return shop


@pytest.fixture
def diverged(rich: Shop) -> tuple[Shop, str]:
    """A backup of a rich database, which is no longer what it was; and what it was."""
    before = rich.fingerprint()
    rich.back_up()
    rich.run(DIVERGED)
    assert rich.fingerprint() != before
    return rich, before
