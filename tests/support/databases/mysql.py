"""A schema of MariaDB."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.support.processes import wait_until_gone
from tests.support.servers.mysql import MysqlServer

from .base import Database, unique_name

_TABLES = """
SELECT table_name FROM information_schema.tables
WHERE table_schema = DATABASE() AND table_type IN ('BASE TABLE', 'SEQUENCE', 'SYSTEM VERSIONED')
ORDER BY table_name
"""
_ROUTINES = """
SELECT routine_type, routine_name FROM information_schema.routines
WHERE routine_schema = DATABASE() ORDER BY 1, 2
"""
_EVENTS = """
SELECT 'EVENT', event_name FROM information_schema.events WHERE event_schema = DATABASE() ORDER BY 2
"""


class MysqlDatabase(Database):
    """A schema of a role of its own, which may create scratch schemas unless told otherwise."""

    vendor = "mysql"
    dump_program = "mariadb-dump"
    restore_program = "mariadb"

    def __init__(
        self,
        server: MysqlServer,
        *,
        role: str = "",
        name: str = "",
        password: str = 'Sésame 😀 e#, "ouvre" l\'huis\\; $HOME %s \\n',
        collation: str = "utf8mb4_general_ci",
        may_have_scratch: bool = True,
    ) -> None:
        super().__init__()
        self.server = server
        self.role = role or unique_name()
        self.name = name or f"--{self.role} `x"
        self.password = password
        self.tools = Path(shutil.which("mariadb-dump") or "/usr/bin/mariadb-dump").parent
        quoted = quote(self.name)
        pattern = quoted.replace("_", "\\_").replace("%", "\\%")
        schemas = [pattern]
        if may_have_scratch:
            schemas += [f"{pattern[:-1]}\\_{kind}\\_%`" for kind in ("restoring", "replaced")]
        with server.connect() as admin, admin.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {quoted} CHARACTER SET utf8mb4 COLLATE {collation}")
            cursor.execute(f"CREATE USER {self.role}@'%%' IDENTIFIED BY %s", [password])
            for schema in schemas:
                cursor.execute(f"GRANT ALL ON {schema}.* TO {self.role}@'%'")
        self.settings = {
            "ENGINE": "django.db.backends.mysql",
            "NAME": self.name,
            "USER": self.role,
            "PASSWORD": password,
            "HOST": server.host,
            "PORT": server.port,
        }
        self.options = {}

    def connect(self) -> Any:
        return self.server.connect(
            self.name,
            user=self.role,
            password=self.password,
            init_command="SET sql_mode = 'NO_ENGINE_SUBSTITUTION', time_zone = '+00:00'",
        )

    def run(self, *statements: str) -> None:
        with self.connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
                while cursor.nextset():
                    pass

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.server.rows(query, self.name)

    def fingerprint(self) -> str:
        """Return a hash of each table, and the statements that create everything, as text."""
        lines = [self.schema()]
        for (table,) in self.rows(_TABLES):
            columns = ", ".join(
                f"coalesce(hex({quote(str(column[0]))}), 'NULL')"
                for column in self.rows(f"SHOW COLUMNS FROM {quote(str(table))}")
            )
            query = f"SELECT sha2(concat_ws(',', {columns}), 256) FROM {quote(str(table))}"
            lines.append(f"{table} {sorted(self.rows(query))}")
        return "\n".join(lines)

    def schema(self) -> str:
        """Return the dump of everything but rows, events and routines, and those as they show."""
        done = subprocess.run(
            [
                *("mariadb-dump", "--no-defaults", f"--host={self.server.host}"),
                *(f"--port={self.server.port}", f"--user={self.server.user}", "--no-data"),
                *("--triggers", "--skip-dump-date", "--default-character-set=utf8mb4"),
                *("--", self.name),
            ],
            env={**os.environ, "MYSQL_PWD": self.server.password},
            check=True,
            capture_output=True,
        )
        shown = [done.stdout.decode("utf-8", "surrogateescape")]
        # The program never ends when an event holds ";;".
        for kind, name in (*self.rows(_ROUTINES), *self.rows(_EVENTS)):
            shown += map(str, self.rows(f"SHOW CREATE {kind} {quote(name)}"))
        return re.sub(r"(?m)^-- MariaDB dump.*$", "", "\n".join(shown))

    def leftovers(self) -> list[str]:
        found = [name for (name,) in self.server.rows("SHOW DATABASES")]
        return [name for name in found if name.startswith(f"{self.name}_")]

    def wait_until_idle(self) -> None:
        sessions = f"SELECT * FROM information_schema.processlist WHERE user = '{self.role}'"
        wait_until_gone(lambda: self.rows(sessions))

    def close(self) -> None:
        for name in [self.name, *self.leftovers()]:
            self.server.run(f"DROP DATABASE IF EXISTS {quote(name)}")
        self.server.run(f"DROP USER {self.role}@'%'")


def quote(name: str) -> str:
    """Return a name as it stands in a statement."""
    return "`" + name.replace("`", "``") + "`"
