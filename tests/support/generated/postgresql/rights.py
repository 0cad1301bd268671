"""Schemas, and who may see or get what."""

from .builder import READER, PostgresqlBuilder, quote


def add_schema(b: PostgresqlBuilder) -> None:
    if (name := b.name()).startswith('"pg_'):  # those are the server's own
        return
    b.add(f"CREATE SCHEMA {name}")
    b.schemas.append(name)
    b.comment("SCHEMA", name)
    if b.chance():
        b.add(f"GRANT USAGE ON SCHEMA {name} TO {b.pick(('PUBLIC', quote(READER)))}")


def add_policy(b: PostgresqlBuilder) -> None:
    table, name, f = b.table(), b.name(), b.function()
    command = b.pick(("ALL", "SELECT", "UPDATE", "DELETE"))
    role = b.pick(("PUBLIC", quote(READER), "CURRENT_USER"))
    kind = b.pick(("", " AS RESTRICTIVE"))
    b.add(
        f"CREATE POLICY {name} ON {table.name}{kind} FOR {command} TO {role} USING ({f}(id) > 0 OR current_user = {b.text()})",
        f"ALTER TABLE {table.name} ENABLE ROW LEVEL SECURITY",
    )
    if b.superuser and b.chance():
        b.add(f"ALTER TABLE {table.name} FORCE ROW LEVEL SECURITY")


def add_grants(b: PostgresqlBuilder) -> None:
    relation, schema = b.relation(), b.pick(b.schemas)
    column = b.pick(relation.columns)[0]
    for grant in b.picks(
        (
            f"GRANT SELECT ({column}), INSERT (id) ON {relation.name} TO {quote(READER)}",
            f"GRANT ALL ON {relation.name} TO {quote(READER)} WITH GRANT OPTION",
            f"GRANT SELECT ON {relation.name} TO PUBLIC",
            f"REVOKE {'ALL' if b.superuser else 'DELETE'} ON {relation.name} FROM CURRENT_USER",
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT ON TABLES TO {quote(READER)}",
            "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
            "ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM CURRENT_USER",
            f"ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO {quote(READER)}",
            f"ALTER DEFAULT PRIVILEGES GRANT ALL ON TYPES TO {quote(READER)} WITH GRANT OPTION",
            f"REVOKE ALL ON SCHEMA {schema} FROM PUBLIC",
            f"GRANT ALL ON SCHEMA {schema} TO {quote(READER)}",
        ),
        3,
    ):
        b.add(grant)


def add_publication(b: PostgresqlBuilder) -> None:
    table, name = b.table(), b.name()
    what = [
        f"FOR TABLE {table.name}",
        "",
        f"FOR TABLE {table.name} (id) WHERE (id > 1) WITH (publish = 'insert')",
    ]
    if b.superuser:
        what += ["FOR ALL TABLES", f"FOR TABLES IN SCHEMA {b.pick(b.schemas)}"]
    b.add(f"CREATE PUBLICATION {name} {b.pick(what)}")
    b.comment("PUBLICATION", name)
