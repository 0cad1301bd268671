"""Galleries on SQLite and on a real PostgreSQL server."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.integration.clients.orm import databases, exhibits
from tests.integration.clients.orm.hall import Hall, opened
from tests.support.servers.postgresql import URLS, Server, existing, installations, started
from tests.support.site import Site


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The newest server at hand. It is started once per process of the tests."""
    found = installations()
    if not (URLS or found):
        missing = "there is no PostgreSQL server: see the README for what to install"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    with ExitStack() as stack:
        if URLS:
            yield stack.enter_context(existing(URLS[-1]))
        else:
            newest = max(found)
            yield stack.enter_context(started(newest, found[newest]))


@pytest.fixture
def postgresql(server: Server) -> Iterator[dict[str, Any]]:
    """An empty database on the server: its entry of ``DATABASES``."""
    database = databases.create(server)
    yield database
    databases.drop(server, database["NAME"])


@pytest.fixture
def sqlite(tmp_path: Path) -> dict[str, Any]:
    """An empty file: its entry of ``DATABASES``."""
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "live.sqlite3")}


@pytest.fixture
def postgresql_hall(site: Site, postgresql: dict[str, Any]) -> Iterator[Hall]:
    """A gallery on PostgreSQL, with what PostgreSQL alone has."""
    with opened(site, postgresql, exhibits.POSTGRES) as hall:
        yield hall


@pytest.fixture
def sqlite_hall(site: Site, sqlite: dict[str, Any]) -> Iterator[Hall]:
    """A gallery on SQLite."""
    with opened(site, sqlite) as hall:
        yield hall


@pytest.fixture(params=["sqlite", "postgresql"])
def hall(request: pytest.FixtureRequest) -> Hall:
    """A gallery, on either."""
    hall: Hall = request.getfixturevalue(f"{request.param}_hall")
    return hall
