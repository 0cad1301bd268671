"""A real MariaDB server."""

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.integration.clients.mysql.shop import DIVERGED, RICH, Shop
from tests.support.servers.mysql import URL, Server, existing, server_program, started
from tests.support.site import Site


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server. It is started once per process of the tests."""
    program = server_program()
    if not URL and program is None:
        missing = "there is no MariaDB server: see the README for what to install"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    with ExitStack() as stack:
        yield stack.enter_context(existing(URL) if URL else started(program or ""))


@pytest.fixture
def shop(server: Server, site: Site) -> Iterator[Shop]:
    """An empty schema of a role of its own."""
    shop = Shop(server, site)
    yield shop
    shop.close()


@pytest.fixture
def rich(shop: Shop) -> Shop:
    """A schema with some of everything."""
    shop.run(*RICH)
    return shop


@pytest.fixture
def diverged(rich: Shop) -> tuple[Shop, str]:
    """A backup of a rich schema, which is no longer what it was; and what it was."""
    before = rich.fingerprint()
    rich.back_up()
    rich.run(*DIVERGED)
    assert rich.fingerprint() != before
    return rich, before
