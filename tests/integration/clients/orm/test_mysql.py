"""MariaDB, where the checks of foreign keys are switched off, and sessions see later commits."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.clients.orm.hall import Hall, opened
from tests.support.servers.mysql import URL, Server, existing, server_program, started
from tests.support.site import Site

pytest.importorskip("MySQLdb")


@pytest.fixture(scope="module")
def mariadb() -> Iterator[Server]:
    """A server for this module."""
    program = server_program()
    if URL:
        with existing(URL) as server:
            yield server
    elif program:
        with started(program) as server:
            yield server
    elif os.environ.get("CI"):
        pytest.fail("there is no MariaDB server: see tests/install_mariadb.py")
    else:
        pytest.skip("there is no MariaDB server")


@pytest.fixture
def hall(mariadb: Server, site: Site) -> Iterator[Hall]:
    """A gallery on MariaDB."""
    name = f"gallery_{os.getpid()}"
    mariadb.run(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    database: dict[str, Any] = {
        "ENGINE": "django.db.backends.mysql",
        "NAME": name,
        "USER": mariadb.user,
        "PASSWORD": mariadb.password,
        "HOST": mariadb.host,
        "PORT": mariadb.port,
    }
    with opened(site, database) as hall:
        yield hall
    mariadb.run(f"DROP DATABASE {name}")


def test_every_row_is_as_it_was(hall: Hall) -> None:
    before = hall.fingerprint()
    dump = hall.dump()
    hall.diverge()
    assert hall.fingerprint() != before
    hall.restore(dump)
    assert hall.fingerprint() == before


def test_what_is_written_meanwhile_is_not_in_the_dump(hall: Hall) -> None:
    whole = hall.dump()
    with hall.client() as client, client.dump(stall_timeout=None) as source:
        begun = source.read(100)
        other = hall.connection.copy()
        other.cursor().execute("UPDATE legacy SET title = 'meanwhile'")
        other.close()
        rest = b"".join(iter(lambda: source.read(10_000), b""))
        source.finish()
    assert begun + rest == whole
    assert b"meanwhile" in hall.dump()
