"""The engines: a server of each, empty databases in it, rows, and sums of what they hold."""

import os
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from tests.benchmarks import data
from tests.benchmarks.circumstances import postgresql_programs
from tests.support.databases import Database, MysqlDatabase, PostgresqlDatabase, SqliteDatabase
from tests.support.databases.mysql import quote
from tests.support.servers.base import Server, missing
from tests.support.servers.mysql import MysqlServer
from tests.support.servers.postgresql import PostgresqlServer

_PASSWORD = "the-password-of-the-benchmark"
_TABLES_OF_POSTGRESQL = """
SELECT c.relname, format('%I.%I', n.nspname, c.relname) FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
"""


class Engine(ABC):
    """A running engine. ``pids`` are the processes of its server, ``path`` its programs."""

    name: ClassVar[str]
    timestamp: ClassVar[str]
    blob: ClassVar[str]
    pids: tuple[int, ...] = ()
    path: str = ""

    @abstractmethod
    def create(self, name: str) -> Any:
        """Return a new, empty database of a role of its own."""

    def drop(self, database: Database) -> None:
        """Remove a database."""
        database.close()

    def fill(self, database: Database, megabytes: float) -> None:
        """Make the tables of the shop, and their rows."""
        database.run(*data.schema(self.timestamp, self.blob))
        with closing(database.connect()) as connection:
            for table in data.TABLES:
                self._insert(connection, table, data.rows(table, megabytes))
        database.run(*data.indexes())

    @abstractmethod
    def _insert(self, connection: Any, table: data.Table, rows: Iterator[data.Row]) -> None: ...

    @abstractmethod
    def schema(self, database: Any) -> str:
        """Return a text of everything but rows."""

    @abstractmethod
    def sums(self, database: Any) -> dict[str, str]:
        """Return a sum of the rows of each table, whatever their order is."""

    def environ(self, database: Database) -> dict[str, str]:
        """Return what the engine's programs read to find the database."""
        return {}


class Sqlite(Engine):
    name, timestamp, blob = "sqlite", "datetime", "blob"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self, name: str) -> SqliteDatabase:
        own = self._folder / name
        own.mkdir(parents=True, exist_ok=True)
        return SqliteDatabase(own / "db.sqlite3")

    def drop(self, database: Database) -> None:
        for path in Path(database.settings["NAME"]).parent.iterdir():
            path.unlink()

    def _insert(self, connection: Any, table: data.Table, rows: Iterator[data.Row]) -> None:
        plain = ([_plain(value) for value in row] for row in rows)
        connection.execute("BEGIN")
        connection.executemany(f"INSERT INTO {table.name} VALUES ({_places(table, '?')})", plain)
        connection.execute("COMMIT")

    def schema(self, database: SqliteDatabase) -> str:
        return str(database.rows("SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2"))

    def sums(self, database: SqliteDatabase) -> dict[str, str]:
        tables = database.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
        with closing(database.connect()) as connection:
            return {name: _sum(connection.execute(f'SELECT * FROM "{name}"')) for (name,) in tables}

    def environ(self, database: Database) -> dict[str, str]:
        return {"DB": str(database.settings["NAME"])}


class Postgresql(Engine):
    name, timestamp, blob = "postgresql", "timestamp", "bytea"

    def __init__(self, server: PostgresqlServer) -> None:
        self._server = server
        self.pids = _processes(server)
        self.path = str(server.programs)

    def create(self, name: str) -> PostgresqlDatabase:
        database = PostgresqlDatabase(self._server, role=name)
        self._server.run(f"ALTER ROLE {name} CREATEDB")
        return database

    def _insert(self, connection: Any, table: data.Table, rows: Iterator[data.Row]) -> None:
        with connection.cursor().copy(f"COPY {table.name} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    def schema(self, database: PostgresqlDatabase) -> str:
        return database.schema()

    def sums(self, database: PostgresqlDatabase) -> dict[str, str]:
        columns = "count(*), sum(hashtextextended(t::text, 0)::numeric)"
        with closing(self._server.connect(database.name)) as connection:
            return {
                name: str(connection.execute(f"SELECT {columns} FROM {quoted} t").fetchall())
                for name, quoted in connection.execute(_TABLES_OF_POSTGRESQL).fetchall()
            }

    def environ(self, database: Database) -> dict[str, str]:
        names = {"PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER", "PGPASSWORD": "PASSWORD"}
        found = {key: str(database.settings[name]) for key, name in names.items()}
        return {**found, "PGDATABASE": database.settings["NAME"]}


class Mariadb(Engine):
    name, timestamp, blob = "mariadb", "datetime(6)", "longblob"

    def __init__(self, server: MysqlServer) -> None:
        self._server = server
        self.pids = _processes(server)

    def create(self, name: str) -> MysqlDatabase:
        return MysqlDatabase(self._server, role=name, name=name, password=_PASSWORD)

    def _insert(self, connection: Any, table: data.Table, rows: Iterator[data.Row]) -> None:
        statement = f"INSERT INTO {table.name} VALUES ({_places(table, '%s')})"
        with connection.cursor() as cursor:
            while some := list(islice(rows, 1_000)):
                cursor.executemany(statement, some)

    def schema(self, database: MysqlDatabase) -> str:
        return database.schema()

    def sums(self, database: MysqlDatabase) -> dict[str, str]:
        tables = [name for (name,) in database.rows("SHOW TABLES")]
        with closing(self._server.connect(database.name)) as connection:
            cursor = connection.cursor()
            found = {}
            for name in tables:
                cursor.execute(f"CHECKSUM TABLE {quote(str(name))}")
                found[str(name)] = str(cursor.fetchall()[0][1])
            return found

    def environ(self, database: Database) -> dict[str, str]:
        settings = database.settings
        return {
            "MYSQL_HOST": settings["HOST"],
            "MYSQL_TCP_PORT": str(settings["PORT"]),
            "MYSQL_USER": settings["USER"],
            "MYSQL_PWD": settings["PASSWORD"],
            "MYSQL_DATABASE": settings["NAME"],
        }


class _RoomyPostgresql(PostgresqlServer):
    """With memory as on a server, and room for the locks of thousands of tables."""

    @classmethod
    def _prepare(cls, *arguments: Any) -> Any:
        server, command = super()._prepare(*arguments)
        return server, [
            *command,
            "-c",
            "shared_buffers=256MB",
            "-c",
            "max_locks_per_transaction=4096",
        ]


class _RoomyMariadb(MysqlServer):
    """With memory as on a server."""

    @classmethod
    def _prepare(cls, *arguments: Any) -> Any:
        server, command = super()._prepare(*arguments)
        larger = ("--innodb-buffer-pool-size=256M", "--innodb-log-file-size=256M")
        return server, [*command, *larger]


@contextmanager
def running(name: str, folder: Path) -> Iterator[Engine]:
    """Start an engine, the newest at hand. Raises pytest's ``Skipped`` if there is none."""
    if name == "sqlite":
        yield Sqlite(folder)
    elif name == "postgresql":
        version, _ = postgresql_programs() or missing("PostgreSQL")
        with _RoomyPostgresql.started(version) as postgresql:
            yield Postgresql(postgresql)
    else:
        with _RoomyMariadb.running() as mariadb:
            yield Mariadb(mariadb)


def _processes(server: Server) -> tuple[int, ...]:
    """Return the processes that a server was started as."""
    wanted = os.fsencode(server.folder or "no folder")
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
        except OSError:
            continue
        if wanted in line and b"supervisor.py" not in line:
            found.append(int(path.parent.name))
    return tuple(found)


def _places(table: data.Table, place: str) -> str:
    return ", ".join([place] * table.width)


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, int | str | bytes) else str(value)


def _sum(rows: Iterable[Any]) -> str:
    count = total = 0
    for row in rows:
        count, total = count + 1, total + zlib.crc32(repr(row).encode())
    return f"{count} {total}"
