"""Tables of every shape, and what belongs to them."""

from ..base import Relation
from .builder import MysqlBuilder
from .values import binary


def alter_table(b: MysqlBuilder) -> None:
    table, new, check = b.table(), b.name(), b.name()
    column, kind = b.pick(table.columns)
    key = "" if table.name in b.partitioned else f", ADD KEY ({new})"
    for alteration in b.picks(
        (
            f"ADD {new} int AS (id * 2) {b.pick(('STORED', 'VIRTUAL', 'VIRTUAL INVISIBLE'))}",
            f"ADD {new} varchar(99) AS (concat(id, {b.text()})) VIRTUAL{key}",
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
    hashed = "" if table.name in b.partitioned else "USING HASH"
    b.add(
        b.pick(
            (
                f"CREATE INDEX {name} ON {table.name} ({column}(7), id){b.comment()}",
                f"CREATE INDEX {name} ON {table.name} ({column} DESC)",
                f"CREATE UNIQUE INDEX {name} ON {table.name} (id, {column})",
                f"CREATE FULLTEXT INDEX {name} ON {table.name} ({column})",
                f"ALTER TABLE {table.name} ADD KEY {name} (id) IGNORED",
                f"ALTER TABLE {table.name} ADD UNIQUE {name} {hashed} ({column})",
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
    b.partitioned.add(name)


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
