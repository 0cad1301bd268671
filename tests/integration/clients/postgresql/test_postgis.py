"""A database of PostGIS comes back, with the rows that users added to its own table."""

from collections.abc import Iterator
from contextlib import ExitStack, closing

import psycopg
import pytest

from tests.support.databases import PostgresqlDatabase
from tests.support.servers.base import missing
from tests.support.servers.postgresql import VERSIONS, PostgresqlServer, PostgresqlServers
from tests.support.site import DjangoSite

pytestmark = pytest.mark.thorough

_PLACES = """
CREATE TABLE place (id integer PRIMARY KEY, at geometry(Point, 4326), area geography, r geometry);
INSERT INTO place SELECT n, ST_SetSRID(ST_MakePoint(n / 7.0, -n), 4326),
    ST_Buffer(ST_MakePoint(n % 80, 1)::geography, 9),
    CASE WHEN n % 2 = 0 THEN ST_GeomFromEWKT('SRID=990001;POINTZM(1 2 3 4)') END
    FROM generate_series(1, 50) n;
INSERT INTO place VALUES (0, NULL, NULL, 'POINT EMPTY');
CREATE INDEX ON place USING gist (at);
CREATE INDEX ON place USING gist (area);
CREATE INDEX near ON place (ST_X(at)) WHERE ST_IsValid(at);
ALTER TABLE place ADD CHECK (ST_SRID(at) = 4326);
ALTER TABLE place ADD text_of text GENERATED ALWAYS AS (ST_AsText(at)) STORED;
CREATE VIEW near_places AS SELECT id, ST_Distance(at, ST_SetSRID(ST_MakePoint(1, 1), 4326)) FROM place;
CREATE MATERIALIZED VIEW hull AS SELECT ST_ConvexHull(ST_Collect(at)) AS hull FROM place;
"""
_OWN_SYSTEM = """
INSERT INTO spatial_ref_sys (srid, auth_name, auth_srid, srtext, proj4text)
VALUES (990001, 'own', 1, 'it''s \\ mine', '+proj=longlat')
"""


@pytest.fixture
def server(postgresql_servers: PostgresqlServers) -> PostgresqlServer:
    """A server that has PostGIS."""
    servers = map(postgresql_servers.get, range(len(VERSIONS)))
    available = "SELECT 1 FROM pg_available_extensions WHERE name = 'postgis'"
    found = next((server for server in servers if server.rows(available)), None)
    if found is None:
        missing("PostGIS")
    return found


@pytest.fixture(params=["owner", "superuser"])
def site(
    site: DjangoSite, server: PostgresqlServer, request: pytest.FixtureRequest
) -> Iterator[DjangoSite]:
    with ExitStack() as stack:
        database = stack.enter_context(closing(PostgresqlDatabase(server)))
        database.run("CREATE EXTENSION postgis", superuser=True)
        database.run(f"GRANT ALL ON spatial_ref_sys TO {database.role}", superuser=True)
        if request.param == "superuser":
            database.run(f"ALTER ROLE {database.role} SUPERUSER", superuser=True)
        database.run(_OWN_SYSTEM, _PLACES)
        site.use(database)
        yield site


def change(database: PostgresqlDatabase) -> None:
    database.run(
        "DELETE FROM place WHERE id > 20",
        "DROP VIEW near_places",
        "INSERT INTO spatial_ref_sys (srid) VALUES (990002)",
        "DELETE FROM spatial_ref_sys WHERE srid = 990001",
        "CREATE TABLE later (at geometry)",
    )


def test_database_of_postgis_comes_back(site: DjangoSite) -> None:
    before = site.database.fingerprint()
    site.back_up()
    change(site.database)
    assert site.database.fingerprint() != before
    site.restore()
    assert site.database.fingerprint() == before


def test_database_of_postgis_comes_back_into_an_empty_one(site: DjangoSite) -> None:
    database = site.database
    before = database.fingerprint()
    site.back_up()
    database.server.run(
        f"DROP DATABASE {database.name} WITH (FORCE)",
        f"CREATE DATABASE {database.name} OWNER {database.role}",
    )
    try:
        database.run("CREATE EXTENSION postgis", superuser=True)
        database.run(f"GRANT ALL ON spatial_ref_sys TO {database.role}", superuser=True)
    except psycopg.Error as error:
        pytest.fail(str(error))
    site.restore()
    assert database.fingerprint() == before
