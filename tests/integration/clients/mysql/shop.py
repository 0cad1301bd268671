"""A schema that holds some of everything, and what proves that two are equal."""

import itertools
import os
import re
import subprocess
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from tests.support.processes import wait_until_gone
from tests.support.servers.mysql import Server
from tests.support.site import Site

_NUMBERS = itertools.count(1)

RICH = (
    "CREATE TABLE entry (id bigint PRIMARY KEY AUTO_INCREMENT, title varchar(200) NOT NULL)",
    "INSERT INTO entry (title) SELECT concat('entry ', seq) FROM seq_1_to_500",
    """CREATE TABLE `Zoë's ``customer` (
        id int PRIMARY KEY AUTO_INCREMENT, `e mail` varchar(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
        raw longblob, bits bit(7), `select` int DEFAULT 4 CHECK (`select` > 0),
        doubled int GENERATED ALWAYS AS (`select` * 2) STORED, tripled int AS (`select` * 3) VIRTUAL,
        born date DEFAULT '0000-00-00', at datetime(6) DEFAULT '2024-01-02 03:04:05.678901',
        seen timestamp NULL, kind enum('a', 'ü;', 'it''s'), place point, document json,
        hidden int INVISIBLE DEFAULT 7, price decimal(20, 6), ratio double,
        KEY (`e mail`(10)), UNIQUE KEY (id, kind)
    ) AUTO_INCREMENT = 1000 COMMENT 'it''s; a \\\\! comment'""",
    """INSERT INTO `Zoë's ``customer` (`e mail`, raw, bits, kind, place, document, price, ratio, seen)
        SELECT concat('😀', seq, '@x.de', char(10), '\\\\', char(39)), unhex(concat('00FF0A0D5C271A22', sha1(seq))),
        b'1010101', 'ü;', point(seq, 1), '{"ü": [1, null]}', seq / 7, seq / 3, from_unixtime(seq * 1000000)
        FROM seq_1_to_300""",
    "INSERT INTO `Zoë's ``customer` (raw) VALUES (NULL), ('')",
    """CREATE TABLE orders (id int PRIMARY KEY, customer int,
        CONSTRAINT orders_customer_fk FOREIGN KEY (customer) REFERENCES `Zoë's ``customer` (id))""",
    "INSERT INTO orders SELECT seq, 1000 + seq FROM seq_1_to_100",
    "CREATE TABLE log (id int PRIMARY KEY AUTO_INCREMENT, said text)",
    "CREATE SEQUENCE ticket START WITH 40 INCREMENT BY 5",
    "DO nextval(ticket)",
    """CREATE TABLE parts (id int, y int) PARTITION BY RANGE (y)
        (PARTITION a VALUES LESS THAN (10), PARTITION b VALUES LESS THAN MAXVALUE)""",
    "INSERT INTO parts VALUES (1, 1), (2, 20)",
    "CREATE TABLE versioned (id int PRIMARY KEY, n int) WITH SYSTEM VERSIONING",
    "INSERT INTO versioned VALUES (1, 1)",
    "CREATE FUNCTION plus(a int) RETURNS int DETERMINISTIC RETURN a + 1",
    """CREATE PROCEDURE tidy() COMMENT 'it''s -- ;' BEGIN -- DELIMITER ;; and $$
        INSERT INTO log (said) VALUES ('tidied;;'); END""",
    """CREATE TRIGGER first_one BEFORE INSERT ON orders FOR EACH ROW BEGIN
        INSERT INTO log (said) VALUES (concat('order ', NEW.id)); END""",
    """CREATE TRIGGER second_one BEFORE INSERT ON orders FOR EACH ROW FOLLOWS first_one
        INSERT INTO log (said) VALUES ('second')""",
    """CREATE EVENT busy ON SCHEDULE EVERY 1 SECOND DISABLE DO BEGIN
        INSERT INTO log (said) VALUES ('an event ;;'); END""",
    "CREATE EVENT once ON SCHEDULE AT '2037-01-01 00:00:00' DO DELETE FROM log",
    "CREATE VIEW zz AS SELECT id, plus(id) AS next FROM orders",
    "CREATE VIEW aa AS SELECT next FROM zz WHERE id < 9",
    "CREATE TABLE empty_one (id int)",
)

DIVERGED = (
    "UPDATE entry SET title = 'changed' WHERE id % 3 = 0",
    "DELETE FROM entry WHERE id % 7 = 0",
    "INSERT INTO orders VALUES (7000, 1002)",
    "CREATE TABLE later (id int PRIMARY KEY, entry_id bigint, CONSTRAINT later_fk FOREIGN KEY (entry_id) REFERENCES entry (id))",
    "INSERT INTO later VALUES (1, 1)",
    "CREATE TRIGGER later_one AFTER DELETE ON entry FOR EACH ROW INSERT INTO log (said) VALUES ('x')",
    "DROP TRIGGER first_one",
    "DROP VIEW aa",
    "DROP VIEW zz",
    "CREATE TABLE zz (now_a_table int)",
    "DROP TABLE empty_one",
    "CREATE VIEW empty_one AS SELECT 1 AS now_a_view",
    "DROP FUNCTION plus",
    "CREATE PROCEDURE later_procedure() SELECT 1",
    "ALTER EVENT busy COMMENT 'changed'",
    "CREATE EVENT later_event ON SCHEDULE EVERY 1 DAY DO SELECT 1",
    "ALTER TABLE orders ADD COLUMN note text DEFAULT 'x'",
    "DO nextval(ticket)",
    "DROP TABLE versioned",
)

_LISTED = """
SELECT table_name FROM information_schema.tables
WHERE table_schema = DATABASE() AND table_type IN ('BASE TABLE', 'SEQUENCE', 'SYSTEM VERSIONED')
ORDER BY table_name
"""


@dataclass
class Database:
    """A schema of a role of its own."""

    server: Server
    role: str = field(default_factory=lambda: f"shop_{os.getpid()}_{next(_NUMBERS)}")
    password: str = 'Sésame 😀 e#, "ouvre" l\'huis\\; $HOME %s \\n'
    name: str = ""
    may_have_scratch: bool = True

    def __post_init__(self) -> None:
        self.name = self.name or f"--{self.role} `x"
        quoted = self.quoted(self.name)
        pattern = quoted.replace("_", "\\_").replace("%", "\\%")
        with closing(self.server.connect()) as admin, admin.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {quoted} CHARACTER SET utf8mb4")
            cursor.execute(f"CREATE USER {self.role}@'%%' IDENTIFIED BY %s", [self.password])
            schemas = [pattern]
            if self.may_have_scratch:
                schemas += [f"{pattern[:-1]}\\_{what}\\_%`" for what in ("restoring", "replaced")]
            for schema in schemas:
                cursor.execute(f"GRANT ALL ON {schema}.* TO {self.role}@'%'")
        self.settings: dict[str, Any] = {
            "ENGINE": "django.db.backends.mysql",
            "NAME": self.name,
            "USER": self.role,
            "PASSWORD": self.password,
            "HOST": self.server.host,
            "PORT": self.server.port,
        }
        self.options: dict[str, Any] = {}

    @staticmethod
    def quoted(name: str) -> str:
        return "`" + name.replace("`", "``") + "`"

    def close(self) -> None:
        """Remove schemas and role."""
        for name in [self.name, *self.leftovers()]:
            self.server.run(f"DROP DATABASE IF EXISTS {self.quoted(name)}")
        self.server.run(f"DROP USER {self.role}@'%'")

    def leftovers(self) -> list[str]:
        """Return the schemas of ours that lie beside the live one."""
        found = [name for (name,) in self.server.rows("SHOW DATABASES")]
        return [name for name in found if name.startswith(f"{self.name}_")]

    def run(self, *statements: str) -> None:
        """Run statements as the shop's own role."""
        connection = self.server.connect(self.name, user=self.role, password=self.password)
        with closing(connection), connection.cursor() as cursor:
            cursor.execute("SET sql_mode = 'NO_ENGINE_SUBSTITUTION', time_zone = '+00:00'")
            for statement in statements:
                cursor.execute(statement)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return what a query finds."""
        return self.server.rows(query, self.name)

    def fingerprint(self) -> str:
        """Return a hash of each table and the making of everything, as text."""
        lines = [self.schema()]
        for (table,) in self.rows(_LISTED):
            columns = ", ".join(
                f"coalesce(hex({self.quoted(str(column[0]))}), 'NULL')"
                for column in self.rows(f"SHOW COLUMNS FROM {self.quoted(str(table))}")
            )
            query = f"SELECT sha2(concat_ws(',', {columns}), 256) FROM {self.quoted(str(table))}"
            lines.append(f"{table} {sorted(self.rows(query))}")
        return "\n".join(lines)

    def schema(self) -> str:
        """Return what the dump tool says of everything but rows, events and routines."""
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
        # The tool never ends when an event holds ";;", and cannot be asked for those.
        shown = [done.stdout.decode("utf-8", "surrogateescape")]
        routines = "SELECT routine_type, routine_name FROM information_schema.routines WHERE routine_schema = DATABASE() ORDER BY 1, 2"
        for kind, name in self.rows(routines):
            shown += map(str, self.rows(f"SHOW CREATE {kind} {self.quoted(name)}"))
        events = "SELECT event_name FROM information_schema.events WHERE event_schema = DATABASE() ORDER BY 1"
        for (name,) in self.rows(events):
            shown += map(str, self.rows(f"SHOW CREATE EVENT {self.quoted(name)}"))
        return re.sub(r"(?m)^-- MariaDB dump.*$", "", "\n".join(shown))

    def settle(self) -> None:
        """Wait until the server has noticed that a killed client is gone."""
        sessions = f"SELECT * FROM information_schema.processlist WHERE user = '{self.role}'"
        wait_until_gone(lambda: self.rows(sessions))


class Shop(Database):
    """A schema, and a site that uses it."""

    def __init__(self, server: Server, site: Site, **options: Any) -> None:
        super().__init__(server, **options)
        self.site = site
        site.databases["default"] = self.settings
        site.rclone["CLIENTS"] = {"default": {"OPTIONS": self.options}}

    def back_up(self) -> None:
        self.site.call("dbbackup")

    def restore(self, *arguments: str) -> None:
        self.site.call("dbrestore", "--noinput", *arguments)
