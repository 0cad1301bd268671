"""Drops the objects that users created in a PostgreSQL database, and keeps everything else.

The database itself is kept with its settings and grants, and so are extensions with
everything that belongs to them, and schemas that extensions or other roles need.
"""

from ...exceptions import ClientError
from ..session import Session

_SCHEMAS = """
SELECT n.oid, n.nspname, quote_ident(n.nspname),
    n.nspname = 'public'
    OR NOT pg_has_role(n.nspowner, 'USAGE')
    OR NOT has_database_privilege(current_database(), 'CREATE')
    OR EXISTS (SELECT FROM pg_extension e WHERE e.extnamespace = n.oid)
    OR EXISTS (
        SELECT FROM pg_depend of_schema
        JOIN pg_depend of_extension USING (classid, objid)
        WHERE of_schema.refclassid = 'pg_namespace'::regclass
        AND of_schema.refobjid = n.oid AND of_extension.deptype = 'e'
    ) AS kept
FROM pg_namespace n
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
AND (%(all)s OR n.nspname = ANY(%(schemas)s::text[]))
AND NOT EXISTS (
    SELECT FROM pg_depend d
    WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e'
)
ORDER BY n.nspname
"""

# Every object in a schema depends on the schema. Parts of objects are dropped with them.
_IN_SCHEMAS = """
SELECT d.classid, d.objid, o.type, o.identity
FROM pg_depend d, LATERAL pg_identify_object(d.classid, d.objid, 0) o
WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = ANY(%(schemas)s::oid[])
AND d.deptype = 'n' AND d.objsubid = 0
AND d.classid <> 'pg_extension'::regclass
AND NOT EXISTS (
    SELECT FROM pg_depend own
    WHERE own.classid = d.classid AND own.objid = d.objid AND own.objsubid = 0
    AND own.deptype IN ('e', 'i')
)
"""

_WITHOUT_SCHEMA = """
SELECT tableoid, oid, 'server', quote_ident(srvname) FROM pg_foreign_server o
WHERE pg_has_role(srvowner, 'USAGE')
AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = o.oid AND d.deptype = 'e')
UNION ALL
SELECT tableoid, oid, 'publication', quote_ident(pubname) FROM pg_publication
WHERE pg_has_role(pubowner, 'USAGE')
UNION ALL
SELECT tableoid, oid, 'event trigger', quote_ident(evtname) FROM pg_event_trigger o
WHERE pg_has_role(evtowner, 'USAGE')
AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = o.oid AND d.deptype = 'e')
"""

# pg_dump dumps the rows that users added to tables of extensions, so they are deleted first.
_EXTENSION_ROWS = """
SELECT format('DELETE FROM ONLY %%s %%s', config.id::regclass, e.extcondition[config.place])
FROM pg_extension e, unnest(e.extconfig) WITH ORDINALITY AS config (id, place)
JOIN pg_class c ON c.oid = config.id
WHERE c.relkind IN ('r', 'p') AND has_table_privilege(config.id, 'DELETE')
"""

_DEFAULT_GRANTS = """
SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %%I', pg_get_userbyid(d.defaclrole))
    || coalesce(' IN SCHEMA ' || quote_ident(n.nspname), ''),
    CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES'
    WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS'
    ELSE 'LARGE OBJECTS' END,
    ARRAY(
        SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC'
        ELSE quote_ident(pg_get_userbyid(a.grantee)) END
        FROM aclexplode(d.defaclacl) a
    ),
    CASE WHEN n.oid IS NULL THEN quote_ident(pg_get_userbyid(d.defaclrole)) END
FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
WHERE pg_has_role(d.defaclrole, 'USAGE') AND (%(all)s OR n.nspname = ANY(%(schemas)s::text[]))
"""

_OWNED_BY_OTHERS = """
SELECT o.identity FROM (
    SELECT tableoid, oid, relowner AS owner, relnamespace AS schema FROM pg_class
    WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    UNION ALL SELECT tableoid, oid, proowner, pronamespace FROM pg_proc
    UNION ALL SELECT tableoid, oid, typowner, typnamespace FROM pg_type
    WHERE typtype IN ('d', 'e', 'r')
) AS created
JOIN pg_namespace n ON n.oid = created.schema,
LATERAL pg_identify_object(created.tableoid, created.oid, 0) o
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
AND (%(all)s OR n.nspname = ANY(%(schemas)s::text[]))
AND NOT pg_has_role(created.owner, 'USAGE') AND NOT pg_has_role(n.nspowner, 'USAGE')
AND NOT EXISTS (
    SELECT FROM pg_depend d
    WHERE d.classid = created.tableoid AND d.objid = created.oid AND d.objsubid = 0
    AND d.deptype IN ('e', 'i')
)
ORDER BY 1 LIMIT 4
"""

# Objects in the other schemas: none of them may be dropped by CASCADE.
_OUTSIDE = """
WITH others AS (
    SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND oid <> ALL(%(schemas)s::oid[])
)
SELECT
    (SELECT count(*) FROM pg_class JOIN others ON others.oid = relnamespace),
    (SELECT count(*) FROM pg_constraint JOIN others ON others.oid = connamespace),
    (SELECT count(*) FROM pg_proc JOIN others ON others.oid = pronamespace),
    (SELECT count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        JOIN others ON others.oid = c.relnamespace WHERE NOT a.attisdropped),
    (SELECT count(*) FROM pg_attrdef d JOIN pg_class c ON c.oid = d.adrelid
        JOIN others ON others.oid = c.relnamespace)
"""

_ROUTINES = ("function", "aggregate", "procedure")


def objects_owned_by_others(session: Session, schemas: tuple[str, ...]) -> list[str]:
    """Return the names of a few objects that this role cannot drop."""
    return [name for (name,) in session.rows(_OWNED_BY_OTHERS, _selection(schemas))]


def drop_user_objects(session: Session, schemas: tuple[str, ...]) -> frozenset[str]:
    """Drop all objects of users, or only those in ``schemas``; return the schemas that are kept.

    Raises ``ClientError`` if objects in other schemas depend on them.
    """
    found = session.rows(_SCHEMAS, _selection(schemas))
    oids = {"schemas": [oid for oid, *_ in found]}
    outside = session.rows(_OUTSIDE, oids) if schemas else []
    _reset_default_privileges(session, schemas)
    statements = [f"DROP SCHEMA {quoted} CASCADE" for _, _, quoted, kept in found if not kept]
    kept_oids = {"schemas": [oid for oid, _, _, kept in found if kept]}
    objects = session.rows(_IN_SCHEMAS, kept_oids)
    if not schemas:
        objects += session.rows(_WITHOUT_SCHEMA)
        statements += [delete for (delete,) in session.rows(_EXTENSION_ROWS, {})]
        statements.append("SELECT count(lo_unlink(oid)) FROM pg_largeobject_metadata")
    for _, _, kind, identity in objects:
        kind = "routine" if kind in _ROUTINES else kind.removesuffix(" object")
        statements.append(f"DROP {kind.upper()} IF EXISTS {identity} CASCADE")
    session.execute("SET LOCAL client_min_messages = warning")
    for statement in statements:
        session.execute(statement)
    if schemas and session.rows(_OUTSIDE, oids) != outside:
        raise ClientError(
            "Objects in other schemas depend on objects to be replaced, and would be lost.",
            hint="Restore a backup that includes these schemas, or first drop the objects that "
            "refer to other schemas.",
        )
    return frozenset(name for _, name, _, kept in found if kept)


def _reset_default_privileges(session: Session, schemas: tuple[str, ...]) -> None:
    """Set default privileges to those of a new database.

    Otherwise they would apply to everything that the replay creates.
    """
    for head, kind, grantees, owner in session.rows(_DEFAULT_GRANTS, _selection(schemas)):
        session.execute(f"{head} REVOKE ALL ON {kind} FROM {', '.join(grantees)}")
        if owner is None:
            continue
        session.execute(f"{head} GRANT ALL ON {kind} TO {owner}")
        if kind in ("FUNCTIONS", "TYPES"):
            privilege = "EXECUTE" if kind == "FUNCTIONS" else "USAGE"
            session.execute(f"{head} GRANT {privilege} ON {kind} TO PUBLIC")


def _selection(schemas: tuple[str, ...]) -> dict[str, object]:
    return {"all": not schemas, "schemas": list(schemas)}
