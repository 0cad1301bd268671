"""What is in a PostgreSQL database now, read from its catalogs."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ...backups.inventory import Inventory
from ..session import Session
from .grants import comments, default_privileges, grants, labels
from .kinds import COLUMNS, COMMENT, DEFAULT_PRIVILEGES, GRANT, LABEL, LARGE_OBJECTS, OBJECT_KINDS

# Objects of extensions, and those that others create for themselves, are not dumped.
_OBJECTS = f"""
WITH created (kind, classid, objid, owners, schema, superuser) AS (
    {" UNION ALL ".join(kind.query for kind in OBJECT_KINDS)}
)
-- Whether a type of its own has its schema depends on the version of the server.
SELECT c.kind, c.classid, c.objid, i.type, replace(CASE c.kind
        -- pg_identify_object() does not quote the names in these two.
        WHEN 'user mapping' THEN (
            SELECT CASE m.umuser WHEN 0 THEN 'public' ELSE quote_ident(m.usename) END
                || ' on server ' || quote_ident(m.srvname)
            FROM pg_user_mappings m WHERE m.umid = c.objid
        )
        WHEN 'transform' THEN (
            SELECT left(i.identity, -length(l.lanname)) || quote_ident(l.lanname)
            FROM pg_transform f JOIN pg_language l ON l.oid = f.trflang WHERE f.oid = c.objid
        )
        ELSE i.identity
    END, 'pg_catalog.', ''),
    coalesce(
        EXISTS (SELECT FROM unnest(c.owners) owner WHERE pg_has_role(owner, 'USAGE'))
        OR c.owners IS NOT NULL AND pg_has_role(n.nspowner, 'USAGE'), false
    ),
    c.owners IS NULL, coalesce(c.superuser, false), coalesce(n.nspname, '')
FROM created c LEFT JOIN pg_namespace n ON n.oid = c.schema,
LATERAL pg_identify_object(c.classid, c.objid, 0) i
WHERE (c.objid >= 16384 OR c.kind = 'schema' AND n.nspname = 'public')
AND (n.nspname IS NULL OR n.nspname !~ '^pg_' AND n.nspname <> 'information_schema')
AND (%(all)s OR n.nspname = ANY(%(schemas)s::text[]))
AND NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = c.classid AND d.objid = c.objid AND d.objsubid = 0
    AND (d.deptype = 'e' OR d.deptype = 'i' AND c.owners IS NOT NULL)
)
AND i.identity IS NOT NULL
ORDER BY 2, 3
"""

_COLUMNS = """
SELECT i.identity, md5(string_agg(
    concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), a.attidentity, a.attgenerated),
    ',' ORDER BY a.attname
)), count(*)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped,
LATERAL pg_identify_object('pg_class'::regclass, c.oid, 0) i
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_'
AND n.nspname <> 'information_schema' AND (%(all)s OR n.nspname = ANY(%(schemas)s::text[]))
AND NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
    AND d.objsubid = 0 AND d.deptype = 'e'
)
GROUP BY i.identity
"""

_PARTS = """
WITH RECURSIVE parts (classid, objid) AS (
    SELECT 'pg_class'::regclass::oid, t FROM unnest(%(tables)s::oid[]) t
    UNION
    SELECT d.classid, d.objid FROM parts p JOIN pg_depend d
    ON d.refclassid = p.classid AND d.refobjid = p.objid AND d.deptype IN ('a', 'i')
)
SELECT classid, objid FROM parts
"""

# There may be millions.
_LARGE_OBJECTS = """
SELECT count(*) || ' in all, ' || md5(coalesce(string_agg(oid::text, ' ' ORDER BY oid), ''))
FROM pg_largeobject_metadata
"""


_ABOUT = """
SELECT current_setting('search_path'), current_setting('lc_monetary'),
    (SELECT count(*) FROM pg_class WHERE oid >= 16384 AND relkind <> 'c')
"""
_OWNERS = """
SELECT DISTINCT quote_ident(pg_get_userbyid(unnest(ARRAY[relowner, n.nspowner])))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
"""

# pg_dump dumps the rows that users added to tables of extensions.
_EXTENSION_TABLES = """
SELECT config.id::regclass::text, coalesce(e.extcondition[config.place], ''),
    has_table_privilege(config.id, 'DELETE') AND has_table_privilege(config.id, 'INSERT')
FROM pg_extension e, unnest(e.extconfig) WITH ORDINALITY AS config (id, place)
JOIN pg_class c ON c.oid = config.id
WHERE c.relkind IN ('r', 'p') AND has_table_privilege(config.id, 'SELECT')
"""

OWNER, GRANTEE, SUPERUSER, SETTING = "owner's name", "grantee", "needs a superuser", "setting"
EXTENSION_ROWS = "table of an extension with rows"
"""What else an inventory of the dump says, apart from the kinds that are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The schemas that a client is concerned with, all without any."""

    schemas: tuple[str, ...] = ()

    @property
    def parameters(self) -> dict[str, object]:
        """Return the parameters of queries that select by schema."""
        return {"all": not self.schemas, "schemas": list(self.schemas)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """An object of the database, of one of ``OBJECT_KINDS``."""

    kind: str
    address: tuple[int, int]
    """Its catalog, and its number there."""
    type: str
    identity: str
    """What PostgreSQL calls it: https://www.postgresql.org/docs/current/functions-info.html"""
    droppable: bool
    """Whether this role may drop it."""
    is_part: bool
    """Whether it goes with what it is a part of."""
    superuser: bool
    """Whether only a superuser can make it."""
    schema: str
    """The schema that it is in, or is; empty without one."""

    def __str__(self) -> str:
        return f"{self.kind} {self.identity}"

    @property
    def key(self) -> str:
        """Return what names of its grants and comments begin with."""
        return f"{self.type} {self.identity}"


def read_objects(session: Session, selection: Selection) -> list[Object]:
    """Return every object that is dumped, parts included."""
    return [
        Object(
            kind=kind,
            address=(classid, objid),
            type=type_,
            identity=identity,
            droppable=droppable,
            is_part=is_part,
            superuser=superuser,
            schema=schema,
        )
        for kind, classid, objid, type_, identity, droppable, is_part, superuser, schema in (
            session.rows(_OBJECTS, selection.parameters)
        )
    ]


def read_inventory(
    session: Session, selection: Selection, *, without: Collection[str] = ()
) -> Inventory:
    """Return what a dump of this moment contains, without rows.

    ``without`` are tables that are not dumped, by their names in the inventory.
    """
    objects = read_objects(session, selection)
    left_out = parts_of(session, objects, without)
    names: dict[str, set[str]] = {kind.name: set() for kind in OBJECT_KINDS}
    for found in objects:
        if found.address not in left_out:
            names[found.kind].add(found.identity)
    columns = session.rows(_COLUMNS, selection.parameters)
    names[COLUMNS.name] = {
        f"of {table} ({count}, {md5})" for table, md5, count in columns if table not in without
    }
    _add_rights(session, selection, names)
    keys = tuple(
        start
        for one in objects
        if one.address in left_out
        for start in (f"{one.key}: ", f"table column {one.identity}.")
    )
    for kind in (GRANT.name, COMMENT.name):
        names[kind] = {name for name in names[kind] if not name.startswith(keys)}
    if not selection.schemas:
        names[LARGE_OBJECTS.name] = {str(session.value(_LARGE_OBJECTS))}
    return Inventory({kind: frozenset(found) for kind, found in names.items()})


def parts_of(
    session: Session, objects: Iterable[Object], tables: Collection[str]
) -> set[tuple[int, int]]:
    """Return the addresses of some tables and of all their parts."""
    numbers = [o.address[1] for o in objects if o.kind == "table" and o.identity in tables]
    return set(session.rows(_PARTS, {"tables": numbers})) if numbers else set()


def _add_rights(session: Session, selection: Selection, names: dict[str, set[str]]) -> None:
    granted = grants(session, selection.parameters)
    defaults = default_privileges(session, selection.parameters)
    for kind, rights in ((GRANT, granted), (DEFAULT_PRIVILEGES, defaults)):
        names[kind.name] = {right.name for right in rights if right.compared}
    names[COMMENT.name] = {one.name for one in comments(session, selection.parameters)}
    if not selection.schemas:
        names[LABEL.name] = set(labels(session))


def describe_source(session: Session, selection: Selection) -> dict[str, frozenset[str]]:
    """Return what a restore has to know of the database that was dumped, and is not compared."""
    parameters = selection.parameters
    rights = [*grants(session, parameters), *default_privileges(session, parameters)]
    roles = {role for right in rights for role in right.roles}
    path, monetary, relations = session.rows(_ABOUT)[0]
    superuser = {str(one) for one in read_objects(session, selection) if one.superuser}
    return {
        OWNER: frozenset(name for (name,) in session.rows(_OWNERS)),
        GRANTEE: frozenset(roles),
        SUPERUSER: frozenset(superuser),
        EXTENSION_ROWS: frozenset(name for name, _ in extension_tables(session)),
        SETTING: frozenset(
            {f"search_path={path}", f"lc_monetary={monetary}", f"relations={relations}"}
        ),
    }


def extension_tables(session: Session) -> list[tuple[str, bool]]:
    """Return the tables of extensions with rows of the site, and whether it may replace them."""
    return [
        (name, permitted)
        for name, condition, permitted in session.rows(_EXTENSION_TABLES, {})
        if session.value(f"SELECT EXISTS (SELECT FROM ONLY {name} {condition})")
    ]


def settings_of(inventory: Inventory | None) -> dict[str, str]:
    """Return the settings of the database that was dumped, as far as they are known."""
    found = inventory.objects.get(SETTING, frozenset()) if inventory else frozenset()
    return dict(item.partition("=")[::2] for item in found)
