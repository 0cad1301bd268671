"""Every kind of object comes back, and what was made since the backup is gone, or told."""

from collections.abc import Iterator

import pytest
from django.db import connections

from django_rclone.clients.postgresql import PostgresqlClient
from django_rclone.clients.postgresql.kinds import OBJECT_KINDS
from tests.support.databases.base import sample_schema
from tests.support.site import DjangoSite

SINCE = """
    CREATE CAST (text AS bigint) WITH INOUT;
    CREATE LANGUAGE dialect HANDLER plpgsql_call_handler;
    CREATE ACCESS METHOD heaped TYPE TABLE HANDLER heap_tableam_handler;
    CREATE FOREIGN DATA WRAPPER cloth;
    CREATE SERVER wardrobe FOREIGN DATA WRAPPER cloth;
    CREATE USER MAPPING FOR postgres SERVER wardrobe;
    CREATE TEXT SEARCH TEMPLATE later (lexize = dsimple_lexize);
    CREATE TEXT SEARCH PARSER later (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end,
        lextypes = prsd_lextype);
    CREATE CONVERSION later FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
    CREATE OPERATOR FAMILY later USING hash;
    CREATE PUBLICATION later FOR TABLE entry;
    CREATE PUBLICATION later_in_schema FOR TABLES IN SCHEMA public;
    CREATE EVENT TRIGGER later ON sql_drop EXECUTE FUNCTION log_ddl();
    GRANT EXECUTE ON FUNCTION pg_read_file(text, bigint, bigint) TO pg_monitor;
    REVOKE EXECUTE ON FUNCTION lower(text) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION pg_size_pretty(bigint) TO PUBLIC;
    GRANT SELECT ON pg_authid TO pg_monitor;
    GRANT USAGE ON SCHEMA public TO pg_signal_backend;
    COMMENT ON SCHEMA public IS 'theirs';
    ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM postgres;
    ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO pg_monitor;
"""


@pytest.fixture
def superuser_site(sample_site: DjangoSite) -> Iterator[DjangoSite]:
    """A site that connects as a superuser, as in the usual container image."""
    database = sample_site.database
    before = dict(database.settings)
    database.settings |= {"USER": database.server.user, "PASSWORD": database.server.password}
    database.run(
        f"REASSIGN OWNED BY {database.role} TO postgres",
        f"ALTER DATABASE {database.name} OWNER TO postgres",
        sample_schema("postgresql", "kinds"),
        superuser=True,
    )
    yield sample_site
    database.settings |= before
    database.options.clear()


@pytest.mark.parametrize("mode", ["in_place", "swap"])
def test_what_a_superuser_made_comes_back_and_what_came_since_is_gone(
    superuser_site: DjangoSite, mode: str
) -> None:
    site = superuser_site
    site.database.options["restore_mode"] = mode
    before = site.database.fingerprint()
    site.back_up()
    site.database.run(SINCE, superuser=True)
    assert site.database.fingerprint() != before
    site.restore()
    assert site.database.fingerprint() == before


def test_an_inventory_has_every_kind_and_the_rows(superuser_site: DjangoSite) -> None:
    site = superuser_site
    site.call("listbackups")  # makes these settings Django's
    with (
        PostgresqlClient(connections["default"], **site.database.options) as client,
        client.dump(stall_timeout=None) as dump,
    ):
        while dump.read(1 << 20):
            pass
        dump.finish()
        inventory = client.dump_inventory()
    assert inventory is not None
    assert [k.name for k in OBJECT_KINDS if not inventory.objects[k.name]] == ["extension"]
    assert inventory.rows["public.entry"] == 500
    assert inventory.rows["public.orders"] == 400


def test_grants_that_pg_dump_leaves_out_do_not_stop_a_restore(site: DjangoSite) -> None:
    """Up to version 16 a multirange type gets default privileges, too, which no dump contains."""
    database = site.database
    database.run(f"ALTER ROLE {database.role} SUPERUSER", superuser=True)
    database.run(
        "ALTER DEFAULT PRIVILEGES GRANT USAGE ON TYPES TO pg_monitor WITH GRANT OPTION",
        "CREATE TYPE span AS RANGE (subtype = text)",
    )
    site.call("dbbackup")
    site.restore()
    [(grants,)] = database.rows("SELECT typacl::text FROM pg_type WHERE typname = 'span'")
    assert "pg_monitor=U*" in grants
