"""Generated databases come back exactly, into whatever the live database has become."""

import os
import re
import subprocess
from contextlib import closing, suppress
from copy import copy
from functools import partial
from pathlib import Path

import psycopg
import pytest

from tests.support.databases import PostgresqlDatabase
from tests.support.generated import Example, postgresql_examples
from tests.support.generated.base import Statement
from tests.support.generated.campaign import batches, round_trip, run_batch
from tests.support.generated.postgresql import READER, quote
from tests.support.servers.postgresql import PostgresqlServer
from tests.support.site import DjangoSite

_SESSION = """
SET standard_conforming_strings = on; SET search_path = public; SET check_function_bodies = off;
SET client_encoding = 'UTF8'; SET backslash_quote = safe_encoding; SET array_nulls = on;
SET DateStyle = ISO; SET IntervalStyle = postgres; SET xmloption = content; SET row_security = off;
SET client_min_messages = error; SET default_transaction_read_only = off; SET bytea_output = hex;
"""
_NAME = r'"(?:[^"]|"")*"'
_COLUMN = re.compile(rf"{_NAME}|[^\s,]+")
_ROWS = re.compile(
    rf"(?ms)^COPY (?P<table>(?:{_NAME}|[^\s\"])+) \((?P<columns>(?:{_NAME}|[^\")])*)\) FROM stdin;\n"
    r"(?P<rows>.*?)^\\\.$"
)
_TABLE_HASH = re.compile(r"(?m)^.* \[\('[0-9a-f]{32}', \d+\)\]$")
_NO_SEARCH_PATH = b"SELECT pg_catalog.set_config('search_path', '', false);\n"


@pytest.fixture
def reader(server: PostgresqlServer) -> None:
    """A role that gets grants."""
    with suppress(psycopg.errors.DuplicateObject):
        server.run(f"CREATE ROLE {quote(READER)}")


@batches()
@pytest.mark.parametrize(
    "mode", ["in_place", "swap", pytest.param("parallel", marks=pytest.mark.thorough)]
)
@pytest.mark.usefixtures("reader")
@pytest.mark.timeout(3600)
def test_generated_database_comes_back(
    site: DjangoSite,
    server: PostgresqlServer,
    request: pytest.FixtureRequest,
    mode: str,
    first: int,
    count: int,
) -> None:
    if mode == "parallel":
        request.getfixturevalue("everything_in_parallel")

    def check(example: Example) -> None:
        with closing(PostgresqlDatabase(server)) as database:
            database.options["restore_mode"] = "in_place" if mode == "in_place" else "swap"
            database.rows_in_order = mode != "parallel"
            site.use(database)
            _prepare(database, example)
            refused = _run(database, example.made)
            assert len(refused) <= 5 + len(example.made) // 2, refused
            round_trip(
                site,
                database,
                change=lambda: _run(database, example.changed),
                empty=lambda: _make_anew(database, example),
                by_vendor=lambda dump: _restored_by_vendor(database, example, dump, site.folder),
                atomic=True,
                loosely=partial(_in_any_order, rows_too=mode == "parallel"),
            )

    extensions = {name for (name,) in server.rows("SELECT name FROM pg_available_extensions")}
    [(built,)] = server.rows("SELECT setting FROM pg_config WHERE name = 'CONFIGURE'")
    strategy = postgresql_examples(
        major=server.major, extensions=extensions, xml="--with-libxml" in built
    )
    run_batch(first, count, strategy, check)


def _prepare(database: PostgresqlDatabase, example: Example) -> None:
    rights = "SUPERUSER" if example.traits["superuser"] else "CREATEDB"
    database.run(
        f"ALTER ROLE {database.role} {rights}",
        f"GRANT {quote(READER)} TO {database.role}",
        superuser=True,
    )
    _set(database, example)


def _set(database: PostgresqlDatabase, example: Example, *, only: str = "") -> None:
    """Make the settings that the role may make, or ``only`` those that begin so."""
    role, password = database.role, database.password
    with closing(database.server.connect(user=role, password=password)) as connection:
        chosen = [one for one in example.traits["settings"] if one.startswith(only)]
        for setting in chosen:
            with suppress(psycopg.Error):
                connection.execute(f"ALTER DATABASE {database.name} SET {setting}".encode())


def _make_anew(database: PostgresqlDatabase, example: Example) -> None:
    database.server.run(
        f"DROP DATABASE {database.name} WITH (FORCE)",
        f"CREATE DATABASE {database.name} OWNER {database.role}",
    )
    _set(database, example)


def _restored_by_vendor(
    database: PostgresqlDatabase, example: Example, dump: Path | None, folder: Path
) -> str:
    """Return the fingerprint of what pg_restore and psql make of a dump; nothing if they fail.

    The search path of the database is kept: what a dump says of it is left out.
    """
    server, name = database.server, f"{database.name}_by_vendor"
    # What belongs to an extension is owned by whoever creates it.
    user, password = (
        (database.role, database.password)
        if example.traits["superuser"]
        else (server.user, server.password)
    )
    environment = {**os.environ, "PGPASSWORD": password, "PGCLIENTENCODING": "UTF8"}
    if server.major >= 17:
        # pg_dump refreshes materialized views after it has made the event triggers that note it.
        environment["PGOPTIONS"] = "-c event_triggers=off"
    place = (f"--host={server.host}", f"--port={server.port}", f"--username={user}")

    def run(program: str, *arguments: object) -> bool:
        command = [str(server.programs / program), *place, *map(str, arguments)]
        return not subprocess.run(command, env=environment, capture_output=True).returncode

    if dump is None:
        dump = folder / "by_vendor.dump"
        if not run("pg_dump", "--format=custom", f"--file={dump}", database.name):
            return ""
    script = folder / "by_vendor.sql"
    if not run("pg_restore", f"--file={script}", dump):
        return ""
    script.write_bytes(script.read_bytes().replace(_NO_SEARCH_PATH, b""))
    server.run(f"CREATE DATABASE {name} OWNER {database.role}")
    try:
        restored = copy(database)
        restored.name = name
        _set(restored, example, only="search_path")
        quiet = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1")
        if not run("psql", *quiet, f"--dbname={name}", f"--file={script}"):
            return ""
        _set(restored, example)
        return restored.fingerprint()
    finally:
        server.run(f"DROP DATABASE {name} WITH (FORCE)")


def _in_any_order(fingerprint: str, *, rows_too: bool) -> str:
    """Return a fingerprint whose rows have their columns by name, without the hashes of tables.

    Inherited columns come in another order from a dump. Where they are not inherited, the
    statement that creates the table, which is part of the fingerprint, shows their order.
    With ``rows_too`` the rows are put in order again.
    """

    def sorted_block(match: re.Match[str]) -> str:
        columns = _COLUMN.findall(match["columns"])
        places = sorted(range(len(columns)), key=columns.__getitem__)
        rows = [line.split("\t") for line in match["rows"].split("\n")[:-1]]
        ordered = ["\t".join(row[place] for place in places) for row in rows]
        ordered = sorted(ordered) if rows_too else ordered
        return "\n".join([match["table"], *sorted(columns), *ordered])

    return _ROWS.sub(sorted_block, _TABLE_HASH.sub("", fingerprint))


def _run(database: PostgresqlDatabase, statements: list[Statement]) -> list[str]:
    """Run statements, and return those that the server refused."""
    refused = []
    with closing(database.connect()) as connection:
        connection.execute(_SESSION)
        for statement in statements:
            try:
                connection.execute(statement.text.encode())
            except psycopg.Error as error:
                refused.append(f"{error}: {statement.text}")
    return refused
