"""A schema of MariaDB."""

import os
import re
import shutil
import subprocess
from contextlib import closing
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
_EVENTS = (
    "SELECT event_name FROM information_schema.events WHERE event_schema = DATABASE() ORDER BY 1"
)
_ENDLESS_EVENTS = """
SELECT event_name FROM information_schema.events
WHERE event_schema = DATABASE()
  AND locate(';;', concat_ws(' ', event_definition, event_comment, event_name, definer))
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

    def run(self, *statements: str, superuser: bool = False) -> None:
        connect = self.connect if not superuser else lambda: self.server.connect(self.name)
        with connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
                while cursor.nextset():
                    pass

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.server.rows(query, self.name)

    def fingerprint(self) -> str:
        """Return mariadb-dump's text, and a hash of each table."""
        lines = [self.vendor_dump()]
        with closing(self.server.connect(self.name)) as connection, connection.cursor() as cursor:

            def rows(query: str) -> list[tuple[Any, ...]]:
                cursor.execute(query)
                return list(cursor.fetchall())

            for (table,) in rows(_TABLES):
                columns = ", ".join(
                    f"coalesce(hex({quote(str(column[0]))}), 'NULL')"
                    for column in rows(f"SHOW COLUMNS FROM {quote(str(table))}")
                )
                query = f"SELECT sha2(concat_ws(',', {columns}), 256) FROM {quote(str(table))}"
                lines.append(f"{table} {sorted(rows(query))}")
        return "\n".join(lines)

    def schema(self) -> str:
        """Return the dump of everything but rows."""
        return self._mariadb_dump("--no-data")

    def vendor_dump(self) -> str:
        """Return mariadb-dump's text of everything.

        It quotes the heads of triggers as they were written. A restore leaves the name of the
        schema out of them, since they may go elsewhere.
        """
        text = self._mariadb_dump("--dump-history", "--hex-blob", "--order-by-primary")
        return text.replace(f"{quote(self.name)}.", "")

    def _mariadb_dump(self, *options: str) -> str:
        """Return what mariadb-dump prints, with those events that it cannot print as they show."""
        # The program never ends when an event holds ";;".
        endless = [name for (name,) in self.rows(_ENDLESS_EVENTS)]
        wanted = [*options, *(() if endless else ("--events",))]
        done = subprocess.run(
            [
                *("mariadb-dump", "--no-defaults", f"--host={self.server.host}"),
                *(f"--port={self.server.port}", f"--user={self.server.user}", "--skip-dump-date"),
                *("--routines", "--triggers", "--default-character-set=utf8mb4", *wanted),
                "--max-allowed-packet=1G",
                *("--single-transaction", "--force", "--", self.name),
            ],
            env={**os.environ, "MYSQL_PWD": self.server.password},
            check=False,
            capture_output=True,
        )
        # A broken view is in the dump all the same, without its columns.
        assert done.returncode == 0 or b"(1356)" in done.stderr, done.stderr
        shown = [done.stdout.decode("utf-8", "surrogateescape")]
        if endless:
            for (name,) in self.rows(_EVENTS):
                shown += map(str, self.rows(f"SHOW CREATE EVENT {quote(name)}"))
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
