"""The walkthrough of the demo, on databases that one variable sets up."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.databases import MysqlDatabase, PostgresqlDatabase
from tests.support.example_site import ExampleSite


@pytest.fixture(
    params=[
        "postgresql",
        pytest.param("old postgresql", marks=pytest.mark.thorough),
        pytest.param("mysql", marks=pytest.mark.thorough),
    ]
)
def database(request: pytest.FixtureRequest) -> Iterator[MysqlDatabase | PostgresqlDatabase]:
    """An empty database on a real server."""
    name = f"journal_{os.getpid()}"
    created: MysqlDatabase | PostgresqlDatabase
    if request.param == "mysql":
        created = MysqlDatabase(request.getfixturevalue("mysql_server"), name=name)
    else:
        servers = request.getfixturevalue("postgresql_servers")
        created = PostgresqlDatabase(servers.get(0 if "old" in request.param else -1), name=name)
    with closing(created) as database:
        yield database


def test_a_damaged_site_is_restored(
    database: MysqlDatabase | PostgresqlDatabase, tmp_path: Path
) -> None:
    scheme = {"postgresql": "postgres"}.get(database.vendor, database.vendor)
    user = f"{database.role}:{quote(database.password, safe='')}"
    url = f"{scheme}://{user}@{database.server.host}:{database.server.port}/{database.name}"
    path = os.pathsep.join([str(database.tools), os.environ["PATH"]])
    site = ExampleSite(tmp_path, {"JOURNAL_DATABASE_URL": url, "PATH": path})
    site.manage("migrate")
    site.manage("seed", "--users=5", "--entries=60", "--files=5")
    original = site.fingerprint()
    site.manage("dbbackup")
    site.manage("mediabackup")
    site.manage("damage", "--yes")
    assert site.fingerprint() != original
    site.manage("dbrestore", "--noinput", ALLOW_RESTORE="1")
    site.manage("mediarestore", "--noinput", "--delete")
    assert site.fingerprint() == original
