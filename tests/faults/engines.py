"""The databases of the cells: tiny, quick to make, and known to the last row."""

import secrets
import shutil
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar

from tests.faults.noise import noise
from tests.support.servers import mysql, postgresql
from tests.support.site import Site


class Engine(ABC):
    """One database of one cell."""

    name: ClassVar[str]
    dump: ClassVar[tuple[str, ...]] = ()
    """The program that dumps, by its names."""
    load: ClassVar[tuple[str, ...]] = ()
    """The program that a restore runs."""
    tools: Path = Path()

    def __init__(self, site: Site) -> None:
        self.site = site
        self.password = secrets.token_hex(8)
        self.create()
        self.run(
            "CREATE TABLE entry (id integer PRIMARY KEY, title varchar(99) NOT NULL)",
            f"CREATE TABLE bulk (id integer PRIMARY KEY, body {self.text} NOT NULL)",
            *(f"INSERT INTO entry VALUES ({number}, 'entry {number}')" for number in range(20)),
            f"INSERT INTO bulk VALUES (1, '{noise(150_000).hex()}')",
        )

    @abstractmethod
    def create(self) -> None:
        """Create the database, and make it the default one of the site."""

    @abstractmethod
    def connect(self) -> Any:
        """Return a connection of the driver that commits by itself."""

    def run(self, *statements: str) -> None:
        with closing(self.connect()) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)

    def diverge(self) -> None:
        """Change, delete and add."""
        self.run(
            "UPDATE entry SET title = 'changed' WHERE id < 5",
            "DELETE FROM entry WHERE id > 15",
            "INSERT INTO entry VALUES (99, 'new')",
            "CREATE TABLE later (id integer PRIMARY KEY)",
        )

    def fingerprint(self) -> str:
        """Return every row of every table."""
        with closing(self.connect()) as connection:
            cursor = connection.cursor()
            cursor.execute(self.tables)
            found = {}
            for (table,) in cursor.fetchall():
                cursor.execute(f"SELECT * FROM {table} ORDER BY 1")
                found[table] = cursor.fetchall()
            return repr(sorted(found.items()))

    tables: ClassVar[str]
    text: ClassVar[str] = "text"

    def leftovers(self) -> list[str]:
        """Return what a run left beside the database."""
        return []

    def close(self) -> None:  # noqa: B027 - files go with their folder
        """Remove it."""

    @contextmanager
    def replaced(
        self, names: tuple[str, ...], body: str | None, *, version: str = ""
    ) -> Iterator[None]:
        """Let a script stand in for a program; ``$REAL`` is the real one. ``None``: there is none.

        ``version`` is what it says when it is asked for its own, if not the truth.
        """
        folder = self.site.folder / "tools"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for path in {*(self.tools / n for n in (*self.dump, *self.load))}:
            script = folder / path.name
            if path.name not in names:
                script.symlink_to(path)
            elif body is not None:
                lie = f'case "$*" in *--version*) echo "{version}"; exit;; esac\n'
                asked = f'case "$*" in *--version*|*--help*) exec {path} "$@";; esac\n'
                asked = (lie if version else "") + asked
                script.write_text(f"#!/bin/sh\nREAL={path}\n{asked}{body}\n")
                script.chmod(0o755)
        options = self.site.rclone["CLIENTS"]["default"]["OPTIONS"]
        before = options["tools_folder"]
        options["tools_folder"] = str(folder)
        try:
            yield
        finally:
            options["tools_folder"] = before


class Sqlite(Engine):
    name = "sqlite"
    tables = "SELECT name FROM sqlite_master WHERE type = 'table'"

    def create(self) -> None:
        self.folder = self.site.folder / "live"
        self.folder.mkdir()
        self.path = self.folder / "db.sqlite3"
        self.site.databases["default"] = {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(self.path),
        }

    def connect(self) -> Any:
        return sqlite3.connect(self.path, isolation_level=None)

    def leftovers(self) -> list[str]:
        return [path.name for path in self.folder.iterdir() if path != self.path]


class Postgresql(Engine):
    name = "postgresql"
    tables = (
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    dump = ("pg_dump",)
    load = ("pg_restore",)
    server: ClassVar[postgresql.Server]

    def create(self) -> None:
        self.database = f"cell_{secrets.token_hex(6)}"
        self.tools = self.server.programs
        with closing(self.server.connect()) as admin:
            admin.execute(f"CREATE ROLE {self.database} LOGIN PASSWORD '{self.password}'")
            admin.execute(f"CREATE DATABASE {self.database} OWNER {self.database} STRATEGY wal_log")
        self.site.databases["default"] = {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": self.database,
            "USER": self.database,
            "PASSWORD": self.password,
            "HOST": self.server.host,
            "PORT": str(self.server.port),
        }
        options = {"tools_folder": str(self.tools), "lock_timeout": 3}
        self.site.rclone["CLIENTS"] = {"default": {"OPTIONS": options}}

    def connect(self) -> Any:
        return self.server.connect(self.database, user=self.database, password=self.password)

    def leftovers(self) -> list[str]:
        with closing(self.server.connect()) as admin:
            rows = admin.execute("SELECT datname FROM pg_database").fetchall()
        return [n for (n,) in rows if n.startswith(self.database) and n != self.database]

    def close(self) -> None:
        with closing(self.server.connect()) as admin:
            admin.execute(f"DROP DATABASE {self.database} WITH (FORCE)")
            admin.execute(f"DROP ROLE {self.database}")


class Mariadb(Engine):
    name = "mariadb"
    tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = database()"
    text = "longtext"
    dump = ("mariadb-dump",)
    load = ("mariadb",)
    server: ClassVar[mysql.Server]

    def create(self) -> None:
        self.database = f"cell_{secrets.token_hex(6)}"
        self.tools = Path("/usr/bin")
        self.server.run(
            f"CREATE DATABASE {self.database}",
            f"CREATE USER {self.database}@'%' IDENTIFIED BY '{self.password}'",
            f"GRANT ALL ON `{self.database.replace('_', chr(92) + '_')}%`.* TO {self.database}@'%'",
        )
        self.site.databases["default"] = {
            "ENGINE": "django.db.backends.mysql",
            "NAME": self.database,
            "USER": self.database,
            "PASSWORD": self.password,
            "HOST": self.server.host,
            "PORT": str(self.server.port),
        }
        options = {"tools_folder": str(self.tools), "lock_timeout": 3}
        self.site.rclone["CLIENTS"] = {"default": {"OPTIONS": options}}

    def connect(self) -> Any:
        return self.server.connect(self.database, user=self.database, password=self.password)

    def leftovers(self) -> list[str]:
        found = [name for (name,) in self.server.rows("SHOW DATABASES")]
        return [n for n in found if n.startswith(self.database) and n != self.database]

    def close(self) -> None:
        for name in (self.database, *self.leftovers()):
            self.server.run(f"DROP DATABASE {name}")
        self.server.run(f"DROP USER {self.database}@'%'")


ENGINES: dict[str, type[Engine]] = {engine.name: engine for engine in (Sqlite, Postgresql, Mariadb)}
