"""The models of Django's own test suite come back, on every engine that the tests have."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.databases import Database, MysqlDatabase, PostgresqlDatabase, SqliteDatabase
from tests.support.django_models import add_models_of_django
from tests.support.generated.campaign import assert_same
from tests.support.site import DjangoSite

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600)]


def sqlite(request: pytest.FixtureRequest) -> Database:
    folder: Path = request.getfixturevalue("tmp_path") / "database"
    folder.mkdir()
    return SqliteDatabase(folder / "models.sqlite3")


def postgresql(request: pytest.FixtureRequest) -> Database:
    return PostgresqlDatabase(request.getfixturevalue("postgresql_server"))


def mariadb(request: pytest.FixtureRequest) -> Database:
    return MysqlDatabase(request.getfixturevalue("mysql_server"))


@pytest.fixture(params=[sqlite, postgresql, mariadb])
def site(site: DjangoSite, request: pytest.FixtureRequest) -> Iterator[DjangoSite]:
    make: Callable[[pytest.FixtureRequest], Database] = request.param
    with closing(make(request)) as database:
        site.use(database)
        yield site


def test_models_of_django_come_back(site: DjangoSite) -> None:
    made, filled = map(int, re.findall(r"\d+", add_models_of_django(site)))
    assert made > 1_000
    assert filled > made * 0.8
    before = site.database.fingerprint()
    site.back_up()
    site.database.run(
        "DELETE FROM queries_note",
        "DROP TABLE basic_article",
        "CREATE TABLE queries_later (id integer)",
        "ALTER TABLE queries_tag ADD added integer DEFAULT 1",
    )
    site.restore()
    assert_same(site.database.fingerprint(), before, "not as it was")
