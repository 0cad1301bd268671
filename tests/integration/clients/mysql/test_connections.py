"""Backups and restores reach MariaDB as Django does, whatever its settings look like."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from django.core.management.base import CommandError

from tests.support.databases import MysqlDatabase
from tests.support.databases.mysql import quote
from tests.support.servers.mysql import MysqlServer
from tests.support.site import DjangoSite

# Django wants a newer mysqlclient than the one that PyMySQL says it is.
WITH_PYMYSQL = """
import pymysql
pymysql.version_info = (2, 2, 8, "final", 0)
pymysql.install_as_MySQLdb()
"""


def round_trip(site: DjangoSite) -> None:
    site.database.run("CREATE TABLE note (text text)", "INSERT INTO note VALUES ('one')")
    before = site.database.fingerprint()
    for command in (["dbbackup"], ["dbrestore", "--noinput"]):
        done = site.manage(*command)
        assert done.returncode == 0, done.stderr
        if command == ["dbbackup"]:
            site.database.run("DELETE FROM note", "CREATE TABLE later (n int)")
    assert site.database.fingerprint() == before


@pytest.fixture
def ascii_site(server: MysqlServer, site: DjangoSite) -> Iterator[DjangoSite]:
    """A site with a password that PyMySQL can send: it encodes them in Latin-1."""
    password = 'S e#same, "ouvre" l\'huis\\; $HOME %s'
    with closing(MysqlDatabase(server, password=password)) as database:
        site.use(database)
        yield site


@pytest.mark.thorough
def test_pymysql_restores_the_same(ascii_site: DjangoSite) -> None:
    ascii_site.extra_settings = WITH_PYMYSQL
    ascii_site.database.add_sample()
    before = ascii_site.database.fingerprint()
    done = ascii_site.manage("dbbackup")
    assert done.returncode == 0, done.stderr
    ascii_site.database.mutate()
    done = ascii_site.manage("dbrestore", "--noinput")
    assert done.returncode == 0, done.stderr
    assert ascii_site.database.fingerprint() == before
    assert ascii_site.database.leftovers() == []


def test_pymysql_reports_a_wrong_password_without_showing_it(ascii_site: DjangoSite) -> None:
    ascii_site.extra_settings = WITH_PYMYSQL
    ascii_site.databases["default"]["PASSWORD"] = "not-that-word"
    done = ascii_site.manage("dbbackup")
    assert done.returncode == 1
    assert "Access denied" in done.stderr
    assert "not-that-word" not in done.stderr
    assert "Traceback" not in done.stderr


def test_host_user_and_more_inside_options(site: DjangoSite) -> None:
    database = site.databases["default"]
    database["OPTIONS"] = {
        "host": database.pop("HOST"),
        "user": database.pop("USER"),
        "port": database.pop("PORT"),
        "password": database.pop("PASSWORD"),
        "connect_timeout": 7,
        "charset": "utf8mb4",
        "init_command": "SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'",
        "isolation_level": "repeatable read",
    }
    round_trip(site)


def test_unix_sockets(site: DjangoSite) -> None:
    if site.database.server.socket is None:
        pytest.skip("the server was not started by the tests")
    site.databases["default"].update(HOST=str(site.database.server.socket), PORT="")
    round_trip(site)


def test_an_option_file(site: DjangoSite) -> None:
    database = site.databases["default"]
    file = site.folder / "my own.cnf"
    file.write_text(
        f"[client]\nhost={database.pop('HOST')}\nport={database.pop('PORT')}\n"
        f"user={database.pop('USER')}\n"
    )
    database["OPTIONS"] = {"read_default_file": str(file)}
    round_trip(site)


@pytest.mark.thorough
@pytest.mark.parametrize("option", ["where = '1 = 0'", "no-data", "skip-comments", "compact"])
def test_options_of_the_dump_program_in_an_option_file_leave_nothing_out(
    site: DjangoSite, option: str
) -> None:
    site.database.run("CREATE TABLE t (id int)", "INSERT INTO t VALUES (1), (2)")
    before = site.database.fingerprint()
    included = site.folder / "included.cnf"
    included.write_text(f"[mysqldump]\n{option}\n")
    file = site.folder / "my.cnf"
    file.write_text(f"[client]\n!include {included}\n[mariadb-dump]\n{option}\n")
    site.databases["default"]["OPTIONS"] = {"read_default_file": str(file)}
    site.back_up()
    site.database.run("DELETE FROM t")
    site.restore()
    assert site.database.fingerprint() == before


def test_an_option_file_that_holds_the_password(server: MysqlServer, site: DjangoSite) -> None:
    with closing(MysqlDatabase(server, password="plain-word")) as owned:
        site.use(owned)
        database = site.databases["default"]
        file = site.folder / "my.cnf"
        file.write_text(
            f"[client]\nhost={database.pop('HOST')}\nport={database.pop('PORT')}\n"
            f"user={database.pop('USER')}\npassword={database.pop('PASSWORD')}\n"
        )
        file.chmod(0o600)
        database["OPTIONS"] = {"read_default_file": str(file)}
        round_trip(site)


def test_tls_options_are_honoured(site: DjangoSite) -> None:
    if site.database.server.certificate is None:
        pytest.skip("needs a server of our own, and openssl")
    site.database.run("CREATE TABLE note (text text)")
    site.database.server.run(f"ALTER USER {site.database.role}@'%' REQUIRE SSL")
    database = site.databases["default"]
    done = site.manage("dbbackup")
    assert done.returncode == 1
    assert "Access denied" in done.stderr
    database["OPTIONS"] = {"ssl": {"ca": str(site.database.server.certificate)}}
    done = site.manage("dbbackup")
    assert done.returncode == 0, done.stderr
    done = site.manage("dbrestore", "--noinput")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("may_have_scratch", [True, False], ids=["scratch", "in_place"])
@pytest.mark.parametrize("preference", ["autocommit", "tx_read_only"])
def test_what_the_server_sets_for_every_session_loses_nothing(
    server: MysqlServer, site: DjangoSite, preference: str, may_have_scratch: bool
) -> None:
    with closing(MysqlDatabase(server, may_have_scratch=may_have_scratch)) as database:
        site.use(database)
        database.run(
            "CREATE TABLE note (n int) WITH SYSTEM VERSIONING",
            "INSERT INTO note VALUES (1), (2)",
            "DELETE FROM note WHERE n = 1",
            "CREATE SEQUENCE s",
        )
        before = database.fingerprint()
        mine = f"current_user() LIKE '{database.role}@%'"
        wanted = f"NOT ({mine})" if preference == "autocommit" else mine
        server.run(f'SET GLOBAL init_connect = "SET SESSION {preference} = {wanted}"')
        try:
            site.back_up()
            server.run(f"CREATE TABLE {quote(database.name)}.later (n int)")
            site.restore()
        finally:
            server.run("SET GLOBAL init_connect = ''")
        assert database.fingerprint() == before


@pytest.mark.parametrize(
    ("preference", "value", "reason"),
    [
        # As the option --safe-updates of the vendor's client has it.
        ("sql_select_limit", 1_000, "1,000 rows"),
        pytest.param("sql_quote_show_create", 0, "hold the tables", marks=pytest.mark.thorough),
    ],
)
def test_what_the_server_sets_for_every_session_leaves_nothing_out(
    server: MysqlServer, site: DjangoSite, preference: str, value: int, reason: str
) -> None:
    site.database.add_sample()
    site.database.run("CREATE TABLE t (n int)", "INSERT INTO t SELECT seq FROM seq_1_to_1500")
    mine = f"current_user() LIKE '{site.database.role}@%'"
    setting = f"{preference} = IF({mine}, {value}, @@{preference})"
    server.run(f'SET GLOBAL init_connect = "SET SESSION {setting}"')
    try:
        with pytest.raises(CommandError, match=rf"{reason}.*\n.*{preference}"):
            site.back_up()
    finally:
        server.run("SET GLOBAL init_connect = ''")
    assert site.stored() == []
