"""Generated schemas of MariaDB."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from .base import NAMES, TEXTS, Builder, Example, Relation
from .mysql_values import CHARSETS, COLLATIONS, MODES, TYPES, binary

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

    def table(self) -> Relation:
        """Return a table with rows, perhaps a new one."""
        if not self.tables or self.chance(4):
            add_table(self)
        return self.pick(self.tables)

    def relation(self) -> Relation:
        """Return a table or a view."""
        self.table()
        return self.pick([*self.tables, *self.views])

    def function(self) -> str:
        """Return a function from integer to integer."""
        if not self.functions or self.chance(4):
            add_function(self)
        return self.pick(self.functions)


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


def alter_table(b: MysqlBuilder) -> None:
    table, new, check = b.table(), b.name(), b.name()
    column, kind = b.pick(table.columns)
    for alteration in b.picks(
        (
            f"ADD {new} int AS (id * 2) {b.pick(('STORED', 'VIRTUAL', 'VIRTUAL INVISIBLE'))}",
            f"ADD {new} varchar(99) AS (concat(id, {b.text()})) VIRTUAL, ADD KEY ({new})",
            f"ADD CONSTRAINT {check} CHECK (id > -5 AND {b.text()} <> id)",
            f"ADD {new} int CHECK ({new} > 0)",
            f"ADD {new} varchar(36) DEFAULT (uuid())",
            f"ADD {new} datetime(3) DEFAULT current_timestamp(3) ON UPDATE current_timestamp(3)",
            f"ADD {new} text DEFAULT (concat({b.text()}, current_user()))",
            f"ADD {new} int NOT NULL DEFAULT -1 FIRST",
            f"MODIFY {column} {kind} NOT NULL {b.comment()}",
            "ADD SYSTEM VERSIONING",
            f"CONVERT TO CHARACTER SET {b.pick(('utf8mb4', 'latin1', 'utf16'))}",
            f"COMMENT {b.text()}",
        ),
        4,
    ):
        b.add(f"ALTER TABLE {table.name} {alteration}")


def add_index(b: MysqlBuilder) -> None:
    table, name = b.table(), b.name()
    column = b.pick(table.columns)[0]
    b.add(
        b.pick(
            (
                f"CREATE INDEX {name} ON {table.name} ({column}(7), id){b.comment()}",
                f"CREATE INDEX {name} ON {table.name} ({column} DESC)",
                f"CREATE UNIQUE INDEX {name} ON {table.name} (id, {column})",
                f"CREATE FULLTEXT INDEX {name} ON {table.name} ({column})",
                f"ALTER TABLE {table.name} ADD KEY {name} (id) IGNORED",
                f"ALTER TABLE {table.name} ADD UNIQUE {name} USING HASH ({column})",
            )
        )
    )


def add_sequence(b: MysqlBuilder) -> None:
    name = b.name()
    options = b.pick(
        (
            *("", "START WITH 40 INCREMENT BY 5 MAXVALUE 4000 CYCLE", "INCREMENT BY -1 NOCACHE"),
            "MINVALUE -9223372036854775807 START WITH -9223372036854775807",
            "START WITH 9223372036854775805 CACHE 2",
        )
    )
    b.add(f"CREATE SEQUENCE {name} {options}{b.comment()}")
    for _ in range(b.number(0, 2)):
        b.add(f"DO nextval({name})")
    if b.chance():
        b.add(f"CREATE TABLE {b.name()} (id int DEFAULT nextval({name}), t text)")
    if b.chance():
        b.add(f"CREATE VIEW {b.name()} AS SELECT nextval({name}) AS n")


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


def add_routine(b: MysqlBuilder) -> None:
    name, table, definer, a = b.name(), b.table(), b.definer(), b.name()
    shape = b.pick(range(6))
    b.stored(
        lambda text: (
            (
                f"CREATE {definer}PROCEDURE {name}(INOUT {a} varchar(9) CHARACTER SET latin1, OUT z int) "
                f"MODIFIES SQL DATA COMMENT {text} BEGIN DELETE FROM {table.name}; SET {a} = {text}; END"
            ),
            f"CREATE {definer}PROCEDURE {name}() SELECT {text}, * FROM {table.name}",
            (
                f"CREATE {definer}FUNCTION {name}({a} text CHARSET utf8mb4) RETURNS varchar(99) "
                f"CHARSET sjis NO SQL RETURN concat({a}, {text})"
            ),
            (
                f"CREATE {definer}AGGREGATE FUNCTION {name}({a} int) RETURNS int BEGIN DECLARE s int "
                f"DEFAULT 0; DECLARE CONTINUE HANDLER FOR NOT FOUND RETURN s; LOOP FETCH GROUP NEXT ROW; "
                f"SET s = s + {a}; END LOOP; END"
            ),
            (
                f"CREATE {definer}PROCEDURE {name}() BEGIN DECLARE c CURSOR FOR SELECT id FROM {table.name};"
                f" l: LOOP LEAVE l; END LOOP; SELECT {text}; -- {SCHEMA}\n END"
            ),
            f"CREATE {definer}PROCEDURE {SCHEMA}.{name}() SELECT * FROM {SCHEMA}.{table.name}",
        )[shape]
    )


def add_oracle(b: MysqlBuilder) -> None:
    """Objects in the language of Oracle."""
    name, table, a = b.name(), b.table(), b.name()
    text = b.text()
    b.add("SET SESSION sql_mode = 'ORACLE'")
    b.add(
        b.pick(
            (
                f"CREATE FUNCTION {name}({a} INT) RETURN INT AS x INT := 1; BEGIN RETURN {a} + x; END",
                f"CREATE PROCEDURE {name}({a} IN VARCHAR2) AS BEGIN DELETE FROM {table.name} WHERE id = {a}; END",
                f"CREATE TRIGGER {name} BEFORE DELETE ON {table.name} FOR EACH ROW BEGIN IF :OLD.id > 9 THEN NULL; END IF; END",
                f"CREATE VIEW {name} AS SELECT id, {text} || id AS t FROM {table.name}",
            )
        )
    )
    b.add("SET SESSION sql_mode = ''")


def add_view(b: MysqlBuilder) -> None:
    name, source, definer, alias = b.name(), b.relation(), b.definer(), b.name()
    column = b.pick(source.columns)[0]
    f = b.function()
    shape = b.pick(range(9))
    options = b.pick(("", "ALGORITHM=TEMPTABLE ", "ALGORITHM=MERGE "))
    security, end = (
        b.pick(("", "SQL SECURITY INVOKER ")),
        b.pick(("", "", " WITH LOCAL CHECK OPTION")),
    )
    b.stored(
        lambda text: (
            f"CREATE {options}{definer}{security}VIEW {name} AS "
            + (
                f"SELECT id, {column} AS {alias} FROM {source.name}",
                f"SELECT id, {f}(id) AS {alias} FROM {source.name} WHERE {f}(id) > 0",
                f"SELECT id, {text} AS {alias} FROM {source.name}",
                f"SELECT * FROM {source.name} WHERE {column} <> {text}",
                f"SELECT a.id, count(*) AS {alias} FROM {source.name} a JOIN {source.name} b USING (id) GROUP BY a.id",
                "WITH RECURSIVE r(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM r WHERE id < 3) SELECT id FROM r",
                f"SELECT id, row_number() OVER (ORDER BY id) AS {alias} FROM {SCHEMA}.{source.name}",
                f"SELECT length(table_name) AS id, {text} COLLATE utf8mb4_bin AS {alias} FROM information_schema.tables",
                f"SELECT id, json_value('{{}}', '$.x') AS {alias}, now() AS n, current_user() AS u FROM {source.name} UNION SELECT 1, {text}, 3, 4",
            )[shape]
            + end
        )
    )
    b.views.append(Relation(name, [("id", "int")]))


def add_triggers(b: MysqlBuilder) -> None:
    table, f, log = b.table(), b.function(), b.table()
    time, action = b.pick(("BEFORE", "AFTER")), b.pick(("INSERT", "UPDATE", "DELETE"))
    event = f"{time} {action}"
    row = "OLD" if action == "DELETE" else "NEW"
    for _ in range(b.number(1, 3)):
        name, definer = b.name(), b.definer()
        before = b.triggers.setdefault(f"{table.name} {event}", [])
        order = (
            f"{b.pick(('FOLLOWS', 'PRECEDES'))} {b.pick(before)} " if before and b.chance() else ""
        )
        where = b.pick((name, f"{SCHEMA}.{name}"))
        on = b.pick((table.name, f"{SCHEMA}.{table.name}"))
        shape = b.pick(range(4))
        b.stored(
            lambda text, where=where, on=on, order=order, shape=shape, definer=definer: (  # type: ignore[misc]
                f"CREATE {definer}TRIGGER {where} {event} ON {on} FOR EACH ROW {order}"
                + (
                    f"SET @x = concat({text}, {row}.id)",
                    f"BEGIN IF {f}({row}.id) > 9999 THEN DELETE FROM {log.name} WHERE id = 77; END IF; END",
                    f"BEGIN -- {text} ;\n SET @y = {row}.id; /* ` */ END",
                    f"INSERT INTO {log.name} () SELECT * FROM {log.name} WHERE {text} = {text} AND id < 0",
                )[shape]
            )
        )
        before.append(name)


def add_event(b: MysqlBuilder) -> None:
    name, table, definer, about = b.name(), b.table(), b.definer(), b.comment()
    schedule = b.pick(
        (
            "EVERY 1 SECOND STARTS '2037-01-01 00:00:00' ENDS '2037-06-01 00:00:00'",
            *("AT '2037-02-03 04:05:06'", "EVERY '1:30' HOUR_MINUTE STARTS '2037-03-28 02:30:00'"),
        )
    )
    state = b.pick(("", "ENABLE", "DISABLE", "DISABLE ON SLAVE"))
    keep = b.pick(("", "ON COMPLETION PRESERVE "))
    body = b.pick(
        ("DELETE FROM {t} WHERE id = 7 AND {text} = 1", "BEGIN SELECT {text}; -- x ;\n END")
    )
    b.stored(
        lambda text: (
            f"CREATE {definer}EVENT {name} ON SCHEDULE {schedule} {keep}{state}{about} DO "
            + body.format(t=table.name, text=text)
        )
    )


def add_foreign_keys(b: MysqlBuilder) -> None:
    one, other, check, key = b.name(), b.name(), b.name(), b.name()
    b.add(
        f"CREATE TABLE {other} (id int PRIMARY KEY, a int, s varchar(9), UNIQUE (a, s)) ENGINE=InnoDB",
        f"CREATE TABLE {one} (id int PRIMARY KEY, a int, s varchar(9), parent int, "
        f"CONSTRAINT {check} FOREIGN KEY (parent) REFERENCES {one} (id) ON DELETE CASCADE) ENGINE=InnoDB",
        f"INSERT INTO {other} VALUES (1, 1, 'x'), (2, NULL, NULL)",
        f"INSERT INTO {one} VALUES (1, 1, 'x', 1), (2, NULL, NULL, 1)",
        f"ALTER TABLE {one} ADD CONSTRAINT {key} FOREIGN KEY (a, s) REFERENCES {other} (a, s) "
        f"ON UPDATE {b.pick(('CASCADE', 'SET NULL', 'RESTRICT', 'NO ACTION'))}",
    )
    if b.chance():
        b.add(f"ALTER TABLE {other} ADD FOREIGN KEY (id) REFERENCES {one} (id)")
    if b.chance():
        b.add(
            "SET SESSION foreign_key_checks = 0",
            f"INSERT INTO {one} VALUES (9, 9, 'orphan', 9)",
            *(
                [
                    f"CREATE TABLE {b.name()} (a int, FOREIGN KEY (a) REFERENCES {b.name()} (id)) ENGINE=InnoDB"
                ]
                * b.number(0, 1)
            ),
            "SET SESSION foreign_key_checks = 1",
        )
    b.tables.append(Relation(one, [("id", "int"), ("s", "varchar(9)")]))


def add_partitions(b: MysqlBuilder) -> None:
    name, p, q = b.name(), b.name(), b.name()
    way = b.pick(
        (
            f"RANGE (y) (PARTITION {p} VALUES LESS THAN (10) COMMENT {b.text()}, PARTITION {q} VALUES LESS THAN MAXVALUE)",
            f"LIST COLUMNS (s) (PARTITION {p} VALUES IN ('a', 'ü', NULL), PARTITION {q} DEFAULT)",
            "HASH (y * 2) PARTITIONS 3",
            "KEY (s) PARTITIONS 2",
            f"RANGE (y) SUBPARTITION BY HASH (id) (PARTITION {p} VALUES LESS THAN MAXVALUE (SUBPARTITION {q}, SUBPARTITION z))",
            f"RANGE COLUMNS (d) (PARTITION {p} VALUES LESS THAN ('2024-01-01'), PARTITION {q} VALUES LESS THAN (MAXVALUE))",
        )
    )
    b.add(
        f"CREATE TABLE {name} (id int, y int, s varchar(9), d date) PARTITION BY {way}",
        f"INSERT INTO {name} VALUES (1, 1, 'a', '2020-01-01'), (2, 20, 'ü', '2024-05-05'), (3, 3, NULL, '0000-00-00')",
    )
    b.tables.append(Relation(name, [("id", "int"), ("s", "varchar(9)")]))


def add_versioned(b: MysqlBuilder) -> None:
    name, start, end = b.name(), b.name(), b.name()
    definition = b.pick(
        (
            "(id int PRIMARY KEY, n int) WITH SYSTEM VERSIONING",
            (
                f"(id int PRIMARY KEY, n int, {start} timestamp(6) GENERATED ALWAYS AS ROW START {b.pick(('', 'INVISIBLE'))}, "
                f"{end} timestamp(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME ({start}, {end})) WITH SYSTEM VERSIONING"
            ),
            "(id int, n int WITHOUT SYSTEM VERSIONING, m int) WITH SYSTEM VERSIONING",
            "(id int, n int) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME LIMIT 100 (PARTITION p0 HISTORY, PARTITION pn CURRENT)",
            f"(id int, n int, {start} date, {end} date, PERIOD FOR p ({start}, {end}), UNIQUE (id, p WITHOUT OVERLAPS))",
        )
    )
    b.add(
        f"CREATE TABLE {name} {definition}",
        f"INSERT INTO {name} (id, n) VALUES (1, 1), (2, 2)",
        f"UPDATE {name} SET n = 3 WHERE id = 1",
        f"DELETE FROM {name} WHERE id = 2",
    )
    b.tables.append(Relation(name, [("id", "int"), ("n", "int")]))


def add_odd_table(b: MysqlBuilder) -> None:
    """Tables of other shapes."""
    name = b.name()
    b.add(
        b.pick(
            (
                f"CREATE TABLE {name} (a int, b text)",
                f"CREATE TABLE {name} ({', '.join(f'c{n} varchar(99)' for n in range(90))}) CHARSET=latin1",
                f"CREATE TABLE {name} (p point NOT NULL REF_SYSTEM_ID=4326, SPATIAL KEY (p)) ENGINE=InnoDB",
                f"CREATE TABLE {name} (id int PRIMARY KEY, v int) ENGINE=MEMORY",
                f"CREATE TABLE {name} (a int NOT NULL, b varchar(9) NOT NULL) ENGINE=CSV",
                f"CREATE TABLE {name} (a blob UNIQUE, b bit(7), CHECK (length(a) < 99))",
                f"CREATE TABLE {name} (a int AUTO_INCREMENT, b int, PRIMARY KEY (b, a)) ENGINE=MyISAM",
                f"CREATE TABLE {name} LIKE {b.table().name}",
                f"CREATE TABLE {name} (id bigint unsigned AUTO_INCREMENT UNIQUE) AUTO_INCREMENT=18446744073709551614",
            )
        ),
        f"INSERT INTO {name} VALUES (1, 'a'), (1, 'a')",
        f"INSERT INTO {name} VALUES (1, 2)",
    )


def add_wide(b: MysqlBuilder) -> None:
    name = b.name()
    b.add(
        "SET SESSION innodb_strict_mode = 0",
        f"CREATE TABLE {name} ({', '.join(f'c{n} varchar(60)' for n in range(150))}) CHARSET=utf8mb4",
        "SET SESSION innodb_strict_mode = 1",
        f"INSERT INTO {name} (c0, c1) VALUES ({binary('😀')}, NULL)",
    )


KINDS: tuple[Callable[[MysqlBuilder], None], ...] = (
    *(add_table, alter_table, add_index, add_sequence, add_function, add_routine, add_oracle),
    *(add_view, add_view, add_triggers, add_event, add_foreign_keys, add_partitions),
    *(add_versioned, add_odd_table, add_wide),
)


def change(b: MysqlBuilder) -> None:
    """Change what is there, as a site does after a backup."""
    table, f = b.table(), b.function()
    column = b.pick(table.columns)[0]
    triggers = [name for names in b.triggers.values() for name in names]
    b.add(
        b.pick(
            (
                f"DELETE FROM {table.name} WHERE id = 1",
                f"UPDATE {table.name} SET {column} = NULL",
                f"DROP TABLE {table.name}",
                f"DROP FUNCTION {f}",
                f"ALTER TABLE {table.name} RENAME COLUMN {column} TO renamed",
                f"RENAME TABLE {table.name} TO {b.name()}",
                f"ALTER TABLE {table.name} ADD extra int DEFAULT 1",
                f"TRUNCATE {table.name}",
                *(f"DROP VIEW {view.name}" for view in b.views[:1]),
                *(f"DROP TRIGGER {name}" for name in triggers[:1]),
                f"CREATE TRIGGER {b.name()} AFTER DELETE ON {table.name} FOR EACH ROW SET @gone = 1",
                f"CREATE OR REPLACE FUNCTION {f}(x int) RETURNS int RETURN 7",
                *(
                    f"CREATE OR REPLACE VIEW {view.name} AS SELECT 7 AS other"
                    for view in b.views[:1]
                ),
            )
        )
    )


@st.composite
def mysql_examples(draw: Any) -> Example:
    """Return a schema that has all kinds of objects, made in some order, and its changes."""
    sets_user = draw(st.booleans())
    b = MysqlBuilder(draw, sets_user=sets_user)
    b.example.traits = {
        "sets_user": sets_user,
        "collation": draw(st.sampled_from(COLLATIONS)),
    }
    return b.made_of(KINDS, change, later=KINDS)
