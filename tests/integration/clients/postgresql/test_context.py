"""A dump is replayed in the settings that it was made in, and in the order that rows need."""

from contextlib import closing

import pytest
from django.core.management.base import CommandError

from tests.support.site import DjangoSite

UNQUALIFIED = """
    CREATE SCHEMA words;
    CREATE FUNCTION words.low(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)';
    CREATE FUNCTION slug(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT low($1)';
    CREATE FUNCTION slug_slowly(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
        'BEGIN RETURN low($1); END';
    CREATE FUNCTION known(text) RETURNS boolean LANGUAGE plpgsql AS
        'BEGIN RETURN EXISTS (SELECT FROM zone WHERE name = $1); END';
    CREATE DOMAIN zone_name AS text CHECK (known(VALUE));
    CREATE TABLE article (title text, place text, slug text GENERATED ALWAYS AS (slug_slowly(title)) STORED,
        zone zone_name, CONSTRAINT in_zone CHECK (known(place)), CONSTRAINT short CHECK (length(title) < 9));
    COMMENT ON CONSTRAINT in_zone ON article IS 'it''s known';
    CREATE TABLE article_child () INHERITS (article);
    CREATE TABLE zone (name text);
    INSERT INTO zone VALUES ('north');
    INSERT INTO article VALUES ('ONE', 'north', DEFAULT, 'north');
    INSERT INTO article_child VALUES ('TWO', 'north', DEFAULT, 'north');
    CREATE INDEX slugs ON article (slug(title));
    CREATE UNIQUE INDEX slowly ON article (slug_slowly(title));
    CREATE FUNCTION zones() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM zz_zones); END';
    CREATE MATERIALIZED VIEW zz_zones AS SELECT * FROM zone;
    CREATE MATERIALIZED VIEW counted AS SELECT zones();
"""

SOON = "CREATE DOMAIN soon AS timestamptz CHECK (VALUE > CURRENT_TIMESTAMP)"
RULE = "CREATE RULE gone AS ON DELETE TO parent DO INSTEAD DELETE FROM child RETURNING parent"
UNRESOLVED = """INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1); CREATE SCHEMA words; GRANT USAGE ON SCHEMA words TO PUBLIC;
    CREATE FUNCTION words.show(integer) RETURNS text LANGUAGE sql
    IMMUTABLE AS 'SELECT $1::text'; CREATE FUNCTION shown(integer) RETURNS text LANGUAGE plpgsql IMMUTABLE
    AS 'BEGIN RETURN words.show($1); END'"""
NO_LONGER = """CREATE OR REPLACE FUNCTION shown(integer) RETURNS text LANGUAGE plpgsql IMMUTABLE
    AS 'BEGIN RETURN show($1); END'"""
EXPIRING = "INSERT INTO offer VALUES (now() + interval '0.05 s'); SELECT pg_sleep(0.1)"


@pytest.mark.parametrize("mode", ["in_place", "swap"])
def test_functions_that_name_nothing_with_its_schema_come_back(site: DjangoSite, mode: str) -> None:
    """In an index, a generated column, checks of tables and domains, and materialized views."""
    database = site.database
    database.run(
        f"ALTER ROLE {database.role} CREATEDB",
        f"ALTER DATABASE {database.name} SET search_path = public, words",
        superuser=True,
    )
    database.options["restore_mode"] = mode
    statements = UNQUALIFIED
    if database.server.major >= 17:
        # Indexes and materialized views are made with a safe search path there.
        kept = [s for s in statements.split(";\n") if " INDEX " not in s and "counted" not in s]
        statements = ";\n".join(kept)
    database.run(statements)
    before = database.fingerprint()
    site.back_up()
    database.run("DROP TABLE article CASCADE; DELETE FROM zone; CREATE TABLE later (n integer)")
    site.restore()
    assert database.fingerprint() == before
    database.options.clear()


TENANT = """
    CREATE SCHEMA "a Tenant";
    SET search_path = "a Tenant";
    CREATE FUNCTION low(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)';
    CREATE FUNCTION slug(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN low($1); END';
    CREATE FUNCTION known(text) RETURNS boolean LANGUAGE plpgsql AS
        'BEGIN RETURN EXISTS (SELECT FROM zone WHERE name = $1); END';
    CREATE DOMAIN zone_name AS text CHECK (known(VALUE));
    CREATE TABLE zone (name text);
    INSERT INTO zone VALUES ('north');
    CREATE TABLE article (title text, zone zone_name, place text CHECK (known(place)),
        slug text GENERATED ALWAYS AS (slug(title)) STORED);
    INSERT INTO article VALUES ('ONE', 'north', 'north');
"""
TENANT_MADE_UNSAFELY = """
    CREATE INDEX slugs ON article (slug(title));
    CREATE MATERIALIZED VIEW slugged AS SELECT slug(title) FROM article;
    CREATE FUNCTION lowest(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT low($1)';
    CREATE TABLE parted (title text) PARTITION BY LIST (title);
    CREATE TABLE part PARTITION OF parted DEFAULT;
    CREATE INDEX lows ON parted (lowest(title));
"""


@pytest.mark.parametrize("mode", ["in_place", pytest.param("swap", marks=pytest.mark.thorough)])
def test_functions_find_what_is_in_the_schema_of_their_table(site: DjangoSite, mode: str) -> None:
    """A site may set the search path for each request, to the schema of a tenant."""
    database = site.database
    database.run(f"ALTER ROLE {database.role} CREATEDB", superuser=True)
    database.options["restore_mode"] = mode
    safe = database.server.major >= 17
    database.run(TENANT if safe else TENANT + TENANT_MADE_UNSAFELY)
    before = database.schema(), database.rows('SELECT * FROM "a Tenant".article')
    assert "Warning" not in site.call("dbbackup")
    database.run('DROP SCHEMA "a Tenant" CASCADE')
    site.restore()
    assert (database.schema(), database.rows('SELECT * FROM "a Tenant".article')) == before
    database.options.clear()


def test_checks_of_domains_within_other_types_come_back(site: DjangoSite) -> None:
    """PostgreSQL cannot add such a check once a table has the type."""
    site.database.run(
        """
        CREATE FUNCTION ok(integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 > 0';
        CREATE DOMAIN positive AS integer CHECK (ok(VALUE));
        CREATE DOMAIN also AS positive;
        CREATE DOMAIN listed AS integer CHECK (ok(VALUE));
        CREATE DOMAIN ranged AS integer CHECK (ok(VALUE));
        CREATE DOMAIN alone AS integer CHECK (ok(VALUE));
        CREATE TYPE pair AS (a also, b text);
        CREATE TYPE bounds AS RANGE (subtype = ranged);
        CREATE TABLE holds (p pair, l listed[], r bounds, a alone);
        CREATE TABLE row_of (h holds);
        INSERT INTO holds VALUES (ROW(1, 'x'), '{1,2}', '[1,2)', 3);
        """
    )
    before = site.database.fingerprint()
    site.back_up()
    site.database.run("DROP TABLE holds CASCADE")
    site.restore()
    assert site.database.fingerprint() == before


def test_settings_of_the_database_do_not_change_what_is_read(site: DjangoSite) -> None:
    """Nor what is dumped: neither text, nor times, nor arrays, nor money."""
    database = site.database
    database.run(
        "CREATE TABLE note (body text, words text[], at timestamptz, span interval, raw bytea, "
        "day date, price money, ratio double precision)",
        r"INSERT INTO note VALUES (E'back\\slash ''quoted'' ü', ARRAY['a', NULL, 'NULL'], "
        "'2024-01-02 03:04:05.678+00', '-1 day +02:03:04', '\\xff00', '2024-02-01', 12.5, 0.1)",
        "CREATE VIEW told AS SELECT E'a\\\\b' AS text, 'c\\d' AS other",
        f"ALTER DATABASE {database.name} SET standard_conforming_strings = off",
        f"ALTER DATABASE {database.name} SET array_nulls = off",
        f"ALTER DATABASE {database.name} SET datestyle = 'SQL, DMY'",
        f"ALTER DATABASE {database.name} SET intervalstyle = 'sql_standard'",
        f"ALTER DATABASE {database.name} SET bytea_output = 'escape'",
        f"ALTER DATABASE {database.name} SET client_encoding = 'LATIN1'",
        f"ALTER DATABASE {database.name} SET quote_all_identifiers = on",
        f"ALTER DATABASE {database.name} SET extra_float_digits = -5",
        f"ALTER DATABASE {database.name} SET timezone = 'Asia/Kathmandu'",
        f"ALTER DATABASE {database.name} SET transform_null_equals = on",
    )
    before = database.fingerprint()
    site.back_up()
    database.run("DELETE FROM note; CREATE TABLE later (n integer)")
    site.restore()
    assert database.fingerprint() == before
    assert database.rows("SELECT words[2] IS NULL, words[3] FROM note") == [(True, "NULL")]


def test_a_missing_schema_public_is_made_as_a_new_database_has_it(site: DjangoSite) -> None:
    rights = (
        "SELECT nspacl::text, pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'public'"
    )
    site.database.run("CREATE TABLE note (n integer)")
    before, granted = site.database.fingerprint(), site.database.rows(rights)
    site.back_up()
    site.database.run("DROP SCHEMA public CASCADE")
    site.restore()
    assert site.database.fingerprint() == before
    assert site.database.rows(rights) == granted


def test_a_backup_without_schema_public_removes_it(site: DjangoSite) -> None:
    site.database.run("CREATE SCHEMA shop; CREATE TABLE shop.note (n integer)")
    site.database.run("DROP SCHEMA public CASCADE")
    before = site.database.fingerprint()
    site.back_up()
    site.database.run("CREATE SCHEMA public; CREATE TABLE public.note (n integer)")
    site.restore()
    assert site.database.fingerprint() == before


def test_default_privileges_that_leave_nothing_are_set_back(site: DjangoSite) -> None:
    site.database.run("CREATE TABLE note (n integer); CREATE SCHEMA other")
    before = site.database.fingerprint()
    site.back_up()
    for scope in ("", "IN SCHEMA public "):
        for kind in ("TABLES", "SEQUENCES", "FUNCTIONS", "TYPES"):
            revoke = f"ALTER DEFAULT PRIVILEGES {scope}REVOKE ALL ON {kind} FROM"
            site.database.run(f"{revoke} PUBLIC; {revoke} CURRENT_USER")
    site.database.run("ALTER DEFAULT PRIVILEGES REVOKE ALL ON SCHEMAS FROM CURRENT_USER")
    site.restore()
    assert site.database.fingerprint() == before


def test_a_table_that_another_session_is_creating_does_not_hang_the_site(site: DjangoSite) -> None:
    site.database.options["lock_timeout"] = 0.3
    site.database.run("CREATE TABLE note (n integer)")
    site.back_up()
    site.database.run("DROP TABLE note")
    live = site.database.fingerprint()
    with closing(site.database.connect()) as other:
        other.execute("BEGIN; CREATE TABLE note (n integer)")
        with pytest.raises(CommandError, match="live database is in use"):
            site.restore()
        other.execute("ROLLBACK")
    assert site.database.fingerprint() == live


TEA = """
    CREATE FUNCTION good(text) RETURNS boolean LANGUAGE sql AS 'SELECT $1 > ''''';
    CREATE TABLE "茶" ("茶" text CHECK (good("茶")));
    COMMENT ON TABLE "茶" IS '茶';
    CREATE VIEW tea AS SELECT '茶' || "茶" AS tea FROM "茶";
    INSERT INTO "茶" VALUES ('茶');
"""


@pytest.mark.thorough
@pytest.mark.parametrize("mode", ["in_place", "swap", "salvage"])
@pytest.mark.parametrize("encoding", ["SQL_ASCII", "EUC_TW"])
def test_text_of_every_encoding_comes_back(site: DjangoSite, encoding: str, mode: str) -> None:
    """Of none, as in old databases, or of one that drivers do not know."""
    database = site.database
    with closing(database.server.connect()) as admin:
        admin.execute(f"ALTER ROLE {database.role} CREATEDB")
        admin.execute(f"DROP DATABASE {database.name}")
        admin.execute(
            f"CREATE DATABASE {database.name} OWNER {database.role} TEMPLATE template0 "
            f"ENCODING '{encoding}' LOCALE 'C'"
        )
        admin.execute(f"ALTER DATABASE {database.name} SET client_encoding = 'UTF8'")
    database.run(TEA)
    if encoding == "SQL_ASCII":
        # Nothing converts what clients send: so there is text of several encodings.
        with closing(database.connect()) as connection:
            connection.execute("SET client_encoding = 'LATIN1'")
            into = 'INSERT INTO "茶" '.encode().decode("latin-1")
            connection.execute(f"{into} VALUES ('café ÿ')".encode("latin-1"))
    rows = "SELECT encode(tea::bytea, 'hex') FROM tea ORDER BY 1"
    before = database.rows(rows)
    site.back_up()
    if mode == "salvage":
        assert "missing" not in site.restore("--salvage")
        [salvaged] = database.leftovers()
        with closing(database.server.connect(salvaged)) as connection:
            assert connection.execute(rows.encode()).fetchall() == before
    else:
        database.options["restore_mode"] = mode
        database.run('DROP TABLE "茶" CASCADE')
        site.restore()
        assert database.rows(rows) == before
        assert "Rehearsed" in site.call("dbverify")


def test_the_planner_knows_the_restored_tables(site: DjangoSite) -> None:
    site.database.run("CREATE TABLE note AS SELECT n FROM generate_series(1, 5000) n")
    site.back_up()
    site.restore()
    known = "SELECT count(*) FROM pg_stats WHERE tablename = 'note' AND n_distinct <> 0"
    assert site.database.rows(known) == [(1,)]


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            "ALTER TABLE child DISABLE TRIGGER ALL; INSERT INTO child VALUES (99)",
            "foreign key child_parent_fkey",
        ),
        (
            f"CREATE TABLE offer (ends timestamptz CHECK (ends > now())); {EXPIRING}",
            "constraint offer_ends_check",
        ),
        (
            f"{SOON}; CREATE TABLE offer (ends soon); {EXPIRING}",
            "constraint soon_check of domain public.soon",
        ),
        (
            f"{RULE}; ALTER TABLE parent ADD later integer",
            "Rule gone on public.parent",
        ),
        (
            f"{UNRESOLVED}; ALTER TABLE parent ADD shown text GENERATED ALWAYS AS (shown(id)) STORED; {NO_LONGER}",
            "column shown of public.parent",
        ),
        (
            f"{UNRESOLVED}; CREATE INDEX shows ON child (shown(parent)) WHERE parent < 3; {NO_LONGER}",
            "index shows of public.child",
        ),
        (
            f"{UNRESOLVED}; ALTER TABLE child ADD CONSTRAINT says CHECK (shown(parent) > ''); {NO_LONGER}",
            "constraint says of public.child calls does not find",
        ),
        (
            "CREATE MATERIALIZED VIEW parts AS SELECT 12 / id AS part FROM parent; INSERT INTO parent VALUES (0)",
            "materialized view public.parts fails",
        ),
        (
            "CREATE MATERIALIZED VIEW one AS SELECT (SELECT id FROM parent) AS id; INSERT INTO parent VALUES (1), (2)",
            "materialized view public.one fails",
        ),
        (
            "CREATE TABLE tenant (id text CHECK (id = current_setting('shop.tenant'))); SET shop.tenant = 'a'; INSERT INTO tenant VALUES ('a')",
            "neither a setting of this database",
        ),
    ],
)
def test_what_no_restore_would_take_is_named_at_the_backup(
    site: DjangoSite, capsys: pytest.CaptureFixture[str], made: str, said: str
) -> None:
    site.database.run(
        "CREATE TABLE parent (id integer PRIMARY KEY)",
        "CREATE TABLE child (parent integer REFERENCES parent (id))",
    )
    site.back_up()
    assert "break" not in capsys.readouterr().err
    site.database.run(made, superuser=True)
    for (table,) in site.database.rows(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'm')"
    ):
        site.database.run(f"ALTER TABLE {table} OWNER TO {site.database.role}", superuser=True)
    site.back_up()
    warnings = capsys.readouterr().err
    assert said in warnings
    assert "--salvage" in warnings
