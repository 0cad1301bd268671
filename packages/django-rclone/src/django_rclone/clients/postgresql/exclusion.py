"""Refuses to leave out what the rest of a backup needs."""

from collections.abc import Collection

from ...exceptions import ClientError
from ..session import Session
from .catalog import Object, Selection, parts_of, read_objects

_TABLES = """
SELECT i.identity FROM unnest(%(tables)s::text[]) t,
LATERAL pg_identify_object('pg_class'::regclass, to_regclass(t), 0) i WHERE to_regclass(t) IS NOT NULL
"""
# What depends on a table without being a part of it: views, foreign keys, functions, partitions.
_DEPENDENTS = """
SELECT d.classid, d.objid FROM pg_depend d
WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY(%(tables)s::oid[])
"""
_FOREIGN_KEYS = """
SELECT quote_ident(c.conname), child.identity, parent.identity
FROM pg_constraint c,
LATERAL pg_identify_object('pg_class'::regclass, c.conrelid, 0) child,
LATERAL pg_identify_object('pg_class'::regclass, c.confrelid, 0) parent
WHERE c.contype = 'f' AND c.conparentid = 0 AND parent.identity = ANY(%(tables)s::text[])
AND child.identity <> ALL(%(tables)s::text[])
ORDER BY 1, 2
"""
_HINT = "Exclude it too, or nothing of both: correct the OPTIONS of this database in CLIENTS."


def identities(session: Session, quoted: Collection[str]) -> frozenset[str]:
    """Return what an inventory calls tables, given by their quoted names."""
    return frozenset(name for (name,) in session.rows(_TABLES, {"tables": list(quoted)}))


def require_may_exclude(
    session: Session, tables: frozenset[str], without_rows: frozenset[str]
) -> None:
    """Raise ``ClientError`` if something that is dumped needs excluded tables or rows."""
    if tables and (others := _dependents(session, tables)):
        raise ClientError(
            f"The backup could not be restored without what exclude_tables leaves out: "
            f"{', '.join(others[:4])} needs it.",
            hint=_HINT,
        )
    emptied = {"tables": sorted(tables | without_rows)}
    for name, child, parent in session.rows(_FOREIGN_KEYS, emptied):
        if session.value(f"SELECT EXISTS (SELECT FROM ONLY {child})"):
            raise ClientError(
                f"The backup could not be restored without the rows that exclude_data leaves out: "
                f"{child} refers to {parent} by its foreign key {name}.",
                hint=_HINT,
            )


def _dependents(session: Session, tables: frozenset[str]) -> list[str]:
    objects = read_objects(session, Selection())
    parts = parts_of(session, objects, tables)
    known: dict[tuple[int, int], Object] = {one.address: one for one in objects}
    numbers = {"tables": [objid for _, objid in parts]}
    found = {(classid, objid) for classid, objid in session.rows(_DEPENDENTS, numbers)}
    partitions = {a for a in parts if a in known and known[a].kind == "table"}
    partitions -= {one.address for one in objects if one.identity in tables}
    outside = found - parts | partitions
    # A view depends by its rule, which the list of objects has no name for.
    return sorted(str(known[a]) if a in known else _name(session, a) for a in outside)


def _name(session: Session, address: tuple[int, int]) -> str:
    query = "SELECT type || ' ' || identity FROM pg_identify_object(%(classid)s, %(objid)s, 0)"
    return str(session.value(query, {"classid": address[0], "objid": address[1]}))
