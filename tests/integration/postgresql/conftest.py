"""Real servers of the oldest and the newest PostgreSQL at hand."""

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.integration.postgresql.servers import URLS, Server, existing, installations, started
from tests.integration.postgresql.shop import DIVERGED, RICH, Shop
from tests.sites import Site

_FOUND = installations()
_ENDS = sorted({*list(_FOUND)[:1], *list(_FOUND)[-1:]})
_CHOSEN: list[str | int | None] = [*URLS] or [*_ENDS] or [None]


@pytest.fixture(scope="session", params=_CHOSEN, ids=lambda one: f"pg-{one}"[:5])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server. It is started once per process of the tests."""
    if request.param is None:
        missing = "there is no PostgreSQL server: see the README for what to install"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    with ExitStack() as stack:
        if isinstance(request.param, str):
            yield stack.enter_context(existing(request.param))
        else:
            yield stack.enter_context(started(request.param, _FOUND[request.param]))


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
