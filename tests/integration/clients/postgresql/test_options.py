"""Versions, rights, partial backups, extensions and what belongs to others."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from django.core.management.base import CommandError

from tests.support.databases import PostgresqlDatabase
from tests.support.servers.postgresql import PostgresqlServer
from tests.support.site import DjangoSite

SESSIONS = "CREATE TABLE django_content_type (id integer, model text)"


def pretend(site: DjangoSite, program: str, version: str) -> None:
    """Let a program say that it has another version."""
    printed = f"{program} (PostgreSQL) {version} (Debian {version}-1.pgdg12+1)"
    site.fake_program(program, 'exec "$REAL" "$@"', {"--version": printed})


def test_a_pg_dump_older_than_the_server_is_refused_with_both_versions(
    sample_site: DjangoSite,
) -> None:
    older = sample_site.database.server.major - 1
    pretend(sample_site, "pg_dump", f"{older}.3")
    with pytest.raises(CommandError) as caught:
        sample_site.back_up()
    said = str(caught.value)
    assert f"pg_dump is version {older}.3" in said
    assert f"the server is version {sample_site.database.server.major}." in said
    assert f"postgresql-client-{sample_site.database.server.major}" in said
    assert "tools_folder" in said
    assert sample_site.stored() == []


def test_a_pg_restore_older_than_the_dump_is_refused(sample_site: DjangoSite) -> None:
    sample_site.back_up()
    pretend(sample_site, "pg_restore", "12.1")
    with pytest.raises(CommandError, match=r"pg_restore is version 12\.1, .* pg_dump"):
        sample_site.restore()


def test_a_dump_of_a_newer_server_is_refused(
    sample_site: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_rclone.clients.postgresql.connection import PostgresqlSession

    monkeypatch.setattr(PostgresqlSession, "server_version", "19.2")
    pretend(sample_site, "pg_dump", "19.2")
    sample_site.back_up()
    monkeypatch.undo()
    pretend(sample_site, "pg_restore", "19.2")
    live = sample_site.database.fingerprint()
    with pytest.raises(CommandError, match=r"server of version 19\.2, .* version \d+\.\d+:"):
        sample_site.restore()
    assert sample_site.database.fingerprint() == live


def test_the_manifest_holds_all_versions(sample_site: DjangoSite) -> None:
    sample_site.back_up()
    manifest = sample_site.dump().with_name(sample_site.dump().name + ".json").read_text()
    assert f'"server_version":"{sample_site.database.server.major}.' in manifest
    assert f'"tool_version":"{sample_site.database.server.major}.' in manifest
    assert '"partial":false' in manifest


def test_excluded_data_makes_a_backup_partial(sample_site: DjangoSite) -> None:
    sample_site.database.run(SESSIONS, "INSERT INTO django_content_type VALUES (1, 'secret')")
    sample_site.database.options["exclude_data"] = ["contenttypes.ContentType", "orders"]
    before = sample_site.database.schema()
    sample_site.back_up()
    sample_site.database.mutate()
    live = sample_site.database.fingerprint()
    with pytest.raises(CommandError, match=r"partial.*\n.*--partial"):
        sample_site.restore()
    assert sample_site.database.fingerprint() == live
    sample_site.restore("--partial")
    assert sample_site.database.schema() == before
    assert sample_site.database.rows("SELECT count(*) FROM orders") == [(0,)]
    assert sample_site.database.rows("SELECT count(*) FROM django_content_type") == [(0,)]
    assert sample_site.database.rows("SELECT count(*) FROM entry") == [(500,)]


def test_excluded_tables_are_gone_after_a_partial_restore(sample_site: DjangoSite) -> None:
    sample_site.database.run(SESSIONS, 'CREATE TABLE accounts."Odd; name" (n integer)')
    sample_site.database.options["exclude_tables"] = [
        "contenttypes.ContentType",
        "accounts.Odd; name",
    ]
    sample_site.back_up()
    sample_site.restore("--partial")
    assert sample_site.database.rows("SELECT to_regclass('django_content_type')") == [(None,)]
    assert sample_site.database.rows("""SELECT to_regclass('accounts."Odd; name"')""") == [(None,)]
    assert sample_site.database.rows("SELECT count(*) FROM entry") == [(500,)]


@pytest.mark.thorough
def test_one_schema_alone_is_dumped_and_replaced(site: DjangoSite) -> None:
    site.database.run(
        'CREATE SCHEMA "Tenant 1"; CREATE SCHEMA tenant2',
        'CREATE TABLE "Tenant 1".a (n integer); INSERT INTO "Tenant 1".a VALUES (1)',
        "CREATE TABLE tenant2.a (n integer); INSERT INTO tenant2.a VALUES (2)",
    )
    site.database.options["schemas"] = ["Tenant 1"]
    site.back_up()
    site.database.run('UPDATE "Tenant 1".a SET n = 10; UPDATE tenant2.a SET n = 20')
    site.database.run('CREATE TABLE "Tenant 1".later (n integer)')
    site.restore("--partial")
    assert site.database.rows('SELECT n FROM "Tenant 1".a') == [(1,)]
    assert site.database.rows("SELECT n FROM tenant2.a") == [(20,)]
    assert site.database.rows("""SELECT to_regclass('"Tenant 1".later')""") == [(None,)]
    site.database.run('CREATE VIEW tenant2.outside AS SELECT * FROM "Tenant 1".a')
    live = site.database.fingerprint()
    with pytest.raises(CommandError, match="other schemas depend"):
        site.restore("--partial")
    assert site.database.fingerprint() == live


@pytest.mark.parametrize("option", ["exclude_data", "exclude_tables"])
def test_a_table_to_exclude_must_exist(sample_site: DjangoSite, option: str) -> None:
    sample_site.database.options[option] = ["sessions.Sesion"]
    with pytest.raises(CommandError, match=r"sessions\.Sesion"):
        sample_site.back_up()


@pytest.mark.parametrize(
    "options",
    [
        {"schemas": "public"},
        {"exclude_data": [1]},
        {"lock_timeout": 0},
        {"tools_folder": 5},
        {"tool_folder": "/usr/bin"},
    ],
)
def test_wrong_options_are_reported(sample_site: DjangoSite, options: dict[str, object]) -> None:
    sample_site.database.options.update(options)
    with pytest.raises(CommandError, match="CLIENTS"):
        sample_site.back_up()


@pytest.fixture
def extended(sample_site: DjangoSite) -> DjangoSite:
    """A database with extensions that only a superuser may install, one with rows of its own."""
    names = {
        row[0] for row in sample_site.database.rows("SELECT name FROM pg_available_extensions")
    }
    if not (usable := sorted(names & {"citext", "pageinspect", "vector", "postgis"})):
        pytest.skip("this server has no extensions")
    sample_site.database.run(
        "CREATE SCHEMA extensions AUTHORIZATION pg_database_owner", superuser=True
    )
    for name in usable:
        sample_site.database.run(f"CREATE EXTENSION {name} SCHEMA extensions", superuser=True)
        sample_site.database.run(f"COMMENT ON EXTENSION {name} IS 'ours'", superuser=True)
    if "vector" in names:
        sample_site.database.run(
            "GRANT USAGE ON SCHEMA extensions TO PUBLIC",
            "CREATE TABLE embedded (at extensions.vector(3)); INSERT INTO embedded VALUES ('[1,2,3]')",
            "CREATE INDEX ON embedded USING hnsw (at extensions.vector_l2_ops)",
            f"ALTER TABLE embedded OWNER TO {sample_site.database.role}",
            superuser=True,
        )
    if "postgis" in names:
        sample_site.database.run(
            "GRANT USAGE ON SCHEMA extensions TO PUBLIC",
            "SET search_path = public, extensions; CREATE TABLE place (at geometry(Point, 4326));"
            "INSERT INTO place VALUES ('SRID=4326;POINT(1 2)'); CREATE INDEX ON place USING gist (at)",
            f"ALTER TABLE place OWNER TO {sample_site.database.role}",
            superuser=True,
        )
    return sample_site


def test_extensions_of_a_superuser_stay(extended: DjangoSite) -> None:
    before = extended.database.fingerprint()
    numbers = extended.database.rows("SELECT oid FROM pg_extension ORDER BY 1")
    extended.back_up()
    extended.database.mutate()
    extended.database.run("CREATE TABLE extensions.later (n integer)")
    extended.restore()
    assert extended.database.fingerprint() == before
    assert extended.database.rows("SELECT oid FROM pg_extension ORDER BY 1") == numbers


@pytest.mark.thorough
def test_trusted_extensions_come_back(sample_site: DjangoSite) -> None:
    trusted = "SELECT name FROM pg_available_extension_versions WHERE trusted AND NOT installed"
    names = {row[0] for row in sample_site.database.rows(trusted)} & {
        "citext",
        "hstore",
        "pg_trgm",
        "vector",
    }
    if not names:
        pytest.skip("this server has no trusted extensions")
    name = sorted(names)[0]
    sample_site.database.run(f"CREATE EXTENSION {name}")
    before = sample_site.database.fingerprint()
    sample_site.back_up()
    sample_site.database.run(f"DROP EXTENSION {name}")
    sample_site.restore()
    assert sample_site.database.fingerprint() == before
    # PostgreSQL gives a new one its comment again, and pg_dump dumps no comment that is not there.
    sample_site.database.run(f"COMMENT ON EXTENSION {name} IS NULL")
    sample_site.back_up()
    sample_site.database.run(f"DROP EXTENSION {name}")
    sample_site.restore()
    assert sample_site.database.fingerprint() == before


def test_database_settings_and_grants_stay(sample_site: DjangoSite) -> None:
    reader = f"{sample_site.database.role}_reader"
    sample_site.database.run(
        f"CREATE ROLE {reader}",
        f"ALTER DATABASE {sample_site.database.name} SET work_mem = '7MB'",
        f"GRANT TEMPORARY ON DATABASE {sample_site.database.name} TO {reader}",
        superuser=True,
    )
    try:
        sample_site.database.run(
            f"GRANT SELECT (id), UPDATE ON orders TO {reader} WITH GRANT OPTION"
        )
        sample_site.database.run(f"GRANT USAGE ON SCHEMA accounts TO {reader}")
        query = f"SELECT oid, datacl::text FROM pg_database WHERE datname = '{sample_site.database.name}'"
        database, before = sample_site.database.rows(query), sample_site.database.fingerprint()
        sample_site.back_up()
        sample_site.database.mutate()
        sample_site.restore()
        assert sample_site.database.rows(query) == database
        assert sample_site.database.fingerprint() == before
        assert sample_site.database.rows("SHOW work_mem") == [("7MB",)]
    finally:
        with closing(sample_site.database.server.connect(sample_site.database.name)) as admin:
            admin.execute(f"DROP OWNED BY {reader}; DROP ROLE {reader}")


@pytest.mark.thorough
def test_grants_to_roles_that_are_gone_are_left_out(
    sample_site: DjangoSite, capsys: pytest.CaptureFixture[str]
) -> None:
    reader = f"{sample_site.database.role}_reader"
    sample_site.database.run(
        f"CREATE ROLE {reader}; GRANT SELECT ON orders TO {reader}", superuser=True
    )
    sample_site.back_up()
    sample_site.database.run(f"DROP OWNED BY {reader}; DROP ROLE {reader}", superuser=True)
    before = sample_site.database.fingerprint()
    sample_site.restore()
    assert sample_site.database.fingerprint() == before
    assert f'role "{reader}" does not exist' in capsys.readouterr().err


POLICY = "CREATE POLICY readers ON orders TO {0} USING (true)"
MAPPING = (
    "CREATE SERVER cabinet FOREIGN DATA WRAPPER paper; CREATE USER MAPPING FOR {0} SERVER cabinet"
)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("mode", "made"),
    [("in_place", POLICY), ("swap", POLICY), ("in_place", MAPPING)],
    ids=["policy", "policy-swap", "mapping"],
)
def test_roles_that_something_cannot_be_made_without_are_named_before_the_question(
    sample_site: DjangoSite, mode: str, made: str
) -> None:
    database, reader = sample_site.database, f"{sample_site.database.role}_reader"
    database.run(f"CREATE ROLE {reader}", f"ALTER ROLE {database.role} CREATEDB", superuser=True)
    if made == MAPPING:
        wrapper = f"GRANT USAGE ON FOREIGN DATA WRAPPER paper TO {database.role}"
        database.run("CREATE FOREIGN DATA WRAPPER paper", wrapper, superuser=True)
    database.options["restore_mode"] = mode
    database.run(made.format(reader))
    before = database.fingerprint()
    sample_site.back_up()
    database.run("DROP SERVER IF EXISTS cabinet CASCADE; DROP TABLE orders CASCADE")
    database.run(f"DROP ROLE {reader}", superuser=True)
    with pytest.raises(CommandError, match=rf"do not exist here: {reader}.*\n.*CREATE ROLE"):
        sample_site.restore()
    database.run(f"CREATE ROLE {reader}", superuser=True)
    sample_site.restore()
    assert database.fingerprint() == before
    database.run(f"DROP OWNED BY {reader}; DROP ROLE {reader}", superuser=True)


@pytest.mark.thorough
def test_an_extension_in_another_schema_is_made_again_or_named(sample_site: DjangoSite) -> None:
    database = sample_site.database
    if not database.rows("SELECT FROM pg_available_extensions WHERE name = 'citext'"):
        pytest.skip("this server has no extension citext")
    database.run("CREATE EXTENSION citext", "CREATE TABLE worded (word citext)")
    before = database.fingerprint()
    sample_site.back_up()
    move = "CREATE SCHEMA words; ALTER EXTENSION citext SET SCHEMA words; ALTER SCHEMA words OWNER TO {0}"
    database.run(move.format(database.role), superuser=True)
    sample_site.restore()
    assert database.fingerprint() == before
    database.run(
        "DROP EXTENSION citext CASCADE; CREATE EXTENSION citext",
        move.format(database.role),
        superuser=True,
    )
    with pytest.raises(CommandError, match=r"not in schema public.*\n.*ALTER EXTENSION citext SET"):
        sample_site.restore()
    database.run("ALTER EXTENSION citext SET SCHEMA public", superuser=True)
    sample_site.restore()
    assert database.fingerprint() == before


def test_another_role_becomes_the_owner(server: PostgresqlServer, sample_site: DjangoSite) -> None:
    sample_site.back_up()
    with closing(PostgresqlDatabase(server)) as other:
        sample_site.use(other)
        sample_site.restore()
        owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname !~ '^(pg_|inf)'"
        assert other.rows(owners) == [(other.role,)]
        assert other.rows("SELECT count(*) FROM orders") == [(400,)]


def test_objects_of_other_roles_are_named_before_anything_starts(sample_site: DjangoSite) -> None:
    sample_site.back_up()
    sample_site.database.run("CREATE TABLE theirs (n integer)", superuser=True)
    sample_site.database.run("ALTER SCHEMA public OWNER TO postgres", superuser=True)
    live = sample_site.database.fingerprint()
    with pytest.raises(CommandError, match=r"objects owned by other roles: table public\.theirs"):
        sample_site.restore()
    assert sample_site.database.fingerprint() == live


@pytest.mark.thorough
def test_a_role_that_may_create_no_schemas_restores_into_those_there_are(
    sample_site: DjangoSite,
) -> None:
    sample_site.database.run(
        "CREATE ROLE parked",
        f"ALTER DATABASE {sample_site.database.name} OWNER TO postgres",
        f"GRANT CREATE, USAGE ON SCHEMA public TO {sample_site.database.role}",
        "DROP ROLE parked",
        superuser=True,
    )
    sample_site.database.run("DROP PUBLICATION news")
    before = sample_site.database.fingerprint()
    sample_site.back_up()
    sample_site.database.run("DELETE FROM entry; CREATE TABLE accounts.later (n integer)")
    sample_site.restore()
    assert sample_site.database.fingerprint() == before


def test_an_empty_database_is_filled(server: PostgresqlServer, sample_site: DjangoSite) -> None:
    sample_site.back_up()
    before = sample_site.database.rows("SELECT count(*), sum(total) FROM orders")
    sample_site.database.run(f"DROP OWNED BY {sample_site.database.role}", superuser=True)
    sample_site.database.run(
        f"ALTER DATABASE {sample_site.database.name} OWNER TO {sample_site.database.role}",
        superuser=True,
    )
    sample_site.restore()
    assert sample_site.database.rows("SELECT count(*), sum(total) FROM orders") == before


def test_force_row_level_security_is_reported(sample_site: DjangoSite) -> None:
    sample_site.database.run("ALTER TABLE entry FORCE ROW LEVEL SECURITY")
    with pytest.raises(CommandError, match="BYPASSRLS"):
        sample_site.back_up()


@pytest.mark.thorough
def test_the_programs_of_a_newer_version_restore_to_an_older_server(
    sample_site: DjangoSite,
) -> None:
    from tests.support.servers.postgresql import installations

    newest = max(installations().items())
    if newest[0] == sample_site.database.server.major:
        pytest.skip("there are no newer programs")
    before = sample_site.database.fingerprint()
    sample_site.database.options["tools_folder"] = str(newest[1])
    sample_site.back_up()
    sample_site.database.mutate()
    sample_site.restore()
    assert sample_site.database.fingerprint() == before


@pytest.fixture
def configured(sample_site: DjangoSite) -> Iterator[DjangoSite]:
    """A database with an extension whose table holds rows of its own and of its users."""
    if sample_site.database.server.major < 18 or sample_site.database.server.folder is None:
        pytest.skip("this server takes extensions from its own folder alone")
    folder = sample_site.database.server.folder / "share" / "extension"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "units.control").write_text("default_version = '1'\nrelocatable = true\n")
    (folder / "units--1.sql").write_text(
        "CREATE TABLE unit (name text PRIMARY KEY, own boolean DEFAULT false);\n"
        "INSERT INTO unit VALUES ('metre', true);\n"
        "GRANT SELECT ON unit TO PUBLIC;\n"
        "SELECT pg_extension_config_dump('unit', 'WHERE NOT own');\n"
    )
    with closing(sample_site.database.server.connect()) as admin:
        admin.execute(f"ALTER SYSTEM SET extension_control_path = '{folder.parent}:$system'")
        admin.execute("SELECT pg_reload_conf()")
    sample_site.database.run("SELECT pg_sleep(0.2)", "CREATE EXTENSION units", superuser=True)
    yield sample_site
    with closing(sample_site.database.server.connect()) as admin:
        admin.execute("ALTER SYSTEM RESET extension_control_path")


@pytest.mark.thorough
def test_rows_that_users_added_to_an_extension_come_back(configured: DjangoSite) -> None:
    configured.database.run(
        f"GRANT INSERT, DELETE ON unit TO {configured.database.role}", superuser=True
    )
    configured.database.run("INSERT INTO unit VALUES ('fathom')")
    before = configured.database.fingerprint()
    configured.back_up()
    configured.database.run(
        "DELETE FROM unit WHERE name = 'fathom'; INSERT INTO unit VALUES ('span')"
    )
    configured.restore()
    assert configured.database.fingerprint() == before


@pytest.mark.thorough
def test_an_extension_without_rows_of_users_needs_no_rights(configured: DjangoSite) -> None:
    before = configured.database.fingerprint()
    configured.back_up()
    configured.database.mutate()
    configured.restore()
    assert configured.database.fingerprint() == before
