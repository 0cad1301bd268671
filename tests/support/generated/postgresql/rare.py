"""What few databases have: large objects, extensions, what only a superuser may make."""

from ..base import Relation
from .builder import READER, PostgresqlBuilder, quote
from .values import EXTENSIONS


def add_large_object(b: PostgresqlBuilder) -> None:
    number = b.number(70_000, 70_999)
    content = b.pick(("''", "decode(repeat('00ff275c', 5000), 'hex')", r"'\x0a5c2e0a'"))
    b.add(f"SELECT lo_from_bytea({number}, {content})")
    b.comment("LARGE OBJECT", str(number))
    if b.chance():
        b.add(f"GRANT SELECT ON LARGE OBJECT {number} TO {b.pick(('PUBLIC', quote(READER)))}")


def add_extension(b: PostgresqlBuilder) -> None:
    if not b.extensions:
        return
    name, schema = b.pick(b.extensions), b.pick(b.schemas)
    kind, values = EXTENSIONS[name]
    b.add(f"CREATE EXTENSION {name} SCHEMA {schema}")
    if b.chance(3):
        b.add(f"COMMENT ON EXTENSION {name} IS {b.text()}")
    if kind:
        table = b.qualified()
        typed = f"{schema}.{kind}"
        b.add(f"CREATE TABLE {table} (id integer PRIMARY KEY, e {typed})")
        for n, value in enumerate(values):
            b.add(f"INSERT INTO {table} VALUES ({n}, {value})")
        b.add(f"CREATE VIEW {b.qualified()} AS SELECT id, e::text || 'x' AS t FROM {table}")
        b.tables.append(Relation(table, [("id", "integer"), ("e", typed)]))
    if name == "unaccent":
        f, indexed = b.qualified(), b.table()
        column = b.pick(indexed.columns)[0]
        b.add(
            f"CREATE FUNCTION {f}(t text) RETURNS text LANGUAGE sql IMMUTABLE AS $x$SELECT unaccent(t)$x$",
            f"CREATE INDEX {b.name()} ON {indexed.name} ({f}({column}::text))",
        )
    if name == "pg_trgm":
        table = b.qualified()
        b.add(
            f"CREATE TABLE {table} (t text)",
            f"CREATE INDEX {b.name()} ON {table} USING gin (t {schema}.gin_trgm_ops)",
        )


def add_superuser_object(b: PostgresqlBuilder) -> None:
    """What only a superuser may make."""
    f, server = b.qualified(), b.name()
    sort = b.pick(("event trigger", "foreign", "language", "transform", "method"))
    if sort == "event trigger":
        name, log = b.name(), b.qualified()
        b.add(
            f"CREATE TABLE {log} (said text)",
            f"CREATE FUNCTION {f}() RETURNS event_trigger LANGUAGE plpgsql AS $x$BEGIN INSERT INTO {log} VALUES (tg_tag); END$x$",
            f"CREATE EVENT TRIGGER {name} ON {b.pick(('ddl_command_end', 'sql_drop'))} EXECUTE FUNCTION {f}()",
            f"COMMENT ON EVENT TRIGGER {name} IS {b.text()}",
        )
    elif sort == "foreign":
        wrapper, table = b.name(), b.qualified()
        b.add(
            f"CREATE FOREIGN DATA WRAPPER {wrapper} OPTIONS (debug {b.text()})",
            f"CREATE SERVER {server} TYPE 'a' VERSION {b.text()} FOREIGN DATA WRAPPER {wrapper} OPTIONS (host {b.text()})",
            f"CREATE USER MAPPING FOR PUBLIC SERVER {server} OPTIONS (password {b.text()})",
            f"CREATE FOREIGN TABLE {table} (id integer OPTIONS (x {b.text()}) NOT NULL, t text) SERVER {server} OPTIONS (a {b.text()})",
            f"CREATE VIEW {b.qualified()} AS SELECT t FROM {table}",
            f"GRANT USAGE ON FOREIGN SERVER {server} TO {quote(READER)}",
        )
    elif sort == "language":
        name, handler = b.name(), b.qualified()
        b.add(
            f"CREATE FUNCTION {handler}() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler'",
            f"CREATE LANGUAGE {name} HANDLER {handler}",
            f"CREATE FUNCTION {f}() RETURNS integer LANGUAGE {name} AS 'BEGIN RETURN 1; END'",
            f"COMMENT ON LANGUAGE {name} IS {b.text()}",
        )
    elif sort == "transform":
        b.add(
            f"CREATE FUNCTION {f}(internal) RETURNS internal LANGUAGE internal IMMUTABLE AS 'boolin'",
            f"CREATE TRANSFORM FOR integer LANGUAGE plpgsql (FROM SQL WITH FUNCTION {f}(internal))",
        )
    else:
        name = b.name()
        b.add(
            f"CREATE ACCESS METHOD {name} TYPE TABLE HANDLER heap_tableam_handler",
            f"CREATE TABLE {b.qualified()} (id integer) USING {name}",
            "GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_waldir() TO PUBLIC",
        )
