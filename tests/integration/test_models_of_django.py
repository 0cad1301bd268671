"""The models of Django's own test suite come back, on every engine that the tests have."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.databases import Database, MysqlDatabase, PostgresqlDatabase, SqliteDatabase
from tests.support.django_models import add_models_of_django
from tests.support.generated.campaign import assert_same
from tests.support.servers.base import missing
from tests.support.servers.postgresql import VERSIONS, PostgresqlServers
from tests.support.site import DjangoSite

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(1800)]


def sqlite(request: pytest.FixtureRequest) -> Database:
    folder: Path = request.getfixturevalue("tmp_path") / "database"
    folder.mkdir()
    return SqliteDatabase(folder / "models.sqlite3")


def postgresql(request: pytest.FixtureRequest) -> Database:
    servers: PostgresqlServers = request.getfixturevalue("postgresql_servers")
    # Some models want a collation of ICU.
    icu = "SELECT 1 FROM pg_collation WHERE collname = 'sv-x-icu'"
    found = next((one for one in map(servers.get, range(len(VERSIONS))) if one.rows(icu)), None)
    return PostgresqlDatabase(found or missing("PostgreSQL with ICU"))


def mariadb(request: pytest.FixtureRequest) -> Database:
    return MysqlDatabase(request.getfixturevalue("mysql_server"))


@pytest.fixture(params=[sqlite, postgresql, mariadb])
def site(site: DjangoSite, request: pytest.FixtureRequest) -> Iterator[DjangoSite]:
    make: Callable[[pytest.FixtureRequest], Database] = request.param
    with closing(make(request)) as database:
        site.use(database)
        yield site


def test_models_of_django_come_back(site: DjangoSite) -> None:
    # MariaDB takes many times as long as SQLite to make a table, and one transaction of
    # PostgreSQL has no room for the locks of all, unless the server is set up for it.
    one_in = 1 if site.database.vendor == "sqlite" else 3
    made, filled = map(int, re.findall(r"\d+", add_models_of_django(site, one_in=one_in)))
    assert made > 1_000 / one_in
    assert filled > made * 0.8
    before = site.database.fingerprint()
    site.back_up()
    site.database.run(
        "DELETE FROM django_session",
        "DROP TABLE django_flatpage_sites",
        "CREATE TABLE queries_later (id integer)",
        "ALTER TABLE django_site ADD added integer DEFAULT 1",
    )
    site.restore()
    assert_same(site.database.fingerprint(), before, "not as it was")
