"""A site on real servers of the oldest and the newest PostgreSQL at hand."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from django_rclone.clients.postgresql import PostgresqlClient
from django_rclone.clients.postgresql.parallel import ParallelPlayer
from django_rclone.clients.postgresql.sharing import SharedRows
from tests.support.databases import PostgresqlDatabase
from tests.support.servers.postgresql import VERSIONS, PostgresqlServer, PostgresqlServers
from tests.support.site import DjangoSite

_NEWEST = len(VERSIONS) - 1 if VERSIONS else 0


@pytest.fixture(
    params=[
        pytest.param(n, id=f"pg-{VERSIONS[n]}"[:5], marks=[pytest.mark.thorough] * (n < _NEWEST))
        for n in range(len(VERSIONS))
    ]
    or [pytest.param(0, id="pg-No")]
)
def server(
    request: pytest.FixtureRequest, postgresql_servers: PostgresqlServers
) -> PostgresqlServer:
    """One server after the other; only the newest in the quick run."""
    return postgresql_servers.get(request.param)


@pytest.fixture
def site(site: DjangoSite, server: PostgresqlServer) -> Iterator[DjangoSite]:
    """A site with an empty database of a role of its own."""
    with closing(PostgresqlDatabase(server)) as database:
        site.use(database)
        yield site


@pytest.fixture
def swapping(sample_site: DjangoSite) -> Iterator[DjangoSite]:
    """A shop whose role may create databases."""
    sample_site.database.run(f"ALTER ROLE {sample_site.database.role} CREATEDB", superuser=True)
    sample_site.database.options["restore_mode"] = "swap"
    yield sample_site
    sample_site.database.options.clear()


@pytest.fixture
def everything_in_parallel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let three sessions restore what would be too small for them, where nobody says how many."""
    monkeypatch.setattr(PostgresqlClient, "jobs", 3)
    monkeypatch.setattr(ParallelPlayer, "small", 1)
    monkeypatch.setattr(ParallelPlayer, "few_rows", 0)
    monkeypatch.setattr(SharedRows, "turn", 16)
