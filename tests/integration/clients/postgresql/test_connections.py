"""Backups and restores reach the database as Django does, whatever its settings look like."""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.core.management.base import CommandError
from django.db import connections
from psycopg import sql

from tests.support.databases import PostgresqlDatabase
from tests.support.servers.base import create_certificate
from tests.support.servers.postgresql import PostgresqlServer
from tests.support.site import DjangoSite

WITHOUT_PSYCOPG_3 = "import sys\nsys.modules['psycopg'] = None\n"


def round_trip(site: DjangoSite, *, env: dict[str, str] | None = None) -> None:
    """Back up, diverge and restore; in processes of their own if they need an environment."""
    site.database.run(
        "CREATE TABLE IF NOT EXISTS note (text text); INSERT INTO note VALUES ('one')"
    )
    before = site.database.fingerprint()
    command(site, "dbbackup", env=env)
    site.database.run("DELETE FROM note; CREATE TABLE later (n integer)")
    command(site, "dbrestore", "--noinput", env=env)
    assert site.database.fingerprint() == before


def command(site: DjangoSite, *arguments: str, env: dict[str, str] | None) -> None:
    if env is None:
        site.call(*arguments)
        return
    done = site.manage(*arguments, env=env)
    assert done.returncode == 0, done.stderr


def test_psycopg2_restores_the_same(sample_site: DjangoSite) -> None:
    sample_site.extra_settings = WITHOUT_PSYCOPG_3
    before = sample_site.database.fingerprint()
    done = sample_site.manage("dbbackup")
    assert done.returncode == 0, done.stderr
    sample_site.database.mutate()
    done = sample_site.manage("dbrestore", "--noinput")
    assert done.returncode == 0, done.stderr
    assert sample_site.database.fingerprint() == before


def test_an_engine_that_wraps_the_vendors_is_served(sample_site: DjangoSite) -> None:
    """As PostGIS does, and engines that count queries."""
    engine = sample_site.folder / "counting"
    engine.mkdir()
    (engine / "__init__.py").touch()
    (engine / "base.py").write_text(
        "from django.db.backends.postgresql import base\n\n\n"
        "class DatabaseWrapper(base.DatabaseWrapper):\n    pass\n"
    )
    sample_site.databases["default"]["ENGINE"] = "counting"
    before = sample_site.database.fingerprint()
    done = sample_site.manage("dbbackup")
    assert done.returncode == 0, done.stderr
    sample_site.database.mutate()
    done = sample_site.manage("dbrestore", "--noinput")
    assert done.returncode == 0, done.stderr
    assert sample_site.database.fingerprint() == before


def test_psycopg2_changes_nothing_when_the_dump_does_not_load(sample_site: DjangoSite) -> None:
    sample_site.extra_settings = WITHOUT_PSYCOPG_3
    sample_site.database.run(
        "ALTER TABLE orders DISABLE TRIGGER ALL",
        "INSERT INTO orders (customer, total) VALUES (123456, 1)",
        superuser=True,
    )
    sample_site.back_up()
    sample_site.database.run("DELETE FROM entry WHERE id < 9")
    live = sample_site.database.fingerprint()
    done = sample_site.manage("dbrestore", "--noinput")
    assert done.returncode == 1
    assert "violates foreign key constraint" in done.stderr
    assert "Traceback" not in done.stderr
    assert sample_site.database.fingerprint() == live


@pytest.mark.parametrize(
    "name",
    [
        *("--help", "-x", "host=192.0.2.1 dbname=x", "postgresql://192.0.2.1/x", "dbname"),
        *('it\'s "quoted" \\ back', "Großes Ä", "$(touch x)", "a%sb", "user=nobody"),
    ],
)
def test_names_that_look_like_something_else(
    server: PostgresqlServer, site: DjangoSite, name: str
) -> None:
    with closing(PostgresqlDatabase(server, name=f"{name} {os.getpid()}")) as database:
        site.use(database)
        round_trip(site)


def test_a_role_that_looks_like_an_option(server: PostgresqlServer, site: DjangoSite) -> None:
    role, name = f"--role=x 'y {os.getpid()}", f"role_{os.getpid()}"
    with closing(PostgresqlDatabase(server, role=role, name=name)) as database:
        site.use(database)
        round_trip(site)


def test_host_user_and_more_inside_options(site: DjangoSite) -> None:
    database = site.databases["default"]
    database["OPTIONS"] = {
        "host": database.pop("HOST"),
        "user": database.pop("USER"),
        "port": database.pop("PORT"),
        "password": database.pop("PASSWORD"),
        "connect_timeout": 7,
        "application_name": "it's \\ the shop",
        "options": "-c statement_timeout=2000 -c search_path=nowhere",
        "isolation_level": 4,
    }
    round_trip(site)


def test_a_pool_is_not_in_the_way(site: DjangoSite) -> None:
    pytest.importorskip("psycopg_pool")
    site.databases["default"]["OPTIONS"] = {"pool": True}
    try:
        round_trip(site)
    finally:
        # Django keeps it by the alias, which the next test has for another server.
        connections["default"].close_pool()  # type: ignore[attr-defined]


def test_unix_sockets(site: DjangoSite) -> None:
    if site.database.server.folder is None:
        pytest.skip("the server was not started by the tests")
    site.databases["default"]["HOST"] = str(site.database.server.folder)
    round_trip(site)


def test_a_service_file(site: DjangoSite) -> None:
    database = site.databases["default"]
    password = "plain-word"
    set_password(site, password)
    services = site.folder / "services"
    services.write_text(
        f"[shop]\nhost={database.pop('HOST')}\nport={database.pop('PORT')}\n"
        f"user={database.pop('USER')}\npassword={password}\ndbname={database['NAME']}\n"
    )
    database.pop("PASSWORD")
    database["NAME"] = ""
    database["OPTIONS"] = {"service": "shop"}
    round_trip(site, env={"PGSERVICEFILE": str(services)})


def test_a_passfile(site: DjangoSite) -> None:
    database = site.databases["default"]
    passfile = site.folder / "pass file"
    escaped = database.pop("PASSWORD").replace("\\", "\\\\").replace(":", "\\:")
    passfile.write_text(f"*:*:*:{site.database.role}:{escaped}\n")
    passfile.chmod(0o600)
    database["OPTIONS"] = {"passfile": str(passfile)}
    round_trip(site)


def test_a_role_is_assumed(site: DjangoSite) -> None:
    owner = f"{site.database.role}_owner"
    with closing(site.database.server.connect()) as admin:
        admin.execute(f"CREATE ROLE {owner}; GRANT {owner} TO {site.database.role}")
        admin.execute(f"ALTER DATABASE {site.database.name} OWNER TO {owner}")
    site.databases["default"]["OPTIONS"] = {"assume_role": owner}
    try:
        site.database.run("CREATE TABLE note (text text)")
        site.database.run(f"ALTER TABLE note OWNER TO {owner}", superuser=True)
        round_trip(site)
        assert site.database.rows("SELECT tableowner FROM pg_tables WHERE tablename = 'note'") == [
            (owner,)
        ]
    finally:
        with closing(site.database.server.connect()) as admin:
            admin.execute(f"ALTER DATABASE {site.database.name} OWNER TO {site.database.role}")
        with closing(site.database.server.connect(site.database.name)) as admin:
            admin.execute(
                f"REASSIGN OWNED BY {owner} TO {site.database.role}; DROP OWNED BY {owner}; DROP ROLE {owner}"
            )


@pytest.fixture
def encrypted(server: PostgresqlServer) -> Iterator[Path]:
    """Let the server speak TLS; return its certificate."""
    if server.folder is None:
        pytest.skip("needs a server that the tests have started")
    data = server.folder / "data"
    key, certificate = data / "server.key", data / "server.crt"
    if not create_certificate(key, certificate):
        pytest.skip("needs openssl")
    for path in (key, certificate):
        path.chmod(0o600)
        shutil.chown(path, data.owner(), data.group())
    with closing(server.connect()) as admin:
        try:
            admin.execute("ALTER SYSTEM SET ssl = on")
        except Exception as error:
            pytest.skip(f"this server cannot speak TLS: {error}")
        admin.execute("SELECT pg_reload_conf()")
    public = server.folder / "public.crt"
    public.write_text(certificate.read_text())
    yield public
    with closing(server.connect()) as admin:
        admin.execute("ALTER SYSTEM RESET ssl")
        admin.execute("SELECT pg_reload_conf()")


def test_tls_options_are_honoured(site: DjangoSite, encrypted: Path) -> None:
    database = site.databases["default"]
    database["HOST"] = "localhost"
    database["OPTIONS"] = {"sslmode": "verify-full", "sslrootcert": str(encrypted)}
    round_trip(site)
    database["HOST"] = "127.0.0.1"
    done = site.manage("dbbackup")
    assert done.returncode == 1
    assert "does not match host name" in done.stderr


def set_password(site: DjangoSite, password: str) -> None:
    with closing(site.database.server.connect()) as admin:
        admin.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                sql.Identifier(site.database.role), sql.Literal(password)
            )
        )
    site.database.password = password


def test_no_password_stands_in_arguments(sample_site: DjangoSite) -> None:
    seen = sample_site.folder / "seen"
    folder = sample_site.folder / "tools"
    folder.mkdir()
    for name in ("pg_dump", "pg_restore"):
        script = f'#!/bin/sh\necho "$0 $@" >>{seen}\nexec {sample_site.database.server.programs / name} "$@"\n'
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    sample_site.database.options["tools_folder"] = str(folder)
    round_trip(sample_site)
    told = seen.read_text()
    assert "--no-password" in told
    assert "pg_restore --file=-" in told
    assert "ouvre" not in told


@pytest.mark.thorough
def test_a_limit_of_sessions_gets_a_hint(site: DjangoSite) -> None:
    database = site.database
    try:
        database.run(f"ALTER ROLE {database.role} CONNECTION LIMIT 1", superuser=True)
        with pytest.raises(CommandError, match=r"too many connections.*\n.*CONNECTION LIMIT"):
            site.back_up()
    finally:
        database.run(f"ALTER ROLE {database.role} CONNECTION LIMIT -1", superuser=True)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [({"NAME": "none"}, "createdb"), ({"USER": "nobody", "PASSWORD": "x"}, "USER")],
    ids=["no database", "no role"],
)
def test_a_database_that_cannot_be_reached_gets_a_hint(
    sample_site: DjangoSite, wrong: dict[str, str], hint: str
) -> None:
    sample_site.databases["default"] |= wrong
    done = sample_site.manage("dbbackup")
    assert done.returncode == 1
    assert "Hint: Correct" in done.stderr
    assert hint in done.stderr
