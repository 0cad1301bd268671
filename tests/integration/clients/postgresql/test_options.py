"""Versions, rights, partial backups, extensions and what belongs to others."""

import shlex
from collections.abc import Iterator
from contextlib import closing

import pytest
from django.core.management.base import CommandError

from tests.integration.clients.postgresql.shop import DIVERGED, Shop
from tests.support.servers.postgresql import Server

SESSIONS = "CREATE TABLE django_content_type (id integer, model text)"


def pretend(shop: Shop, program: str, version: str) -> None:
    """Put scripts in the place of the programs, one of which says it has another version."""
    folder = shop.site.folder / "pretenders"
    folder.mkdir(exist_ok=True)
    for name in ("pg_dump", "pg_restore"):
        lines = "#!/bin/sh\n"
        if name == program:
            said = f"{name} (PostgreSQL) {version} (Debian {version}-1.pgdg12+1)"
            lines += f'[ "$1" = --version ] && {{ echo "{said}"; exit; }}\n'
        lines += f'exec {shlex.quote(str(shop.server.programs / name))} "$@"\n'
        (folder / name).write_text(lines)
        (folder / name).chmod(0o755)
    shop.options["tools_folder"] = str(folder)


def test_a_pg_dump_older_than_the_server_is_refused_with_both_versions(rich: Shop) -> None:
    older = rich.server.major - 1
    pretend(rich, "pg_dump", f"{older}.3")
    with pytest.raises(CommandError) as caught:
        rich.back_up()
    said = str(caught.value)
    assert f"pg_dump is version {older}.3" in said
    assert f"the server is version {rich.server.major}." in said
    assert f"postgresql-client-{rich.server.major}" in said
    assert "tools_folder" in said
    assert rich.site.stored() == []


def test_a_pg_restore_older_than_the_dump_is_refused(rich: Shop) -> None:
    rich.back_up()
    pretend(rich, "pg_restore", "12.1")
    with pytest.raises(CommandError, match=r"pg_restore is version 12\.1, .* pg_dump"):
        rich.restore()


def test_a_dump_of_a_newer_server_is_refused(rich: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from django_rclone.clients.postgresql.connection import PostgresqlSession

    monkeypatch.setattr(PostgresqlSession, "server_version", "19.2")
    pretend(rich, "pg_dump", "19.2")
    rich.back_up()
    monkeypatch.undo()
    pretend(rich, "pg_restore", "19.2")
    live = rich.fingerprint()
    with pytest.raises(CommandError, match=r"server of version 19\.2, .* version \d+\.\d+:"):
        rich.restore()
    assert rich.fingerprint() == live


def test_the_manifest_holds_all_versions(rich: Shop) -> None:
    rich.back_up()
    manifest = rich.site.dump().with_name(rich.site.dump().name + ".json").read_text()
    assert f'"server_version":"{rich.server.major}.' in manifest
    assert f'"tool_version":"{rich.server.major}.' in manifest
    assert '"partial":false' in manifest


def test_excluded_data_makes_a_backup_partial(rich: Shop) -> None:
    rich.run(SESSIONS, "INSERT INTO django_content_type VALUES (1, 'secret')")
    rich.options["exclude_data"] = ["contenttypes.ContentType", "orders"]
    before = rich.schema()
    rich.back_up()
    rich.run(DIVERGED)
    live = rich.fingerprint()
    with pytest.raises(CommandError, match=r"partial.*\n.*--partial"):
        rich.restore()
    assert rich.fingerprint() == live
    rich.restore("--partial")
    assert rich.schema() == before
    assert rich.rows("SELECT count(*) FROM orders") == [(0,)]
    assert rich.rows("SELECT count(*) FROM django_content_type") == [(0,)]
    assert rich.rows("SELECT count(*) FROM entry") == [(500,)]


def test_excluded_tables_are_gone_after_a_partial_restore(rich: Shop) -> None:
    rich.run(SESSIONS, 'CREATE TABLE accounts."Odd; name" (n integer)')
    rich.options["exclude_tables"] = ["contenttypes.ContentType", "accounts.Odd; name"]
    rich.back_up()
    rich.restore("--partial")
    assert rich.rows("SELECT to_regclass('django_content_type')") == [(None,)]
    assert rich.rows("""SELECT to_regclass('accounts."Odd; name"')""") == [(None,)]
    assert rich.rows("SELECT count(*) FROM entry") == [(500,)]


def test_one_schema_alone_is_dumped_and_replaced(shop: Shop) -> None:
    shop.run(
        'CREATE SCHEMA "Tenant 1"; CREATE SCHEMA tenant2',
        'CREATE TABLE "Tenant 1".a (n integer); INSERT INTO "Tenant 1".a VALUES (1)',
        "CREATE TABLE tenant2.a (n integer); INSERT INTO tenant2.a VALUES (2)",
    )
    shop.options["schemas"] = ["Tenant 1"]
    shop.back_up()
    shop.run('UPDATE "Tenant 1".a SET n = 10; UPDATE tenant2.a SET n = 20')
    shop.run('CREATE TABLE "Tenant 1".later (n integer)')
    shop.restore("--partial")
    assert shop.rows('SELECT n FROM "Tenant 1".a') == [(1,)]
    assert shop.rows("SELECT n FROM tenant2.a") == [(20,)]
    assert shop.rows("""SELECT to_regclass('"Tenant 1".later')""") == [(None,)]
    shop.run('CREATE VIEW tenant2.outside AS SELECT * FROM "Tenant 1".a')
    live = shop.fingerprint()
    with pytest.raises(CommandError, match="other schemas depend"):
        shop.restore("--partial")
    assert shop.fingerprint() == live


@pytest.mark.parametrize("option", ["exclude_data", "exclude_tables"])
def test_a_table_to_exclude_must_exist(rich: Shop, option: str) -> None:
    rich.options[option] = ["sessions.Sesion"]
    with pytest.raises(CommandError, match=r"sessions\.Sesion"):
        rich.back_up()


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
def test_wrong_options_are_told(rich: Shop, options: dict[str, object]) -> None:
    rich.options.update(options)
    with pytest.raises(CommandError, match="CLIENTS"):
        rich.back_up()


@pytest.fixture
def extended(rich: Shop) -> Shop:
    """A database with extensions that only a superuser may install, one with rows of its own."""
    names = {row[0] for row in rich.rows("SELECT name FROM pg_available_extensions")}
    if not (usable := sorted(names & {"citext", "pageinspect", "vector", "postgis"})):
        pytest.skip("this server has no extensions")
    rich.run("CREATE SCHEMA extensions AUTHORIZATION pg_database_owner", superuser=True)
    for name in usable:
        rich.run(f"CREATE EXTENSION {name} SCHEMA extensions", superuser=True)
        rich.run(f"COMMENT ON EXTENSION {name} IS 'ours'", superuser=True)
    if "vector" in names:
        rich.run(
            "GRANT USAGE ON SCHEMA extensions TO PUBLIC",
            "CREATE TABLE embedded (at extensions.vector(3)); INSERT INTO embedded VALUES ('[1,2,3]')",
            "CREATE INDEX ON embedded USING hnsw (at extensions.vector_l2_ops)",
            f"ALTER TABLE embedded OWNER TO {rich.role}",
            superuser=True,
        )
    if "postgis" in names:
        rich.run(
            "GRANT USAGE ON SCHEMA extensions TO PUBLIC",
            "SET search_path = public, extensions; CREATE TABLE place (at geometry(Point, 4326));"
            "INSERT INTO place VALUES ('SRID=4326;POINT(1 2)'); CREATE INDEX ON place USING gist (at)",
            f"ALTER TABLE place OWNER TO {rich.role}",
            superuser=True,
        )
    return rich


def test_extensions_of_a_superuser_stay(extended: Shop) -> None:
    before = extended.fingerprint()
    numbers = extended.rows("SELECT oid FROM pg_extension ORDER BY 1")
    extended.back_up()
    extended.run(DIVERGED, "CREATE TABLE extensions.later (n integer)")
    extended.restore()
    assert extended.fingerprint() == before
    assert extended.rows("SELECT oid FROM pg_extension ORDER BY 1") == numbers


def test_trusted_extensions_come_back(rich: Shop) -> None:
    trusted = "SELECT name FROM pg_available_extension_versions WHERE trusted AND NOT installed"
    names = {row[0] for row in rich.rows(trusted)} & {"citext", "hstore", "pg_trgm", "vector"}
    if not names:
        pytest.skip("this server has no trusted extensions")
    name = sorted(names)[0]
    rich.run(f"CREATE EXTENSION {name}")
    before = rich.fingerprint()
    rich.back_up()
    rich.run(f"DROP EXTENSION {name}")
    rich.restore()
    assert rich.fingerprint() == before


def test_database_settings_and_grants_stay(rich: Shop) -> None:
    reader = f"{rich.role}_reader"
    rich.run(
        f"CREATE ROLE {reader}",
        f"ALTER DATABASE {rich.name} SET work_mem = '7MB'",
        f"GRANT TEMPORARY ON DATABASE {rich.name} TO {reader}",
        superuser=True,
    )
    try:
        rich.run(f"GRANT SELECT (id), UPDATE ON orders TO {reader} WITH GRANT OPTION")
        rich.run(f"GRANT USAGE ON SCHEMA accounts TO {reader}")
        query = f"SELECT oid, datacl::text FROM pg_database WHERE datname = '{rich.name}'"
        database, before = rich.rows(query), rich.fingerprint()
        rich.back_up()
        rich.run(DIVERGED)
        rich.restore()
        assert rich.rows(query) == database
        assert rich.fingerprint() == before
        assert rich.rows("SHOW work_mem") == [("7MB",)]
    finally:
        with closing(rich.server.connect(rich.name)) as admin:
            admin.execute(f"DROP OWNED BY {reader}; DROP ROLE {reader}")


def test_grants_to_roles_that_are_gone_are_left_out(
    rich: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    reader = f"{rich.role}_reader"
    rich.run(f"CREATE ROLE {reader}; GRANT SELECT ON orders TO {reader}", superuser=True)
    rich.back_up()
    rich.run(f"DROP OWNED BY {reader}; DROP ROLE {reader}", superuser=True)
    before = rich.fingerprint()
    rich.restore()
    assert rich.fingerprint() == before
    assert f'role "{reader}" does not exist' in caplog.text


def test_another_role_becomes_the_owner(server: Server, rich: Shop) -> None:
    rich.back_up()
    other = Shop(server, rich.site)
    try:
        other.restore()
        owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname !~ '^(pg_|inf)'"
        assert other.rows(owners) == [(other.role,)]
        assert other.rows("SELECT count(*) FROM orders") == [(400,)]
    finally:
        other.close()
        rich.site.databases["default"]["NAME"] = rich.name


def test_objects_of_other_roles_are_named_before_anything_starts(rich: Shop) -> None:
    rich.back_up()
    rich.run("CREATE TABLE theirs (n integer)", superuser=True)
    rich.run("ALTER SCHEMA public OWNER TO postgres", superuser=True)
    live = rich.fingerprint()
    with pytest.raises(CommandError, match=r"objects owned by other roles: public\.theirs"):
        rich.restore()
    assert rich.fingerprint() == live


def test_a_role_that_may_create_no_schemas_restores_into_those_there_are(rich: Shop) -> None:
    rich.run(
        "CREATE ROLE parked",
        f"ALTER DATABASE {rich.name} OWNER TO postgres",
        f"GRANT CREATE, USAGE ON SCHEMA public TO {rich.role}",
        "DROP ROLE parked",
        superuser=True,
    )
    rich.run("DROP PUBLICATION news")
    before = rich.fingerprint()
    rich.back_up()
    rich.run("DELETE FROM entry; CREATE TABLE accounts.later (n integer)")
    rich.restore()
    assert rich.fingerprint() == before


def test_an_empty_database_is_filled(server: Server, rich: Shop) -> None:
    rich.back_up()
    before = rich.rows("SELECT count(*), sum(total) FROM orders")
    rich.run(f"DROP OWNED BY {rich.role}", superuser=True)
    rich.run(f"ALTER DATABASE {rich.name} OWNER TO {rich.role}", superuser=True)
    rich.restore()
    assert rich.rows("SELECT count(*), sum(total) FROM orders") == before


def test_force_row_level_security_is_told(rich: Shop) -> None:
    rich.run("ALTER TABLE entry FORCE ROW LEVEL SECURITY")
    with pytest.raises(CommandError, match="BYPASSRLS"):
        rich.back_up()


def test_the_programs_of_a_newer_version_restore_to_an_older_server(rich: Shop) -> None:
    from tests.support.servers.postgresql import installations

    newest = max(installations().items())
    if newest[0] == rich.server.major:
        pytest.skip("there are no newer programs")
    before = rich.fingerprint()
    rich.options["tools_folder"] = str(newest[1])
    rich.back_up()
    rich.run(DIVERGED)
    rich.restore()
    assert rich.fingerprint() == before


@pytest.fixture
def configured(rich: Shop) -> Iterator[Shop]:
    """A database with an extension whose table holds rows of its own and of its users."""
    if rich.server.major < 18 or rich.server.sockets is None:
        pytest.skip("this server takes extensions from its own folder alone")
    folder = rich.server.sockets / "share" / "extension"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "units.control").write_text("default_version = '1'\nrelocatable = true\n")
    (folder / "units--1.sql").write_text(
        "CREATE TABLE unit (name text PRIMARY KEY, own boolean DEFAULT false);\n"
        "INSERT INTO unit VALUES ('metre', true);\n"
        "GRANT SELECT ON unit TO PUBLIC;\n"
        "SELECT pg_extension_config_dump('unit', 'WHERE NOT own');\n"
    )
    with closing(rich.server.connect()) as admin:
        admin.execute(f"ALTER SYSTEM SET extension_control_path = '{folder.parent}:$system'")
        admin.execute("SELECT pg_reload_conf()")
    rich.run("SELECT pg_sleep(0.2)", "CREATE EXTENSION units", superuser=True)
    yield rich
    with closing(rich.server.connect()) as admin:
        admin.execute("ALTER SYSTEM RESET extension_control_path")


def test_rows_that_users_added_to_an_extension_come_back(configured: Shop) -> None:
    configured.run(f"GRANT INSERT, DELETE ON unit TO {configured.role}", superuser=True)
    configured.run("INSERT INTO unit VALUES ('fathom')")
    before = configured.fingerprint()
    configured.back_up()
    configured.run("DELETE FROM unit WHERE name = 'fathom'; INSERT INTO unit VALUES ('span')")
    configured.restore()
    assert configured.fingerprint() == before


def test_an_extension_without_rows_of_users_needs_no_rights(configured: Shop) -> None:
    before = configured.fingerprint()
    configured.back_up()
    configured.run(DIVERGED)
    configured.restore()
    assert configured.fingerprint() == before
