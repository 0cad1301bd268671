"""Generated files of SQLite: some of everything that one can hold, and rather the unpleasant.

A statement that SQLite refuses is left out: what it does not take, nobody has.
"""

import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")

NAMES = (
    *("plain", "select", "Table", "order", "NULL", "default", "rowid", "_rowid_", "oid", "1", ""),
    *('quo"te', "apo'strophe", "back`tick", "[bracket]", "new\nline", "tab\t", "semi;colon", "--x"),
    *("/* c", "*/", "back\\slash", "per%cent %s", " leading", "trailing ", "dot.ted", "{0}", ":a"),
    *(
        "Zoë",
        "Zoe\u0308",
        "日本語",
        "😀",
        "\u202eright",
        "x" * 300,
        "main",
        "temp",
        "sqlitex",
        "\x01",
    ),
)
_TYPES = (
    *("INTEGER", "TEXT", "BLOB", "REAL", "NUMERIC", "ANY", "", "VARCHAR(10)", "datetime", "bool"),
    *('"odd type; --"', "UNSIGNED BIG INT", "DECIMAL(10, 2)", "FLOATING POINT", "CHAR", "JSON"),
)
_STRICT = ("INTEGER", "TEXT", "BLOB", "REAL", "INT", "ANY")
_VALUES = (
    *(
        "NULL",
        "0",
        "1",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "1e308",
        "-0.0",
        "0.1",
    ),
    *("9e999", "-9e999", "4.9e-324", "''", "'plain'", "'it''s'", "'1'", "'1.0'", "' 1'", "x''"),
    *("x'00'", "x'ff00fe'", "'a' || char(0) || 'b'", "CAST(x'fffe80' AS TEXT)", "'日本語😀'"),
    # A bare zeroblob() breaks an index of an expression where texts are in UTF-16.
    *(
        "char(10, 13, 9, 1)",
        "substr(zeroblob(5000), 1)",
        "hex(randomblob(3000))",
        "'; DROP TABLE x; --'",
    ),
    *("'{\"a\": [1, null]}'", "date('2024-02-30')", "1.0", "2", "3", "'TRUE'", "char(55357)"),
)
_DEFAULTS = (
    "",
    "",
    " DEFAULT 1",
    " DEFAULT 'it''s'",
    " DEFAULT (1 + 1)",
    " DEFAULT CURRENT_TIMESTAMP",
)
_COLLATIONS = ("", "", "", " COLLATE NOCASE", " COLLATE RTRIM")
_PAGE_SIZES = (512, 1024, 4096, 8192, 65536)
_ENCODINGS = ("UTF-8", "UTF-8", "UTF-16le", "UTF-16be")
_MODES = ("delete", "delete", "wal", "wal", "truncate", "persist")


def quote(name: str) -> str:
    """Return a name as it stands in a statement."""
    return '"' + name.replace('"', '""') + '"'


@dataclass
class Example:
    """How a file is made, how it changes after its backup, and what may take its place."""

    made: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    """Makes the file anew, after the backup; empty if it stays."""

    def __repr__(self) -> str:
        parts = (("made", self.made), ("changed", self.changed), ("other", self.other))
        return "\n".join(f"-- {name}\n" + ";\n".join(lines) for name, lines in parts)


class Builder:
    """Makes one example."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self._draw = draw
        self._taken: set[str] = set()
        self.lines: list[str] = []
        self.tables: dict[str, list[str]] = {}

    def pick(self, choices: Sequence[T]) -> T:
        """Choose one."""
        found: T = self._draw(st.sampled_from(choices))
        return found

    def some(self, choices: Sequence[T], least: int, most: int) -> list[T]:
        """Choose different ones."""
        numbers = st.lists(
            st.integers(0, len(choices) - 1), min_size=least, max_size=most, unique=True
        )
        return [choices[number] for number in self._draw(numbers)]

    def chance(self, one_in: int) -> bool:
        """Say yes once in so many times."""
        return bool(self._draw(st.integers(0, one_in - 1)) == one_in - 1)

    def number(self, least: int, most: int) -> int:
        """Choose a number."""
        return int(self._draw(st.integers(least, most)))

    def fresh(self) -> str:
        """Return a quoted name that no other object has."""
        name = self.pick(NAMES)
        while name.casefold() in self._taken:
            name += str(self.number(0, 9))
        self._taken.add(name.casefold())
        return quote(name)

    def table(self) -> str:
        """Return a table, perhaps a new one."""
        if not self.tables or self.chance(4):
            self.add_table()
        return self.pick(list(self.tables))

    def column(self, table: str) -> str:
        """Return a column of a table."""
        return self.pick(self.tables[table])

    def pragmas(self) -> None:
        """Begin a file."""
        self.lines += [
            f"PRAGMA page_size = {self.pick(_PAGE_SIZES)}",
            f"PRAGMA encoding = '{self.pick(_ENCODINGS)}'",
            f"PRAGMA auto_vacuum = {self.pick((0, 0, 1, 2))}",
            f"PRAGMA journal_mode = {self.pick(_MODES)}",
            f"PRAGMA user_version = {self.pick((0, 1, -1, 2147483647))}",
            f"PRAGMA application_id = {self.pick((0, 7, -2147483648))}",
        ]

    def add_table(self) -> None:
        """Add a table with rows."""
        name = self.fresh()
        columns = [quote(one) for one in self.some(NAMES, 1, 5)]
        strict, without = self.chance(5), self.chance(5)
        parts = [
            f"{one} {self.pick(_STRICT if strict else _TYPES)}{self.pick(_COLLATIONS)}"
            f"{self.pick(_DEFAULTS)}{self.pick(('', '', '', ' UNIQUE', ' NOT NULL'))}"
            for one in columns
        ]
        parts += self._keys(columns, without)
        if self.chance(3):
            kind = self.pick(("VIRTUAL", "STORED"))
            typed = " TEXT" if strict else self.pick(("", " TEXT", " INTEGER"))
            parts.append(f"made{typed} AS (upper({columns[0]}) || length({columns[-1]})) {kind}")
        if self.chance(4):
            parts.append(f"CHECK ({columns[0]} IS NOT 'refused' OR {columns[-1]} > 1)")
        if self.chance(4):
            other = self.pick([*self.tables, '"nowhere"', name])
            parts.append(f"FOREIGN KEY ({columns[0]}) REFERENCES {other} ON DELETE CASCADE")
        parts.sort(key=lambda part: part.startswith(("PRIMARY", "CHECK", "FOREIGN")))
        ending = ", ".join([*["STRICT"][: int(strict)], *["WITHOUT ROWID"][: int(without)]])
        self.lines.append(f"CREATE TABLE {name} ({', '.join(parts)}) {ending}")
        self.tables[name] = columns
        for _ in range(self.number(0, 4)):
            self.insert(name)
        self.lines.append(f"DELETE FROM {name} WHERE {columns[0]} = {self.pick(_VALUES)}")
        if self.chance(3):
            self.lines.append(f"INSERT INTO {name} DEFAULT VALUES")

    def _keys(self, columns: list[str], without: bool) -> list[str]:
        if without:
            return [f"PRIMARY KEY ({', '.join(columns[:2])})"]
        return self.pick(
            (
                [],
                [],
                ["id INTEGER PRIMARY KEY"],
                ["id INTEGER PRIMARY KEY AUTOINCREMENT"],
                ["id INTEGER PRIMARY KEY DESC"],
                [f"PRIMARY KEY ({columns[0]} DESC)"],
            )
        )

    def insert(self, table: str) -> None:
        """Add a row, sometimes with a rowid of its own, and sometimes a lot of them."""
        columns = self.tables[table]
        values = [self.pick(_VALUES) for _ in columns]
        names = ", ".join(columns)
        if self.chance(4):
            rowid = self.pick(("-5", "77", "9223372036854775806", "-9223372036854775808"))
            self.lines.append(
                f"INSERT INTO {table} (_rowid_, {names}) VALUES ({rowid}, {', '.join(values)})"
            )
        elif self.chance(6):
            self.lines.append(
                f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) "
                f"INSERT OR IGNORE INTO {table} ({columns[0]}) SELECT i * 3 FROM n"
            )
        else:
            self.lines.append(f"INSERT INTO {table} ({names}) VALUES ({', '.join(values)})")

    def add_index(self) -> None:
        """Add an index."""
        table = self.table()
        one, other = self.column(table), self.column(table)
        term = self.pick(
            (one, f"upper({one})", f"{one} DESC", f"{one} COLLATE NOCASE", f"{one} + 1")
        )
        where = self.pick(("", "", f" WHERE {other} IS NOT NULL", f" WHERE {other} > 'a'"))
        unique = self.pick(("", "", "UNIQUE "))
        self.lines.append(
            f"CREATE {unique}INDEX {self.fresh()} ON {table} ({term}, {other}){where}"
        )

    def add_view(self) -> None:
        """Add a view, perhaps with a trigger instead of its changes, perhaps a broken one."""
        table, name = self.table(), self.fresh()
        query = self.pick(
            (
                f"SELECT * FROM {table}",
                f"SELECT count(*) AS {quote(self.pick(NAMES))} FROM {table}",
                f"WITH x AS (SELECT * FROM {table}) SELECT 'it''s; --' FROM x",
                "SELECT * FROM nowhere",
            )
        )
        self.lines.append(f"CREATE VIEW {name} AS {query}")
        if self.chance(3):
            self.lines.append(
                f"CREATE TRIGGER {self.fresh()} INSTEAD OF DELETE ON {name} BEGIN SELECT 1; END"
            )

    def add_trigger(self) -> None:
        """Add a trigger."""
        table, other = self.table(), self.table()
        event = self.pick(("BEFORE INSERT", "AFTER INSERT", "AFTER UPDATE", "BEFORE DELETE"))
        body = self.pick(
            (
                "SELECT ';' || 'END;' -- comment\n",
                f"INSERT OR IGNORE INTO {other} ({self.column(other)}) VALUES (1)",
                f"DELETE FROM {other} WHERE {self.column(other)} = 'x'",
                "SELECT RAISE(IGNORE)",
                "SELECT missing FROM nowhere",
            )
        )
        when = self.pick(("", f" WHEN {self.pick(('1', '0', 'random() > 0'))}"))
        self.lines.append(
            f"CREATE TRIGGER {self.fresh()} {event} ON {table}{when} BEGIN {body}; END"
        )

    def add_virtual(self) -> None:
        """Add a virtual table, with content of its own or of another table."""
        name, table = self.fresh(), self.table()
        column = self.column(table)
        content = table.strip('"').replace("'", "''")
        kind = self.pick(
            (
                "fts5(a, b, tokenize = 'porter unicode61')",
                "fts5(a, b, content = '')",
                f"fts5({column}, content = '{content}')",
                "fts4(a, b)",
                "fts3(a)",
                "rtree(id, low, high, +extra)",
                "rtree_i32(id, low, high)",
            )
        )
        self.lines.append(f"CREATE VIRTUAL TABLE {name} USING {kind}")
        if "rtree" in kind:
            self.lines.append(f"INSERT INTO {name} (id, low, high) VALUES (5, 1, 2), (7, -1, 3)")
        elif "content = '" in kind and content and f"content = '{content}'" in kind:
            self.lines.append(f"INSERT INTO {name} ({name}) VALUES ('rebuild')")
        else:
            self.lines.append(
                f"INSERT INTO {name} (rowid, a) VALUES (3, 'some words'), (9, 'more')"
            )
            self.lines.append(f"DELETE FROM {name} WHERE rowid = 3")

    def alter(self) -> None:
        """Change a table that has rows."""
        table = self.table()
        column = self.column(table)
        new = quote(f"new {self.number(0, 99)}")
        statement = self.pick(
            (
                f"ADD COLUMN {new} TEXT DEFAULT 'later' NOT NULL",
                f"ADD COLUMN {new} AS (length({column}))",
                f"RENAME COLUMN {column} TO {new}",
                f"DROP COLUMN {column}",
            )
        )
        self.lines.append(f"ALTER TABLE {table} {statement}")

    def change_rows(self) -> None:
        """Change rows."""
        table = self.table()
        column = self.column(table)
        statement = self.pick(
            (
                f"DELETE FROM {table}",
                f"DELETE FROM {table} WHERE rowid % 2",
                f"UPDATE OR IGNORE {table} SET {column} = {self.pick(_VALUES)}",
                f"UPDATE {table} SET rowid = rowid + 100",
                f"DROP TABLE {table}",
                "VACUUM",
                "ANALYZE",
                "REINDEX",
                "PRAGMA incremental_vacuum",
                "PRAGMA user_version = 9",
            )
        )
        self.lines.append(statement)

    def add_anything(self, most: int) -> None:
        """Add objects of all kinds."""
        for _ in range(self.number(1, most)):
            self.pick(
                (
                    *(self.add_table, self.add_index, self.add_index, self.add_view),
                    *(self.add_trigger, self.add_virtual, self.alter, self.change_rows),
                    lambda: self.insert(self.table()),
                )
            )()


@st.composite
def examples(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Example:
    """Return files with their changes."""
    builder = Builder(draw)
    builder.pragmas()
    builder.add_anything(14)
    made, builder.lines = builder.lines, []
    builder.add_anything(6)
    changed, builder.lines = builder.lines, []
    if builder.chance(2):
        other = Builder(draw)
        other.pragmas()
        other.add_anything(4)
        return Example(made, changed, other.lines)
    return Example(made, changed)


def run(path: Path, statements: Sequence[str]) -> None:
    """Run statements, but for those that SQLite refuses."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA trusted_schema = ON")
        for statement in statements:
            with suppress(sqlite3.Error, UnicodeError):
                connection.execute(statement).fetchall()


def by_vendor(path: Path) -> str:
    """Return the dump of SQLite's own shell, or of Python where there is none."""
    if shell := shutil.which("sqlite3"):
        done = subprocess.run([shell, path, ".dump"], capture_output=True, check=False)
        return (done.stdout + done.stderr).decode("utf-8", "backslashreplace")
    with closing(sqlite3.connect(path)) as connection:
        connection.text_factory = lambda text: text.decode("utf-8", "backslashreplace")
        return "\n".join(connection.iterdump())


def fingerprint(path: Path) -> str:
    """Return every value with its type and its rowid, the schema in its order, and the pragmas."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.text_factory = lambda text: text.decode("utf-8", "backslashreplace")
        lines = [
            f"{pragma} {connection.execute(f'PRAGMA {pragma}').fetchall()}"
            for pragma in ("encoding", "user_version", "application_id", "auto_vacuum")
        ]
        lines += map(
            repr,
            connection.execute(
                "SELECT rowid, type, name, tbl_name, sql FROM sqlite_master ORDER BY 1"
            ),
        )
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0 ORDER BY 1"
        ).fetchall()
        for (table,) in tables:
            lines += _rows(connection, table)
    return "\n".join(lines)


def _rows(connection: sqlite3.Connection, table: str) -> list[str]:
    names = [row[1] for row in connection.execute(f"PRAGMA table_xinfo({quote(table)})")]
    free = [one for one in ("rowid", "_rowid_", "oid") if one not in {n.lower() for n in names}]
    columns = ", ".join(
        f"typeof({quote(name)}), CASE typeof({quote(name)}) WHEN 'real' THEN printf('%!.17g', "
        f"{quote(name)}) ELSE hex(CAST({quote(name)} AS BLOB)) END"
        for name in names
    )
    for rowid in (*free[:1], "NULL"):
        with suppress(sqlite3.OperationalError):
            query = f"SELECT {rowid}, {columns} FROM {quote(table)} NOT INDEXED"
            return [f"{table!r} {row}" for row in connection.execute(query)]
    return [f"{table!r} cannot be read"]
