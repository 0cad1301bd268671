"""Behind PgBouncer in transaction mode, whatever becomes of a run, other clients notice nothing."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from django.core.management.base import CommandError

from django_rclone.clients.postgresql import pooler as pooler_module
from tests.support.servers.pgbouncer import PgbouncerServer
from tests.support.servers.postgresql import PostgresqlServer
from tests.support.site import DjangoSite

# Every connection of Django sets the first, and every client the second.
_SETTINGS = """
SELECT name, setting FROM pg_settings WHERE name NOT IN ('TimeZone', 'application_name') ORDER BY 1
"""


@pytest.fixture
def pooler(site: DjangoSite, server: PostgresqlServer) -> Iterator[PgbouncerServer]:
    database = site.database
    with PgbouncerServer.started(server, {database.role: database.password}) as pooler:
        yield pooler


@pytest.fixture
def pooled(sample_site: DjangoSite, pooler: PgbouncerServer) -> DjangoSite:
    """A shop whose database is reached through the pooler."""
    settings = {"PORT": pooler.port, "DISABLE_SERVER_SIDE_CURSORS": True}
    sample_site.databases["default"] = {**sample_site.database.settings, **settings}
    return sample_site


def pooled_session(site: DjangoSite, pooler: PgbouncerServer) -> psycopg.Connection[Any]:
    role, password = site.database.role, site.database.password
    return pooler.connect(site.database.name, user=role, password=password)


def state_of_the_pool(site: DjangoSite, pooler: PgbouncerServer) -> list[Any]:
    """Return what the next client finds in the session that the pool hands it."""
    with closing(pooled_session(site, pooler)) as session:
        found = [
            session.execute(query).fetchall()
            for query in (
                _SETTINGS,
                "SELECT current_user, session_user",
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'",
                "SELECT count(*) FROM pg_prepared_statements",
                "SELECT count(*) FROM pg_listening_channels()",
                "SELECT count(*) FROM pg_class WHERE pg_my_temp_schema() = relnamespace",
            )
        ]
        session.execute("SELECT count(*) FROM entry")
    return found


def test_backup_and_restore_leave_other_clients_of_the_pool_unharmed(
    pooled: DjangoSite, pooler: PgbouncerServer
) -> None:
    before, fingerprint = state_of_the_pool(pooled, pooler), pooled.database.fingerprint()
    with closing(pooled_session(pooled, pooler)) as other:
        other.execute("SELECT count(*) FROM entry")
        pooled.back_up()
        assert state_of_the_pool(pooled, pooler) == before
        pooled.database.mutate()
        pooled.restore()
        assert pooled.database.fingerprint() == fingerprint
        assert state_of_the_pool(pooled, pooler) == before
        assert other.execute("SELECT count(*) > 400 FROM entry").fetchone() == (True,)
        assert other.execute("SHOW search_path").fetchone() == ('"$user", public',)


@pytest.mark.thorough
def test_an_interrupted_restore_leaves_other_clients_of_the_pool_unharmed(
    pooled: DjangoSite, pooler: PgbouncerServer
) -> None:
    before = state_of_the_pool(pooled, pooler)
    pooled.back_up()
    pooled.database.mutate()
    live = pooled.database.fingerprint()
    interrupted = 'case "$*" in *.json*) ;; *) "$REAL" "$@" | head -c 9000; exit 1;; esac'
    pooled.fake_rclone("cat*", interrupted)
    with pytest.raises(CommandError):
        pooled.restore()
    assert state_of_the_pool(pooled, pooler) == before
    assert pooled.database.fingerprint() == live


def test_a_server_that_cannot_be_reached_past_the_pooler_is_asked_for(
    pooled: DjangoSite, pooler: PgbouncerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state_of_the_pool(pooled, pooler)
    monkeypatch.setattr(pooler_module, "_ADDRESS", "SELECT '127.0.0.1', '1'")
    with pytest.raises(CommandError, match=r'pooler in transaction mode.*\n.*"server"'):
        pooled.back_up()
    assert state_of_the_pool(pooled, pooler) == before
    server = pooled.database.server
    pooled.database.options["server"] = {"HOST": server.host, "PORT": server.port}
    pooled.back_up()
    pooled.restore()
    assert state_of_the_pool(pooled, pooler) == before


@pytest.mark.parametrize("value", ["10.0.0.5", {"host": "10.0.0.5"}, 5432])
def test_a_wrong_server_is_reported(sample_site: DjangoSite, value: object) -> None:
    sample_site.database.options["server"] = value
    with pytest.raises(CommandError, match="CLIENTS"):
        sample_site.back_up()
