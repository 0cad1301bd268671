"""A database of PostgreSQL."""

import os
import re
import subprocess
from contextlib import closing
from typing import Any

import psycopg
from psycopg import sql

from tests.support.processes import wait_until_gone
from tests.support.servers.postgresql import PostgresqlServer

from .base import Database, unique_name

_TABLES = """
SELECT format('%I.%I', n.nspname, c.relname), c.relkind::text FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm', 'S') AND c.relispopulated AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 1
"""
_SESSION = """
SELECT set_config('search_path', current_setting('search_path') || ', public', false);
SET DateStyle = ISO; SET IntervalStyle = postgres;
SET extra_float_digits = 3; SET bytea_output = hex; SET TimeZone = 'UTC'; SET row_security = off;
"""
"""Values are shown in one way, whatever the database prefers.

Indexes may call functions that only its own search_path finds, or that are in ``public``.
"""
_HASH = "md5(coalesce(string_agg(md5(t::text), '' ORDER BY md5(t::text)), ''))"
_ROWS = re.compile(
    r"(?ms)(?P<copy>^COPY (?:\"[^\"]*\"|[^;\"])* FROM stdin;\n)(?P<rows>.*?)(?=^\\\.$)"
)
_LARGE_OBJECTS = "SELECT oid, md5(lo_get(oid)) FROM pg_largeobject_metadata ORDER BY oid"


class PostgresqlDatabase(Database):
    """A database of its own role, without any right beyond it."""

    vendor = "postgresql"
    dump_program = "pg_dump"
    restore_program = "pg_restore"

    def __init__(self, server: PostgresqlServer, *, role: str = "", name: str = "") -> None:
        super().__init__()
        self.server = server
        self.role = role or unique_name()
        self.name = name or self.role
        self.password = 'Sésame, "ouvre" l\'huis\\; $HOME %s'
        self.tools = server.programs
        self._administer(
            "CREATE ROLE {role} LOGIN PASSWORD {password}",
            "CREATE DATABASE {name} OWNER {role}",
            password=sql.Literal(self.password),
        )
        self.settings = {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": self.name,
            "USER": self.role,
            "PASSWORD": self.password,
            "HOST": server.host,
            "PORT": server.port,
        }
        self.rows_in_order = True
        """Whether the order of rows, which a table does not promise, is part of the fingerprint."""
        self.options = {"tools_folder": str(server.programs)}

    def connect(self) -> psycopg.Connection[Any]:
        return self.server.connect(self.name, user=self.role, password=self.password)

    def run(self, *statements: str, superuser: bool = False) -> None:
        connect = self.connect if not superuser else lambda: self.server.connect(self.name)
        with closing(connect()) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(self.server.connect(self.name)) as connection:
            return connection.execute(query.encode()).fetchall()

    def fingerprint(self) -> str:
        """Return pg_dump's text, and a hash of each table, sequence and large object."""
        dump = self.vendor_dump()
        lines = [dump if self.rows_in_order else _ROWS.sub(_sorted, dump)]
        with closing(self.server.connect(self.name, client_encoding="UTF8")) as connection:
            connection.execute(_SESSION)
            for table, kind in connection.execute(_TABLES).fetchall():
                columns, only = f"{_HASH}, count(*)", "ONLY " if kind == "r" else ""
                if kind == "S":
                    columns = "last_value, is_called"
                query = f"SELECT {columns} FROM {only}{table} t"
                lines.append(f"{table} {_answer(connection, query)}")
            lines += map(str, connection.execute(_LARGE_OBJECTS).fetchall())
        return "\n".join(lines)

    def schema(self) -> str:
        """Return pg_dump's text of everything but rows."""
        return self._pg_dump("--schema-only")

    def vendor_dump(self) -> str:
        """Return pg_dump's text of everything, in an order that does not depend on oids.

        Objects that pg_dump cannot tell apart by kind and name come in the order of their oids.
        """
        whole = self._pg_dump()
        # These follow from the tables that happen to come before.
        whole = re.sub(r"(?m)^SET default_(tablespace|table_access_method) = .*;\n", "", whole)
        return "\n--\n-- ".join(sorted(whole.split("\n--\n-- ")))

    def _pg_dump(self, *options: str) -> str:
        environment = {**os.environ, "PGPASSWORD": self.server.password, "PGDATABASE": self.name}
        environment["PGCLIENTENCODING"] = "UTF8"  # a database may prefer another
        done = subprocess.run(
            [
                *(self.server.programs / "pg_dump", f"--host={self.server.host}"),
                *(f"--port={self.server.port}", f"--username={self.server.user}", *options),
            ],
            env=environment,
            check=True,
            capture_output=True,
        )
        text = done.stdout.decode("utf-8", "surrogateescape")
        return re.sub(r"(?m)^\\(un)?restrict .*$", "", text)

    def databases(self) -> list[str]:
        """Return the live database and those with longer names."""
        stem = f"{self.name}_" if len(self.name) < 40 else self.name[:40]
        names = [n for (n,) in self.server.rows("SELECT datname FROM pg_database ORDER BY 1")]
        return [name for name in names if name == self.name or name.startswith(stem)]

    def leftovers(self) -> list[str]:
        return [name for name in self.databases() if name != self.name]

    def wait_until_idle(self) -> None:
        sessions = f"SELECT * FROM pg_stat_activity WHERE usename = '{self.role}'"
        wait_until_gone(lambda: self.server.rows(sessions))

    def close(self) -> None:
        for name in self.databases():
            self._administer("DROP DATABASE {database} WITH (FORCE)", database=sql.Identifier(name))
        self._administer("DROP ROLE {role}")

    def _administer(self, *statements: str, **parts: sql.Composable) -> None:
        parts |= {"role": sql.Identifier(self.role), "name": sql.Identifier(self.name)}
        with closing(self.server.connect()) as admin:
            for statement in statements:
                admin.execute(sql.SQL(statement).format(**parts))


def _sorted(found: re.Match[str]) -> str:
    return found["copy"] + "".join(sorted(re.findall(r".*\n", found["rows"])))


def _answer(connection: psycopg.Connection[Any], query: str) -> str:
    """Return what a query finds, or the error: rows may show what calls a function that is gone."""
    try:
        return str(connection.execute(query.encode()).fetchall())
    except psycopg.Error as error:
        return str(error.sqlstate)
