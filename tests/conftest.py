"""Fixtures of the whole test run."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from tests.support.inheritance import restore_defaults
from tests.support.servers.mysql import MysqlServer
from tests.support.servers.postgresql import PostgresqlServer, PostgresqlServers
from tests.support.signal_recorder import SignalRecorder
from tests.support.site import DjangoSite

pytest_plugins = ["tests.faults.report", "tests.support.tiers"]

restore_defaults()


@pytest.fixture(autouse=True, scope="session")
def cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let nothing of the tests stay in the cache folder of the user."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        # That of pip is in the same place, and saves downloads.
        patch.setenv("PIP_CACHE_DIR", str(_pip_cache()))
        yield


def _pip_cache() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("PIP_CACHE_DIR") or base / "pip")


@pytest.fixture
def site(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[DjangoSite]:
    """A site of the test's own. Its databases are real files: nothing is rolled back."""
    folder = tmp_path / "site"
    folder.mkdir()
    site = DjangoSite(folder)
    with django_db_blocker.unblock(), site.active():
        yield site


@pytest.fixture
def database_access(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Leave for classes that bring databases of their own."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def recorder() -> Iterator[SignalRecorder]:
    """A recorder of every signal that the test causes."""
    with SignalRecorder.connected() as recorder:
        yield recorder


# Real servers, each started once per process of the tests, when it is first asked for.


@pytest.fixture(scope="session")
def postgresql_servers() -> Iterator[PostgresqlServers]:
    """The oldest and the newest PostgreSQL at hand."""
    with ExitStack() as stack:
        yield PostgresqlServers(stack)


@pytest.fixture(scope="session")
def postgresql_server(postgresql_servers: PostgresqlServers) -> PostgresqlServer:
    """The newest PostgreSQL at hand."""
    return postgresql_servers.get(-1)


@pytest.fixture(scope="session")
def mysql_server() -> Iterator[MysqlServer]:
    """A MariaDB."""
    with MysqlServer.running() as server:
        yield server
