"""Sites with the sample models, on SQLite and on a real PostgreSQL server."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.clients.orm import sample_data
from tests.integration.clients.orm.orm_site import OrmSite, opened
from tests.support.databases import PostgresqlDatabase, SqliteDatabase
from tests.support.servers.postgresql import PostgresqlServer
from tests.support.site import DjangoSite


@pytest.fixture
def postgresql(postgresql_server: PostgresqlServer) -> Iterator[PostgresqlDatabase]:
    """An empty database on the server."""
    with closing(PostgresqlDatabase(postgresql_server)) as database:
        yield database


@pytest.fixture
def sqlite(tmp_path: Path) -> SqliteDatabase:
    """An empty file."""
    return SqliteDatabase(tmp_path / "live.sqlite3")


@pytest.fixture
def postgresql_orm_site(site: DjangoSite, postgresql: PostgresqlDatabase) -> Iterator[OrmSite]:
    """A site on PostgreSQL, with the columns that PostgreSQL alone has."""
    with opened(site, postgresql.settings, sample_data.POSTGRES) as orm_site:
        yield orm_site


@pytest.fixture
def sqlite_orm_site(site: DjangoSite, sqlite: SqliteDatabase) -> Iterator[OrmSite]:
    """A site on SQLite."""
    with opened(site, sqlite.settings) as orm_site:
        yield orm_site


@pytest.fixture(params=["sqlite", "postgresql"])
def orm_site(request: pytest.FixtureRequest) -> OrmSite:
    """A site, on either."""
    orm_site: OrmSite = request.getfixturevalue(f"{request.param}_orm_site")
    return orm_site
