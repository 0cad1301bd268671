"""Generated schemas come back exactly, into whatever the live schema has become."""

import os
import subprocess
from contextlib import closing

import pymysql
import pytest

from tests.support.databases import MysqlDatabase
from tests.support.databases.mysql import quote
from tests.support.generated import Example, mysql_examples
from tests.support.generated.base import Statement
from tests.support.generated.campaign import batches, round_trip, run_batch
from tests.support.generated.mysql import OTHER, SCHEMA
from tests.support.servers.mysql import MysqlServer
from tests.support.site import DjangoSite


@pytest.fixture
def other(server: MysqlServer) -> None:
    """A user that is a definer."""
    name = OTHER.replace("\\", "\\\\").replace("'", "''")
    server.run(f"CREATE USER IF NOT EXISTS '{name}'@'%'", f"GRANT ALL ON *.* TO '{name}'@'%'")


@batches()
@pytest.mark.parametrize("mode", ["scratch", "in_place"])
@pytest.mark.usefixtures("other")
@pytest.mark.timeout(3600)
def test_generated_schema_comes_back(
    site: DjangoSite, server: MysqlServer, mode: str, first: int, count: int
) -> None:
    def check(example: Example) -> None:
        with closing(MysqlDatabase(server, may_have_scratch=mode == "scratch")) as database:
            site.use(database)
            name, collation = quote(database.name), example.traits["collation"]
            if example.traits["sets_user"]:
                server.run(
                    f"GRANT SET USER ON *.* TO {database.role}@'%'",
                    f"GRANT SELECT ON mysql.proc TO {database.role}@'%'",
                )
            server.run(f"ALTER DATABASE {name} COLLATE {collation}")
            refused = _run(database, example.made)
            assert len(refused) <= 5 + len(example.made) // 2, refused
            round_trip(
                site,
                database,
                change=lambda: _run(database, example.changed),
                empty=lambda: server.run(
                    f"DROP DATABASE {name}", f"CREATE DATABASE {name} COLLATE {collation}"
                ),
                by_vendor=lambda _: _restored_by_vendor(database),
                atomic=mode == "scratch",
            )

    run_batch(first, count, mysql_examples(), check)


def _restored_by_vendor(database: MysqlDatabase) -> str:
    """Return whether the vendor's own programs can restore their own dump of the schema."""
    server, name = database.server, f"{database.name}_vendor"
    place = (f"--host={server.host}", f"--port={server.port}", f"--user={server.user}")
    common = ("--no-defaults", *place, "--default-character-set=utf8mb4", "--max-allowed-packet=1G")
    objects = ("--routines", "--triggers", "--events", "--hex-blob", "--dump-history")
    environment = {**os.environ, "MYSQL_PWD": server.password}
    server.run(f"CREATE DATABASE {quote(name)}")
    try:
        dumped = subprocess.run(
            ["mariadb-dump", *common, *objects, "--", database.name],
            env=environment,
            check=True,
            capture_output=True,
            timeout=60,  # it never ends when an event holds ";;"
        )
        load = ["mariadb", *common, f"--database={name}"]
        subprocess.run(load, env=environment, check=True, capture_output=True, input=dumped.stdout)
    except subprocess.SubprocessError:
        return ""
    finally:
        server.run(f"DROP DATABASE {quote(name)}")
    return "restored"


def _run(database: MysqlDatabase, statements: list[Statement]) -> list[str]:
    """Run statements, and return those that the server refused."""
    refused = []
    with closing(database.connect()) as connection:
        connection.query("SET SESSION sql_mode = ''")
        for statement in statements:
            text = statement.text.replace(SCHEMA, quote(database.name))
            try:
                connection.query(text.encode(statement.charset))
            except (pymysql.Error, UnicodeEncodeError) as error:
                refused.append(f"{error}: {statement.text}")
    return refused
