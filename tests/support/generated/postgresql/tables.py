"""Tables of all shapes, and what belongs to them."""

from ..base import Relation
from .builder import READER, PostgresqlBuilder, quote
from .values import literal


def alter_table(b: PostgresqlBuilder) -> None:
    table = b.table()
    column = b.pick([one for one, _ in table.columns])
    new = b.name()
    check = b.name()
    generated = b.name()
    f = b.function()
    sort = "VIRTUAL" if b.major >= 18 and b.chance() else "STORED"
    text = b.text()
    for alteration in b.picks(
        (
            f"ADD gone text, DROP gone, ADD {new} text DEFAULT {text}",
            f"ADD CONSTRAINT {check} CHECK ({f}(id) > -5)",
            f"ADD CONSTRAINT {check} CHECK (id < 3) NOT VALID",
            f"ADD CONSTRAINT {check} CHECK (id > 0) NO INHERIT",
            f"ADD {generated} integer GENERATED ALWAYS AS (id * 2) {sort}",
            f"ADD {generated} integer GENERATED ALWAYS AS ({f}(id)) STORED",
            f"ADD {new} integer NOT NULL DEFAULT {f}(4)",
            f"ALTER {column} SET NOT NULL",
            f"ALTER {column} SET STATISTICS 77, ALTER {column} SET (n_distinct = -0.5)",
            f"ALTER {column} SET STORAGE EXTERNAL",
            f"ALTER {column} SET COMPRESSION pglz",
            "REPLICA IDENTITY FULL",
            "ENABLE ROW LEVEL SECURITY",
            f"ADD CONSTRAINT {check} NOT NULL {column}",
            f"ADD CONSTRAINT {check} CHECK (id > 1) NOT ENFORCED",
        ),
        4,
    ):
        b.add(f"ALTER TABLE {table.name} {alteration}")


def add_sequence(b: PostgresqlBuilder) -> None:
    name = b.qualified()
    options = b.pick(
        (
            "",
            "AS smallint INCREMENT -1 START -1",
            "START 40 INCREMENT 5 MAXVALUE 4000 CYCLE CACHE 20",
            "MINVALUE -9223372036854775808 START -9223372036854775808",
            "AS integer MAXVALUE 2147483647 START 2147483647",
        )
    )
    b.add(f"CREATE SEQUENCE {name} {options}")
    for _ in range(b.number(0, 2)):
        b.add(f"SELECT nextval({literal(name)})")
    b.comment("SEQUENCE", name)
    if b.chance():
        table, column = b.table(), b.name()
        b.add(f"ALTER TABLE {table.name} ADD {column} bigint DEFAULT nextval({literal(name)})")
        if b.chance():
            b.add(f"ALTER SEQUENCE {name} OWNED BY {table.name}.{column}")
    if b.chance(3):
        b.add(f"GRANT USAGE, SELECT ON SEQUENCE {name} TO {quote(READER)}")


def add_partitions(b: PostgresqlBuilder) -> None:
    name = b.qualified()
    first, second, third, last = (b.qualified() for _ in range(4))
    key, kind = b.name(), b.pick(("integer", "date"))
    low, middle = ("0", "100") if kind == "integer" else ("'2020-01-01'", "'2024-01-01'")
    high = "MAXVALUE"
    way = b.pick(("RANGE", "LIST", "HASH"))
    b.add(
        f"CREATE TABLE {name} (id integer NOT NULL, {key} {kind} DEFAULT {low}) PARTITION BY {way} ({key})"
    )
    if way == "RANGE":
        b.add(
            f"CREATE TABLE {first} PARTITION OF {name} FOR VALUES FROM (MINVALUE) TO ({middle})",
            f"CREATE TABLE {second} (gone text, {key} {kind} DEFAULT {middle}, id integer NOT NULL)",
            f"ALTER TABLE {second} DROP gone",
            f"ALTER TABLE {name} ATTACH PARTITION {second} FOR VALUES FROM ({middle}) TO ({high})",
        )
    elif way == "LIST":
        b.add(
            f"CREATE TABLE {first} PARTITION OF {name} FOR VALUES IN ({low}, NULL)",
            f"CREATE TABLE {second} PARTITION OF {name} DEFAULT PARTITION BY HASH (id)",
            f"CREATE TABLE {third} PARTITION OF {second} FOR VALUES WITH (MODULUS 1, REMAINDER 0)",
        )
    else:
        b.add(
            f"CREATE TABLE {first} PARTITION OF {name} (id DEFAULT 5) FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
            f"CREATE TABLE {second} PARTITION OF {name} FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
        )
    b.add(
        f"INSERT INTO {name} SELECT n, {b.pick((low, middle, 'NULL'))} FROM generate_series(1, 5) n"
    )
    if b.chance():
        b.add(f"ALTER TABLE {name} ADD PRIMARY KEY (id, {key})")
        b.add(f"CREATE TABLE {last} (a integer, b {kind}, FOREIGN KEY (a, b) REFERENCES {name})")
    index = b.name()
    b.add(f"CREATE INDEX {index} ON {b.pick(('', 'ONLY '))}{name} (id)")
    b.add(f"CREATE INDEX {b.name()} ON {first} (id)")
    if b.chance():
        b.add(f"ALTER TABLE {first} ADD CONSTRAINT {b.name()} CHECK (id > 0)")
    if b.chance(3):
        b.add(f"ALTER TABLE {name} DETACH PARTITION {first}")
    b.tables.append(Relation(name, [("id", "integer"), (key, kind)]))


def add_inheritance(b: PostgresqlBuilder) -> None:
    parent, other, child, grandchild = (b.qualified() for _ in range(4))
    column, check = b.name(), b.name()
    b.add(
        f"CREATE TABLE {parent} (id integer, {column} text DEFAULT 'p', CONSTRAINT {check} CHECK (id > 0))",
        f"CREATE TABLE {other} (id integer, extra integer)",
        f"CREATE TABLE {child} (own text, {column} text DEFAULT {b.text()}) INHERITS ({parent}, {other})",
        f"CREATE TABLE {grandchild} () INHERITS ({child})",
        f"INSERT INTO {parent} VALUES (1, {b.text()})",
        f"INSERT INTO {child} (id, own) VALUES (2, {b.text()}), (3, NULL)",
        f"INSERT INTO {grandchild} (id) VALUES (4)",
    )
    if b.chance():
        b.add(f"ALTER TABLE {parent} ADD later integer DEFAULT 3")
    if b.chance(3):
        b.add(f"ALTER TABLE {grandchild} NO INHERIT {child}")
    b.tables += [Relation(parent, [("id", "integer"), (column, "text")])]


def add_constraint(b: PostgresqlBuilder) -> None:
    one, other = b.qualified(), b.qualified()
    name, key = b.name(), b.name()
    b.add(
        f"CREATE TABLE {other} (id integer PRIMARY KEY, a integer, b text, UNIQUE (a, b))",
        f"CREATE TABLE {one} (id integer PRIMARY KEY, a integer, b text, r int4range, other integer REFERENCES {other})",
        f"INSERT INTO {other} VALUES (1, 1, 'x'), (2, 2, NULL)",
        f"INSERT INTO {one} VALUES (1, 1, 'x', '[1,2)', 1), (2, NULL, NULL, '[3,4)', 2)",
    )
    constraint = b.pick(
        (
            f"FOREIGN KEY (a, b) REFERENCES {other} (a, b) MATCH FULL ON DELETE CASCADE ON UPDATE RESTRICT",
            f"FOREIGN KEY (a, b) REFERENCES {other} (a, b) ON DELETE SET NULL (b) DEFERRABLE",
            f"FOREIGN KEY (a) REFERENCES {other} (id) NOT VALID",
            "EXCLUDE USING gist (r WITH &&) WHERE (id < 9) DEFERRABLE INITIALLY DEFERRED",
            "UNIQUE (a) INCLUDE (b) WITH (fillfactor = 70)",
            "UNIQUE NULLS NOT DISTINCT (a, b)",
            "UNIQUE (id, r WITHOUT OVERLAPS)",
            f"FOREIGN KEY (a) REFERENCES {other} (id) NOT ENFORCED",
        )
    )
    b.add(
        f"ALTER TABLE {one} ADD CONSTRAINT {name} {constraint}",
        f"ALTER TABLE {other} ADD CONSTRAINT {key} FOREIGN KEY (id) REFERENCES {one} (id) DEFERRABLE INITIALLY DEFERRED",
    )
    b.comment("CONSTRAINT", f"{name} ON {one}")


def add_index(b: PostgresqlBuilder) -> None:
    table, f, name = b.table(), b.function(), b.name()
    column = b.pick(table.columns)[0]
    schema = table.name.partition(".")[0] if table.name.startswith("public.") else ""
    where = b.pick(("", f" WHERE {f}(id) > 1", " WHERE id IS NOT NULL"))
    options = b.pick(("", " WITH (fillfactor = 60)", ""))
    b.add(
        b.pick(
            (
                f"CREATE INDEX {name} ON {table.name} ({f}(id)){options}{where}",
                f"CREATE UNIQUE INDEX {name} ON {table.name} (id DESC NULLS LAST) INCLUDE ({column}){where}",
                f"CREATE INDEX {name} ON {table.name} USING hash (id){where}",
                f"CREATE INDEX {name} ON {table.name} USING brin (id) WITH (pages_per_range = 7)",
                f'CREATE INDEX {name} ON {table.name} (({column}::text) COLLATE "C" text_pattern_ops){where}',
                f"CREATE INDEX {name} ON {table.name} USING gin (to_tsvector('english', {column}::text))",
                f"CREATE STATISTICS {b.qualified()} (ndistinct, dependencies, mcv) ON id, {column} FROM {table.name}",
                f"CREATE STATISTICS {b.qualified()} ON ({f}(id)) FROM {table.name}",
            )
        )
    )
    if b.chance(4) and schema:
        b.add(
            f"ALTER TABLE {table.name} CLUSTER ON {name}",
            f"COMMENT ON INDEX public.{name} IS {b.text()}",
        )
    if b.chance(4) and schema:
        b.add(f"ALTER INDEX public.{name} ALTER COLUMN 1 SET STATISTICS 500")


def add_odd_table(b: PostgresqlBuilder) -> None:
    """Tables of other shapes."""
    name, kind, parent = b.qualified(), b.qualified(), b.table()
    column = b.name()
    b.add(
        f"CREATE TYPE {kind} AS ({column} integer, b text)",
        f"CREATE TABLE {name} OF {kind} (PRIMARY KEY ({column}), b WITH OPTIONS DEFAULT 'x')",
        f"CREATE TABLE {b.qualified()} (LIKE {parent.name} INCLUDING ALL EXCLUDING IDENTITY)",
        f"CREATE TABLE {b.qualified()} ()",
        f"CREATE TABLE {b.qualified()} (a {parent.name}, b {parent.name}[])",
        f"CREATE TABLE {b.qualified()} (" + ", ".join(f"c{n} int" for n in range(300)) + ")",
    )
