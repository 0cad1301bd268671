"""What is in a PostgreSQL database now, read from its catalogs."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ..session import Session
from .kinds import OBJECT_KINDS

_DROPPABLE = """
    coalesce(
        EXISTS (SELECT FROM unnest(c.owners) owner WHERE pg_has_role(owner, 'USAGE'))
        OR c.owners IS NOT NULL AND pg_has_role(n.nspowner, 'USAGE'), false
    )
"""
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
    {_DROPPABLE},
    c.owners IS NULL, coalesce(c.superuser, false), coalesce(n.nspname, '')
FROM created c LEFT JOIN pg_namespace n ON n.oid = c.schema,
LATERAL pg_identify_object(c.classid, c.objid, 0) i
WHERE (c.objid >= 16384 OR c.kind = 'schema' AND n.nspname = 'public')
AND (n.nspname IS NULL OR n.nspname !~ '^pg_' AND n.nspname <> 'information_schema')
AND (%(all)s OR n.nspname = ANY(%(schemas)s::text[]))
AND (NOT %(special)s OR c.superuser OR c.owners IS NOT NULL AND NOT {_DROPPABLE})
AND NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = c.classid AND d.objid = c.objid AND d.objsubid = 0
    AND (d.deptype = 'e' OR d.deptype = 'i' AND c.owners IS NOT NULL)
)
AND i.identity IS NOT NULL
ORDER BY 2, 3
"""

_OTHERS_LARGE_OBJECTS = """
SELECT 'large object ' || oid FROM pg_largeobject_metadata WHERE NOT pg_has_role(lomowner, 'USAGE')
ORDER BY oid LIMIT 4
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


def read_objects(session: Session, selection: Selection, *, special: bool = False) -> list[Object]:
    """Return every object that is dumped, parts included.

    Of many thousands the ``special`` ones are found sooner: those that this role may not
    drop, and those that only a superuser can make. Parts are none of them.
    """
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
            session.rows(_OBJECTS, {**selection.parameters, "special": special})
        )
    ]


def others_large_objects(session: Session, selection: Selection) -> list[str]:
    """Return the first of the large objects that this role may not delete."""
    found = [] if selection.schemas else session.rows(_OTHERS_LARGE_OBJECTS, {})
    return [name for (name,) in found]


def is_empty(session: Session, selection: Selection) -> bool:
    """Return whether there is nothing that would be dumped but the schema ``public``."""
    if session.value("SELECT EXISTS (SELECT FROM pg_largeobject_metadata)"):
        return False
    found = read_objects(session, selection)
    return all(one.kind == "schema" and one.schema == "public" for one in found)


def parts_of(
    session: Session, objects: Iterable[Object], tables: Collection[str]
) -> set[tuple[int, int]]:
    """Return the addresses of some tables and of all their parts."""
    numbers = [o.address[1] for o in objects if o.kind == "table" and o.identity in tables]
    return set(session.rows(_PARTS, {"tables": numbers})) if numbers else set()
