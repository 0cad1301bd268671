"""Types, and what is made for them: operators, casts, collations, text search."""

from ..base import TEXTS
from .builder import READER, PostgresqlBuilder, quote
from .values import TYPES, literal


def add_type(b: PostgresqlBuilder) -> None:
    name = b.qualified()
    labels = [text for text in TEXTS if 0 < len(text.encode()) <= 63]
    sort = b.pick(("enum", "domain", "domain", "composite", "range", "shell"))
    if sort == "enum":
        chosen = list(dict.fromkeys(b.pick(labels) for _ in range(4)))
        b.add(f"CREATE TYPE {name} AS ENUM ({', '.join(map(literal, chosen))})")
        b.add(f"ALTER TYPE {name} ADD VALUE 'later' BEFORE {literal(chosen[0])}")
        values = tuple(map(literal, chosen))
    elif sort == "domain":
        base, values = b.pick([("integer", ("1", "2")), ("text", ("'a'", "'ü'")), b.typed()])
        f = b.function()
        checks = {"integer": f" CHECK ({f}(VALUE) > -3)", "text": " CHECK (VALUE <> E'\\n;')"}
        null = b.pick(("", "", " NOT NULL"))
        default = b.pick(("", f" DEFAULT {values[0]}"))
        named = f" CONSTRAINT {b.name()}" if base in checks else ""
        b.add(f"CREATE DOMAIN {name} AS {base}{default}{null}{named}{checks.get(base, '')}")
        b.comment("DOMAIN", name)
    elif sort == "composite":
        first, firsts = b.typed()
        second, seconds = b.typed()
        b.add(f"CREATE TYPE {name} AS ({b.name()} {first}, {b.name()} {second})")
        values = tuple(f"ROW({x}, {y})" for x, y in zip(firsts, seconds, strict=False))
    elif sort == "range":
        b.add(f'CREATE TYPE {name} AS RANGE (subtype = text, collation = "C")')
        values = ("'[a,b)'", "'empty'", "'(,\"z,\"]'")
    else:
        b.add(f"CREATE TYPE {name}")
        return
    b.comment("TYPE", name)
    if b.chance(4):
        b.add(
            f"REVOKE ALL ON TYPE {name} FROM PUBLIC",
            f"GRANT USAGE ON TYPE {name} TO {quote(READER)}",
        )
    b.types[name] = values
    b.own_types.append(name)
    if b.chance(3):
        b.types[f"{name}[]"] = (f"ARRAY[{values[0]}]::{name}[]", "'{}'", "'{NULL}'")
        b.own_types.append(f"{name}[]")


def add_operator(b: PostgresqlBuilder) -> None:
    schema, f = b.pick(b.schemas), b.name()
    sign = b.pick(("<~>", "###", "@#@", "&&&", "~~~~", "|/|"))
    b.add(
        f"CREATE FUNCTION {schema}.{f}(integer, integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 = $2'",
        f"CREATE OPERATOR {schema}.{sign} (leftarg = integer, rightarg = integer, function = {schema}.{f}, "
        f"commutator = OPERATOR({schema}.{sign}), restrict = eqsel, join = eqjoinsel)",
        f"COMMENT ON OPERATOR {schema}.{sign} (integer, integer) IS {b.text()}",
    )
    table = b.table()
    if b.chance():
        b.add(
            f"ALTER TABLE {table.name} ADD CONSTRAINT {b.name()} "
            f"CHECK (id OPERATOR({schema}.{sign}) id)"
        )
    if b.superuser:
        family = b.name()
        b.add(
            f"CREATE OPERATOR FAMILY {schema}.{family} USING hash",
            f"CREATE OPERATOR CLASS {schema}.{b.name()} FOR TYPE integer USING hash FAMILY "
            f"{schema}.{family} AS OPERATOR 1 {schema}.{sign}, FUNCTION 1 hashint4(integer)",
        )


def add_cast(b: PostgresqlBuilder) -> None:
    name, f = b.qualified(), b.qualified()
    b.add(f"CREATE TYPE {name} AS ENUM ('1', '2')")
    way = b.pick(("WITH INOUT", f"WITH FUNCTION {f}({name})"))
    b.add(f"CREATE FUNCTION {f}({name}) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1'")
    how = b.pick(("", " AS ASSIGNMENT", " AS IMPLICIT"))
    b.add(f"CREATE CAST ({name} AS integer) {way}{how}")
    if b.chance():
        b.add(f"COMMENT ON CAST ({name} AS integer) IS {b.text()}")
    if b.chance():
        b.add(
            f"CREATE TABLE {b.qualified()} (a {name}, b integer GENERATED ALWAYS AS (a::integer) STORED)"
        )
    if b.superuser:
        b.add(
            f"CREATE CAST ({b.pick(('text', 'varchar'))} AS {b.pick(('integer', 'json'))}) WITH INOUT"
        )


def add_search(b: PostgresqlBuilder) -> None:
    collation, configuration, dictionary = (b.qualified() for _ in range(3))
    b.add(
        b.pick(
            (
                f"CREATE COLLATION {collation} (provider = libc, locale = 'C')",
                f"CREATE COLLATION {collation} (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
                f'CREATE COLLATION {collation} FROM "C"',
            )
        ),
        f"CREATE TABLE {b.qualified()} (a text COLLATE {collation} UNIQUE, b text)",
        f"CREATE TEXT SEARCH DICTIONARY {dictionary} (template = simple, stopwords = 'english', accept = 'off')",
        f"CREATE TEXT SEARCH CONFIGURATION {configuration} (COPY = pg_catalog.german)",
        f"ALTER TEXT SEARCH CONFIGURATION {configuration} ALTER MAPPING FOR word WITH {dictionary}, simple",
        f"COMMENT ON TEXT SEARCH CONFIGURATION {configuration} IS {b.text()}",
        f"CREATE CONVERSION {b.qualified()} FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8",
    )
    b.types[f"text COLLATE {collation}"] = TYPES["text"]
