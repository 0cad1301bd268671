"""What runs: routines, views, rules, triggers."""

from ..base import Relation
from .builder import READER, PostgresqlBuilder, quote


def add_routine(b: PostgresqlBuilder) -> None:
    """Routines of other shapes: nothing refers to them."""
    name, table, x = b.qualified(), b.table(), b.name()
    kind, values = b.typed()
    b.add(
        b.pick(
            (
                f"CREATE PROCEDURE {name}({x} {kind}) LANGUAGE sql AS $x$DELETE FROM {table.name}$x$",
                f"CREATE PROCEDURE {name}(INOUT {x} integer) LANGUAGE plpgsql AS 'BEGIN COMMIT; END'",
                f"CREATE FUNCTION {name}(VARIADIC {x} integer[]) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
                f"CREATE FUNCTION {name}() RETURNS SETOF {table.name} LANGUAGE sql ROWS 7 AS 'SELECT * FROM {table.name.replace(chr(39), chr(39) * 2)}'",
                f"CREATE FUNCTION {name}(OUT {x} integer, OUT b text) LANGUAGE sql AS 'SELECT 1, 2'",
                f"CREATE FUNCTION {name}({x} {kind} DEFAULT {b.pick(values)}) RETURNS TABLE (a {kind}) LANGUAGE sql AS 'SELECT $1'",
                f"CREATE FUNCTION {name}(anyelement, {x} text DEFAULT {b.text()}) RETURNS anyarray LANGUAGE sql AS 'SELECT ARRAY[$1]'",
                f"CREATE AGGREGATE {name}(integer) (sfunc = int4pl, stype = integer, initcond = '7', combinefunc = int4pl, parallel = safe)",
                f"CREATE AGGREGATE {name}(ORDER BY anyelement) (sfunc = ordered_set_transition, stype = internal, finalfunc = mode_final, finalfunc_extra)",
                f"CREATE AGGREGATE {name}(*) (sfunc = int8inc, stype = int8, initcond = '0')",
            )
        )
    )
    if b.chance():
        b.add(f"COMMENT ON ROUTINE {name} IS {b.text()}")


def add_view(b: PostgresqlBuilder) -> None:
    name, source, f = b.qualified(), b.relation(), b.function()
    column, kind = b.pick(source.columns)
    alias = b.name()
    selected = b.pick(
        (
            f"SELECT id, {column} AS {alias} FROM {source.name}",
            f"SELECT id, {f}(id) AS {alias} FROM {source.name} WHERE {f}(id) > 0",
            f"SELECT * FROM {source.name} ORDER BY id DESC LIMIT 9",
            f"SELECT id, {b.text()}::text AS {alias} FROM {source.name} GROUP BY id",
            f"SELECT a.id, count(*) AS {alias} FROM {source.name} a JOIN {source.name} b USING (id) GROUP BY a.id",
            f"WITH RECURSIVE r(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM r WHERE id < 3) SELECT id, 1 AS {alias} FROM r",
            f"SELECT id, row_number() OVER (ORDER BY id) AS {alias} FROM {source.name} TABLESAMPLE system (100)",
            f"SELECT t.id, t AS {alias} FROM {source.name} t",
            f"VALUES (1, {b.text()})",
        )
    )
    options = b.pick(
        ("", "", " WITH (security_barrier)", " WITH (security_invoker)", " (id, extra)")
    )
    end = b.pick(("", "", "", " WITH CASCADED CHECK OPTION"))
    if b.chance(3):
        rows = b.pick((" WITH NO DATA", "", ""))
        b.add(f"CREATE MATERIALIZED VIEW {name} AS {selected}{rows}")
        b.add(f"CREATE UNIQUE INDEX {b.name()} ON {name} (id)")
        b.comment("MATERIALIZED VIEW", name)
        if rows:
            return
    else:
        b.add(f"CREATE VIEW {name}{options} AS {selected}{end}")
        b.comment("VIEW", name)
        if b.chance(4):
            b.add(f"ALTER VIEW {name} ALTER id SET DEFAULT {f}(9)")
    if b.chance(4):
        b.add(f"GRANT SELECT (id), UPDATE ON {name} TO {quote(READER)} WITH GRANT OPTION")
    b.views.append(Relation(name, [("id", "integer"), ("id", kind)]))


def add_circle(b: PostgresqlBuilder) -> None:
    """Objects that refer to one another in a circle, or whose dump is in two parts for it."""
    one, other, f = b.qualified(), b.qualified(), b.qualified()
    b.add(
        f"CREATE VIEW {one} AS SELECT 1 AS id",
        f"CREATE VIEW {other} AS SELECT id FROM {one}",
        f"CREATE OR REPLACE VIEW {one} AS SELECT id FROM {other}",
        f"CREATE TABLE {one}",
        f"CREATE TABLE {b.qualified()} (id integer PRIMARY KEY, t text)",
    )
    table = b.qualified()
    b.add(
        f"CREATE TABLE {table} (id integer PRIMARY KEY, a integer)",
        f"CREATE FUNCTION {f}({table}) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT ($1).id'",
        f"ALTER TABLE {table} ADD CONSTRAINT {b.name()} CHECK ({f}({b.bare[table]}) > 0)",
        f"INSERT INTO {table} VALUES (1, 1), (2, 1)",
        f"ALTER TABLE {table} ADD FOREIGN KEY (a) REFERENCES {table} DEFERRABLE INITIALLY DEFERRED",
        f"CREATE VIEW {b.qualified()} AS SELECT id, a, {f}(t.*) FROM {table} t GROUP BY id",
    )
    enough = b.qualified()
    b.add(
        f"CREATE FUNCTION {enough}() RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT max(id) FROM {table}; END",
        f"ALTER TABLE {table} ALTER a SET DEFAULT {enough}()",
    )


def add_rule(b: PostgresqlBuilder) -> None:
    relation, table = b.relation(), b.table()
    name = b.name()
    b.add(
        b.pick(
            (
                f"CREATE RULE {name} AS ON DELETE TO {relation.name} DO INSTEAD NOTHING",
                f"CREATE RULE {name} AS ON UPDATE TO {relation.name} WHERE old.id > 5 DO ALSO (SELECT 1; SELECT {b.text()})",
                f"CREATE RULE {name} AS ON INSERT TO {relation.name} DO INSTEAD DELETE FROM {table.name} WHERE id = new.id RETURNING id",
                f"CREATE RULE {name} AS ON INSERT TO {relation.name} DO ALSO NOTIFY {b.name()}, {b.text()}",
            )
        )
    )
    if b.chance():
        b.add(f"COMMENT ON RULE {name} ON {relation.name} IS {b.text()}")
    if b.chance():
        b.add(
            f"ALTER TABLE {relation.name} {b.pick(('DISABLE', 'ENABLE ALWAYS', 'ENABLE REPLICA'))} RULE {name}"
        )


def add_trigger(b: PostgresqlBuilder) -> None:
    relation, f, name = b.relation(), b.qualified(), b.name()
    b.add(
        f"CREATE FUNCTION {f}() RETURNS trigger LANGUAGE plpgsql AS $x$BEGIN -- ; $$ '\n RETURN NULL; END$x$"
    )
    arguments = ", ".join(b.text() for _ in range(b.number(0, 2)))
    column = b.pick(relation.columns)[0]
    b.add(
        b.pick(
            (
                f"CREATE TRIGGER {name} BEFORE UPDATE OF {column} ON {relation.name} FOR EACH ROW WHEN (old.id > 99) EXECUTE FUNCTION {f}({arguments})",
                f"CREATE TRIGGER {name} AFTER DELETE OR INSERT ON {relation.name} FOR EACH STATEMENT EXECUTE FUNCTION {f}({arguments})",
                f"CREATE TRIGGER {name} AFTER UPDATE ON {relation.name} REFERENCING OLD TABLE AS a NEW TABLE AS b EXECUTE FUNCTION {f}()",
                f"CREATE CONSTRAINT TRIGGER {name} AFTER INSERT ON {relation.name} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {f}()",
                f"CREATE TRIGGER {name} INSTEAD OF INSERT ON {relation.name} FOR EACH ROW EXECUTE FUNCTION {f}({arguments})",
                f"CREATE TRIGGER {name} BEFORE TRUNCATE ON {relation.name} EXECUTE FUNCTION {f}()",
            )
        )
    )
    if b.chance():
        state = b.pick(("DISABLE", "ENABLE ALWAYS", "ENABLE REPLICA"))
        b.add(f"ALTER TABLE {relation.name} {state} TRIGGER {name}")
    if b.chance(3):
        b.add(f"COMMENT ON TRIGGER {name} ON {relation.name} IS {b.text()}")
