"""A backup of an older server comes back on a newer one: how a site moves to it."""

from contextlib import closing

import pytest

from tests.support.databases import PostgresqlDatabase
from tests.support.servers.postgresql import VERSIONS, PostgresqlServers
from tests.support.site import DjangoSite


@pytest.mark.skipif(len(VERSIONS) < 2, reason="there is one version of PostgreSQL only")
@pytest.mark.parametrize("mode", ["in_place", "swap"])
def test_a_backup_of_an_older_server_comes_back_on_a_newer_one(
    site: DjangoSite, postgresql_servers: PostgresqlServers, mode: str
) -> None:
    old, new = (PostgresqlDatabase(postgresql_servers.get(which)) for which in (0, -1))
    with closing(old), closing(new):
        site.use(old)
        old.add_sample()
        # The versions spell the types of some arguments, and NOT NULL, in ways of their own.
        old.run(
            "CREATE FUNCTION told(json, jsonb, xml) RETURNS json LANGUAGE sql AS 'SELECT $1'",
            "CREATE TABLE required (id integer PRIMARY KEY, body json NOT NULL)",
            "COMMENT ON FUNCTION told(json, jsonb, xml) IS 'said'",
            "GRANT EXECUTE ON FUNCTION told(json, jsonb, xml) TO pg_monitor",
            "INSERT INTO required VALUES (1, '{}')",
        )
        rows = old.rows("SELECT count(*) FROM orders")
        site.back_up()
        new.run(f"ALTER ROLE {new.role} CREATEDB", superuser=True)
        new.options |= {"restore_mode": mode}
        site.use(new)
        site.restore()
        assert new.rows("SELECT count(*) FROM orders") == rows
        site.restore()
