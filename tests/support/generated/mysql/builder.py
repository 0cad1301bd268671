"""What makes a schema of MariaDB, and the tables and functions that everything else uses."""

from collections.abc import Callable
from typing import Any

from ..base import NAMES, TEXTS, Builder, Relation
from .values import CHARSETS, MODES, TYPES

SCHEMA = "@@SCHEMA@@"
"""Stands for the quoted name of the schema."""
OTHER = "o'ther \\ x"
"""A user who may exist on the server, and may be a definer."""
_LONG = ("x" * 64, "ä" * 64, "表" * 40)


def quote(name: str) -> str:
    """Return a name as it stands in a statement."""
    return "`" + name.replace("`", "``") + "`"


class MysqlBuilder(Builder):
    """Makes one schema."""

    def __init__(self, draw: Callable[[Any], Any], *, sets_user: bool) -> None:
        super().__init__(
            draw,
            quote=quote,
            names=(*(name for name in NAMES if max(map(ord, name)) < 0x10000), *_LONG),
            length=len,
            longest=64,
        )
        self.sets_user = sets_user
        self.mode = ""
        self.triggers: dict[str, list[str]] = {}
        self.partitioned: set[str] = set()
        """Tables in which an index of a virtual column crashes the server, when it purges rows."""

    def literal(self, text: str) -> str:
        """Return a text as it stands in a statement under the current settings."""
        if "NO_BACKSLASH_ESCAPES" not in self.mode:
            text = text.replace("\\", "\\\\")
        return "'" + text.replace("'", "''") + "'"

    def text(self) -> str:
        """Return an unpleasant text as it stands in a statement."""
        return self.literal(self.pick(TEXTS[:-1]))

    def comment(self) -> str:
        """Return a clause with a comment, or nothing."""
        return f" COMMENT {self.literal(self.pick(TEXTS[:-1])[:60])}" if self.chance(3) else ""

    def stored(self, make: Callable[[str], str]) -> None:
        """Add what makes a stored object, under settings of its own; ``make`` takes a text."""
        self.mode = self.pick(MODES)
        charset, codec, word = self.pick(CHARSETS)
        statement = make(self.literal(word))
        try:
            statement.encode(codec)
        except UnicodeEncodeError:
            charset, codec = "utf8mb4", "utf8"
        self.add(f"SET NAMES {charset}", f"SET SESSION sql_mode = '{self.mode}'")
        if self.chance(4):
            self.add("SET SESSION time_zone = '-03:30'")
        self.add(statement, charset=codec)
        self.add("SET NAMES utf8mb4", "SET SESSION sql_mode = '', time_zone = '+00:00'")
        self.mode = ""

    def definer(self) -> str:
        """Return a clause that names the definer, or nothing."""
        others = [f"DEFINER={quote(OTHER)}@'%' "] * 2 if self.sets_user else []
        return self.pick(("", "DEFINER=CURRENT_USER ", *others))

    def columns(self, most: int) -> list[tuple[str, str, tuple[str, ...]]]:
        """Return columns: quoted name, type, and values."""
        chosen = {name.casefold(): name for name in self.picks(self.names, most)}
        kinds = [self.pick(tuple(TYPES)) for _ in chosen]
        return [
            (quote(name), kind, TYPES[kind])
            for name, kind in zip(chosen.values(), kinds, strict=True)
        ]

    def add_table(self) -> None:
        add_table(self)

    def add_function(self) -> None:
        add_function(self)


_OPTIONS = (
    *(
        "",
        "",
        "",
        "ENGINE=InnoDB ROW_FORMAT=COMPRESSED",
        "ROW_FORMAT=REDUNDANT",
        "PAGE_COMPRESSED=1",
    ),
    *(
        "DEFAULT CHARSET=latin1",
        "DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_czech_ci",
        "STATS_PERSISTENT=1",
    ),
    *("AUTO_INCREMENT=1000", "ENGINE=Aria TRANSACTIONAL=1", "ENGINE=MyISAM CHECKSUM=1"),
)


def add_table(b: MysqlBuilder) -> None:
    name, columns = b.name(), b.columns(6)
    parts = ["id int PRIMARY KEY AUTO_INCREMENT"]
    for column, kind, choices in columns:
        default = b.pick(("", "", " DEFAULT NULL", f" DEFAULT ({b.pick(choices)})"))
        parts.append(f"{column} {kind}{default}{b.pick(('', '', '', ' INVISIBLE'))}{b.comment()}")
    b.add(f"CREATE TABLE {name} ({', '.join(parts)}) {b.pick(_OPTIONS)}{b.comment()}")
    names = ", ".join(["id", *(column for column, _, _ in columns)])
    for n in range(3):
        values = [b.pick((*choices, "NULL", "DEFAULT")) for _, _, choices in columns]
        b.add(f"INSERT INTO {name} ({names}) VALUES ({', '.join([str(n + 1), *values])})")
    b.tables.append(Relation(name, [("id", "int"), *((one, kind) for one, kind, _ in columns)]))


_BODIES = (
    "RETURN {a} + length({text})",
    "BEGIN DECLARE x int DEFAULT 1; /* ; ' */ -- $$\n RETURN {a} + x + length({text}); END",
    "BEGIN IF {a} > 1 THEN RETURN {a}; ELSE RETURN length({text}) || 0; END IF; END",
    "RETURN {calls}({a}) + 1",
    "BEGIN RETURN length({text}); -- ;;\n END",
)


def add_function(b: MysqlBuilder) -> None:
    name, a = b.name(), b.name()
    calls = b.pick(b.functions) if b.functions else "abs"
    about, definer = b.comment(), b.definer()
    body, security = b.pick(_BODIES), b.pick(("", "SQL SECURITY INVOKER "))
    b.stored(
        lambda text: (
            f"CREATE {definer}FUNCTION {name}({a} int) RETURNS int DETERMINISTIC "
            f"{security}{about} {body.format(a=a, text=text, calls=calls)}"
        )
    )
    b.functions.append(name)
