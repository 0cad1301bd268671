"""Backups and restores reach MariaDB as Django does, whatever its settings look like."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.integration.clients.mysql.shop import DIVERGED, RICH, Shop
from tests.support.servers.mysql import Server
from tests.support.site import Site

# Django wants a newer mysqlclient than the one that PyMySQL says it is.
WITH_PYMYSQL = """
import pymysql
pymysql.version_info = (2, 2, 8, "final", 0)
pymysql.install_as_MySQLdb()
"""


def round_trip(shop: Shop) -> None:
    shop.run("CREATE TABLE note (text text)", "INSERT INTO note VALUES ('one')")
    before = shop.fingerprint()
    for command in (["dbbackup"], ["dbrestore", "--noinput"]):
        done = shop.site.manage(*command)
        assert done.returncode == 0, done.stderr
        if command == ["dbbackup"]:
            shop.run("DELETE FROM note", "CREATE TABLE later (n int)")
    assert shop.fingerprint() == before


@pytest.fixture
def ascii_shop(server: Server, site: Site) -> Iterator[Shop]:
    """A shop with a password that PyMySQL can send: it encodes them in Latin-1."""
    shop = Shop(server, site, password='S e#same, "ouvre" l\'huis\\; $HOME %s')
    yield shop
    shop.close()


def test_pymysql_restores_the_same(ascii_shop: Shop) -> None:
    ascii_shop.site.extra_settings = WITH_PYMYSQL
    ascii_shop.run(*RICH)
    before = ascii_shop.fingerprint()
    done = ascii_shop.site.manage("dbbackup")
    assert done.returncode == 0, done.stderr
    ascii_shop.run(*DIVERGED)
    done = ascii_shop.site.manage("dbrestore", "--noinput")
    assert done.returncode == 0, done.stderr
    assert ascii_shop.fingerprint() == before
    assert ascii_shop.leftovers() == []


def test_pymysql_tells_a_wrong_password_without_showing_it(ascii_shop: Shop) -> None:
    ascii_shop.site.extra_settings = WITH_PYMYSQL
    ascii_shop.site.databases["default"]["PASSWORD"] = "not-that-word"
    done = ascii_shop.site.manage("dbbackup")
    assert done.returncode == 1
    assert "Access denied" in done.stderr
    assert "not-that-word" not in done.stderr
    assert "Traceback" not in done.stderr


def test_host_user_and_more_inside_options(shop: Shop) -> None:
    database = shop.site.databases["default"]
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
    round_trip(shop)


def test_unix_sockets(shop: Shop) -> None:
    if shop.server.socket is None:
        pytest.skip("the server was not started by the tests")
    shop.site.databases["default"].update(HOST=str(shop.server.socket), PORT="")
    round_trip(shop)


def test_an_option_file(shop: Shop) -> None:
    database = shop.site.databases["default"]
    file = shop.site.folder / "my own.cnf"
    file.write_text(
        f"[client]\nhost={database.pop('HOST')}\nport={database.pop('PORT')}\n"
        f"user={database.pop('USER')}\n"
    )
    database["OPTIONS"] = {"read_default_file": str(file)}
    round_trip(shop)


def test_an_option_file_that_holds_the_password(server: Server, site: Site) -> None:
    with closing(Shop(server, site, password="plain-word")) as shop:
        database = site.databases["default"]
        file = site.folder / "my.cnf"
        file.write_text(
            f"[client]\nhost={database.pop('HOST')}\nport={database.pop('PORT')}\n"
            f"user={database.pop('USER')}\npassword={database.pop('PASSWORD')}\n"
        )
        file.chmod(0o600)
        database["OPTIONS"] = {"read_default_file": str(file)}
        round_trip(shop)


def test_tls_options_are_honoured(shop: Shop) -> None:
    if shop.server.certificate is None:
        pytest.skip("needs a server of our own, and openssl")
    shop.run("CREATE TABLE note (text text)")
    shop.server.run(f"ALTER USER {shop.role}@'%' REQUIRE SSL")
    database = shop.site.databases["default"]
    done = shop.site.manage("dbbackup")
    assert done.returncode == 1
    assert "Access denied" in done.stderr
    database["OPTIONS"] = {"ssl": {"ca": str(shop.server.certificate)}}
    done = shop.site.manage("dbbackup")
    assert done.returncode == 0, done.stderr
    done = shop.site.manage("dbrestore", "--noinput")
    assert done.returncode == 0, done.stderr
