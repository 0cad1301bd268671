"""Backups and restores reach the database as Django does, whatever its settings look like."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connections
from psycopg import sql

from tests.integration.clients.postgresql.shop import DIVERGED, RICH, Shop
from tests.support.servers.postgresql import Server
from tests.support.site import Site

WITHOUT_PSYCOPG_3 = "import sys\nsys.modules['psycopg'] = None\n"


def round_trip(shop: Shop, *, env: dict[str, str] | None = None) -> None:
    """Back up, diverge and restore; in processes of their own if they need an environment."""
    shop.run("CREATE TABLE IF NOT EXISTS note (text text); INSERT INTO note VALUES ('one')")
    before = shop.fingerprint()
    command(shop, "dbbackup", env=env)
    shop.run("DELETE FROM note; CREATE TABLE later (n integer)")
    command(shop, "dbrestore", "--noinput", env=env)
    assert shop.fingerprint() == before


def command(shop: Shop, *arguments: str, env: dict[str, str] | None) -> None:
    if env is None:
        shop.site.call(*arguments)
        return
    done = shop.site.manage(*arguments, env=env)
    assert done.returncode == 0, done.stderr


def test_psycopg2_restores_the_same(rich: Shop) -> None:
    rich.site.extra_settings = WITHOUT_PSYCOPG_3
    before = rich.fingerprint()
    done = rich.site.manage("dbbackup")
    assert done.returncode == 0, done.stderr
    rich.run(DIVERGED)
    done = rich.site.manage("dbrestore", "--noinput")
    assert done.returncode == 0, done.stderr
    assert rich.fingerprint() == before


def test_an_engine_that_wraps_the_vendors_is_served(rich: Shop) -> None:
    """As PostGIS does, and engines that count queries."""
    engine = rich.site.folder / "counting"
    engine.mkdir()
    (engine / "__init__.py").touch()
    (engine / "base.py").write_text(
        "from django.db.backends.postgresql import base\n\n\n"
        "class DatabaseWrapper(base.DatabaseWrapper):\n    pass\n"
    )
    rich.site.databases["default"]["ENGINE"] = "counting"
    before = rich.fingerprint()
    done = rich.site.manage("dbbackup")
    assert done.returncode == 0, done.stderr
    rich.run(DIVERGED)
    done = rich.site.manage("dbrestore", "--noinput")
    assert done.returncode == 0, done.stderr
    assert rich.fingerprint() == before


def test_psycopg2_changes_nothing_when_the_dump_does_not_load(rich: Shop) -> None:
    rich.site.extra_settings = WITHOUT_PSYCOPG_3
    rich.run(
        "ALTER TABLE orders DISABLE TRIGGER ALL",
        "INSERT INTO orders (customer, total) VALUES (123456, 1)",
        superuser=True,
    )
    rich.back_up()
    rich.run("DELETE FROM entry WHERE id < 9")
    live = rich.fingerprint()
    done = rich.site.manage("dbrestore", "--noinput")
    assert done.returncode == 1
    assert "violates foreign key constraint" in done.stderr
    assert "Traceback" not in done.stderr
    assert rich.fingerprint() == live


@pytest.mark.parametrize(
    "name",
    [
        *("--help", "-x", "host=192.0.2.1 dbname=x", "postgresql://192.0.2.1/x", "dbname"),
        *('it\'s "quoted" \\ back', "Großes Ä", "$(touch x)", "a%sb", "user=nobody"),
    ],
)
def test_names_that_look_like_something_else(server: Server, site: Site, name: str) -> None:
    shop = Shop(server, site, name=f"{name} {os.getpid()}")
    with contextlib.closing(shop):
        round_trip(shop)


def test_a_role_that_looks_like_an_option(server: Server, site: Site) -> None:
    shop = Shop(server, site, role=f"--role=x 'y {os.getpid()}", name=f"role_{os.getpid()}")
    with contextlib.closing(shop):
        round_trip(shop)


def test_host_user_and_more_inside_options(shop: Shop) -> None:
    database = shop.site.databases["default"]
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
    round_trip(shop)


def test_a_pool_is_not_in_the_way(shop: Shop) -> None:
    pytest.importorskip("psycopg_pool")
    shop.site.databases["default"]["OPTIONS"] = {"pool": True}
    try:
        round_trip(shop)
    finally:
        # Django keeps it by the alias, which the next test has for another server.
        connections["default"].close_pool()  # type: ignore[attr-defined]


def test_unix_sockets(shop: Shop) -> None:
    if shop.server.sockets is None:
        pytest.skip("the server was not started by the tests")
    shop.site.databases["default"]["HOST"] = str(shop.server.sockets)
    round_trip(shop)


def test_a_service_file(shop: Shop) -> None:
    database = shop.site.databases["default"]
    password = "plain-word"
    set_password(shop, password)
    services = shop.site.folder / "services"
    services.write_text(
        f"[shop]\nhost={database.pop('HOST')}\nport={database.pop('PORT')}\n"
        f"user={database.pop('USER')}\npassword={password}\ndbname={database['NAME']}\n"
    )
    database.pop("PASSWORD")
    database["NAME"] = ""
    database["OPTIONS"] = {"service": "shop"}
    round_trip(shop, env={"PGSERVICEFILE": str(services)})


def test_a_passfile(shop: Shop) -> None:
    database = shop.site.databases["default"]
    passfile = shop.site.folder / "pass file"
    escaped = database.pop("PASSWORD").replace("\\", "\\\\").replace(":", "\\:")
    passfile.write_text(f"*:*:*:{shop.role}:{escaped}\n")
    passfile.chmod(0o600)
    database["OPTIONS"] = {"passfile": str(passfile)}
    round_trip(shop)


def test_a_role_is_assumed(shop: Shop) -> None:
    owner = f"{shop.role}_owner"
    with closing(shop.server.connect()) as admin:
        admin.execute(f"CREATE ROLE {owner}; GRANT {owner} TO {shop.role}")
        admin.execute(f"ALTER DATABASE {shop.name} OWNER TO {owner}")
    shop.site.databases["default"]["OPTIONS"] = {"assume_role": owner}
    try:
        shop.run("CREATE TABLE note (text text)")
        shop.run(f"ALTER TABLE note OWNER TO {owner}", superuser=True)
        round_trip(shop)
        assert shop.rows("SELECT tableowner FROM pg_tables WHERE tablename = 'note'") == [(owner,)]
    finally:
        with closing(shop.server.connect()) as admin:
            admin.execute(f"ALTER DATABASE {shop.name} OWNER TO {shop.role}")
        with closing(shop.server.connect(shop.name)) as admin:
            admin.execute(
                f"REASSIGN OWNED BY {owner} TO {shop.role}; DROP OWNED BY {owner}; DROP ROLE {owner}"
            )


@pytest.fixture
def encrypted(server: Server) -> Iterator[Path]:
    """Let the server speak TLS; return its certificate."""
    if server.sockets is None or shutil.which("openssl") is None:
        pytest.skip("needs a server of our own, and openssl")
    data = server.sockets / "data"
    key, certificate = data / "server.key", data / "server.crt"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "9"),
            *("-subj", "/CN=localhost", "-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    for path in (key, certificate):
        path.chmod(0o600)
        shutil.chown(path, data.owner(), data.group())
    with closing(server.connect()) as admin:
        try:
            admin.execute("ALTER SYSTEM SET ssl = on")
        except Exception as error:
            pytest.skip(f"this server cannot speak TLS: {error}")
        admin.execute("SELECT pg_reload_conf()")
    public = server.sockets / "public.crt"
    public.write_text(certificate.read_text())
    yield public
    with closing(server.connect()) as admin:
        admin.execute("ALTER SYSTEM RESET ssl")
        admin.execute("SELECT pg_reload_conf()")


def test_tls_options_are_honoured(shop: Shop, encrypted: Path) -> None:
    database = shop.site.databases["default"]
    database["HOST"] = "localhost"
    database["OPTIONS"] = {"sslmode": "verify-full", "sslrootcert": str(encrypted)}
    round_trip(shop)
    database["HOST"] = "127.0.0.1"
    done = shop.site.manage("dbbackup")
    assert done.returncode == 1
    assert "does not match host name" in done.stderr


def set_password(shop: Shop, password: str) -> None:
    with closing(shop.server.connect()) as admin:
        admin.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                sql.Identifier(shop.role), sql.Literal(password)
            )
        )
    shop.password = password


def test_no_password_stands_in_arguments(rich: Shop) -> None:
    seen = rich.site.folder / "seen"
    folder = rich.site.folder / "tools"
    folder.mkdir()
    for name in ("pg_dump", "pg_restore"):
        script = f'#!/bin/sh\necho "$0 $@" >>{seen}\nexec {rich.server.programs / name} "$@"\n'
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    rich.options["tools_folder"] = str(folder)
    round_trip(rich)
    told = seen.read_text()
    assert "--no-password" in told
    assert "pg_restore --file=-" in told
    assert "ouvre" not in told
    assert RICH not in told
