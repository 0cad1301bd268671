"""Drops what a restore replaces, and keeps what the role cannot drop, in one plan.

What belongs to other roles stays, with everything that it needs: so ``CASCADE`` never
reaches it. The database itself stays with its settings and grants, and so do extensions
with everything that belongs to them, unless the backup is known to be without them.
"""

import re
from dataclasses import dataclass

from ...backups.inventory import Inventory
from ...exceptions import ClientError
from ..session import ServerError, Session
from .answers import execute_all
from .catalog import Object, Selection, others_large_objects, read_objects
from .contents import moved_extensions, read_inventory
from .grants import comments, default_privileges, grants
from .kinds import OBJECT_KINDS

_NAME = r'"(?:[^"]|"")*"|[^"\s]+'
_MAPPING = re.compile(rf"({_NAME}) on server ({_NAME})")
_TRANSFORM = re.compile(rf"(for .*) on language ({_NAME})", re.DOTALL)

# What an object needs: what it refers to, and what its parts refer to. What is in a publication
# does not need that, although being in it is a part of both.
_CLOSURE = """
WITH RECURSIVE kept (root, classid, objid) AS (
    SELECT ordinality, classid, objid
    FROM unnest(%(classes)s::oid[], %(objects)s::oid[]) WITH ORDINALITY AS r (classid, objid)
    UNION
    SELECT k.root, needed.classid, needed.objid FROM kept k, LATERAL (
        SELECT d.refclassid, d.refobjid FROM pg_depend d
        WHERE d.classid = k.classid AND d.objid = k.objid AND d.deptype <> 'e'
        UNION ALL
        SELECT d.classid, d.objid FROM pg_depend d
        WHERE d.refclassid = k.classid AND d.refobjid = k.objid AND d.deptype IN ('a', 'i')
        AND (k.classid = 'pg_publication'::regclass OR d.classid NOT IN
            ('pg_publication_rel'::regclass, 'pg_publication_namespace'::regclass))
    ) needed (classid, objid)
)
SELECT root, classid, objid FROM kept
"""

# pg_dump dumps the rows that users added to tables of extensions, so they are deleted first.
_EXTENSION_ROWS = """
SELECT config.id::regclass::text,
    format('DELETE FROM ONLY %%s %%s', config.id::regclass, e.extcondition[config.place]),
    has_table_privilege(config.id, 'DELETE') AND has_table_privilege(config.id, 'INSERT')
FROM pg_extension e, unnest(e.extconfig) WITH ORDINALITY AS config (id, place)
JOIN pg_class c ON c.oid = config.id
WHERE c.relkind IN ('r', 'p')
"""

IS_SUPERUSER = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
_MAY_CREATE_SCHEMAS = "SELECT has_database_privilege(current_database(), 'CREATE')"
_NEXT_TO_IT = "get what this backup holds, next to the live database, with --salvage."
_HOLDS_ROWS = ("table", "materialized view", "sequence", "foreign table")
_DROPS = {
    "foreign-data wrapper": "FOREIGN DATA WRAPPER",
    "statistics object": "STATISTICS",
    "composite type": "TYPE",
    **dict.fromkeys(("function", "procedure", "aggregate"), "ROUTINE"),
}
_NEW_PUBLIC = (
    "ALTER SCHEMA public OWNER TO pg_database_owner",
    "GRANT USAGE ON SCHEMA public TO PUBLIC",
    "COMMENT ON SCHEMA public IS 'standard public schema'",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearingPlan:
    """What of the live database goes, what stays, and what prevents a restore in place."""

    dropped: tuple[Object, ...]
    """In this order."""
    kept: tuple[Object, ...]
    conflicts: tuple[str, ...]
    """What belongs to others, holds rows or needs rows, and could not be made again."""
    objects: tuple[Object, ...] = ()
    """All that there is."""

    @property
    def kept_kinds(self) -> frozenset[str]:
        """Return the kinds of objects that stay."""
        return frozenset(one.kind for one in self.kept)

    @property
    def kept_schemas(self) -> frozenset[str]:
        """Return the names of the schemas that stay."""
        return frozenset(one.schema for one in self.kept if one.kind == "schema")


def plan_clearing(
    session: Session, selection: Selection, expected: Inventory | None
) -> ClearingPlan:
    """Return what of the live database a restore drops. Changes nothing.

    ``expected`` is what the backup contains, if it is known.
    """
    objects = read_objects(session, selection)
    wholes = [one for one in objects if not one.is_part]
    creates = bool(session.value(_MAY_CREATE_SCHEMAS))
    superuser = bool(session.value(IS_SUPERUSER))
    moved = moved_extensions(session, expected)
    final = {one for one in wholes if not one.droppable or (one.superuser and not superuser)}
    roots = [
        one
        for one in wholes
        if not one.droppable
        or (_stays(one, expected) and one.identity not in moved)
        or (one.kind == "schema" and not creates)
        or (one in final and _is_wanted(one, expected))
    ]
    needed = _needed(session, roots)
    stays: set[tuple[int, int]] = set().union(*needed)
    kept = [one for one in objects if one.address in stays]
    dropped = [one for one in wholes if one.address not in stays and _in(selection, one)]
    conflicts = [
        _conflict(root, found, kept)
        for root, found in zip(roots, needed, strict=True)
        if root in final
    ]
    conflicts += others_large_objects(session, selection)
    order = {kind.name: number for number, kind in enumerate(OBJECT_KINDS)}
    return ClearingPlan(
        dropped=tuple(sorted(dropped, key=lambda one: order[one.kind])),
        kept=tuple(kept),
        conflicts=tuple(filter(None, conflicts)),
        objects=tuple(objects),
    )


def clear(
    session: Session, selection: Selection, plan: ClearingPlan, expected: Inventory | None
) -> None:
    """Drop what is planned. Raises ``ClientError`` if anything else would go with it."""
    outside = _other_schemas(session, selection)
    before = read_inventory(session, outside) if outside.schemas else None
    session.execute("SET LOCAL client_min_messages = warning")
    for right in default_privileges(session, selection.parameters):
        if right.alterable:
            session.execute(right.reset)
    gone = {one.schema for one in plan.dropped if one.kind == "schema"}
    drops = [_drop(o) for o in plan.dropped if o.kind == "schema" or o.schema not in gone]
    execute_all(session, drops)
    if not selection.schemas:
        for _, delete, permitted in session.rows(_EXTENSION_ROWS, {}):
            if permitted:
                session.execute(delete)
        session.execute("SELECT count(lo_unlink(oid)) FROM pg_largeobject_metadata")
    _reset_what_stays(session, selection, plan)
    _require_kept(session, selection, plan)
    if before is not None and before.differences(read_inventory(session, outside)):
        raise ClientError(
            "Objects in other schemas depend on objects to be replaced, and would be lost.",
            hint=f"Restore a backup that includes these schemas, or {_NEXT_TO_IT}",
        )
    if not selection.schemas and (expected is None or "public" in expected.objects["schema"]):
        _make_public(session)


def _stays(one: Object, expected: Inventory | None) -> bool:
    """Return whether an object stays although it may be dropped and made again."""
    is_public = one.kind == "schema" and one.schema == "public"
    return (is_public or one.kind == "extension") and _is_wanted(one, expected)


def _is_wanted(one: Object, expected: Inventory | None) -> bool:
    return expected is None or one.identity in expected.objects[one.kind]


def _needed(session: Session, roots: list[Object]) -> list[set[tuple[int, int]]]:
    """Return the addresses of everything that each of the roots needs, and its own."""
    needed: list[set[tuple[int, int]]] = [set() for _ in roots]
    parameters = {
        "classes": [one.address[0] for one in roots],
        "objects": [one.address[1] for one in roots],
    }
    for root, classid, objid in session.rows(_CLOSURE, parameters):
        needed[root - 1].add((classid, objid))
    return needed


def _conflict(root: Object, needed: set[tuple[int, int]], kept: list[Object]) -> str:
    if root.kind in _HOLDS_ROWS:
        return str(root)
    found = [one for one in kept if one.address in needed and one.kind in _HOLDS_ROWS]
    first = min(found, key=lambda one: _HOLDS_ROWS.index(one.kind), default=None)
    return f"{root} (it needs {first})" if first else ""


def _in(selection: Selection, one: Object) -> bool:
    return not selection.schemas or bool(one.schema)


def _drop(one: Object) -> str:
    head = f"DROP {_DROPS.get(one.type, one.type.upper())} IF EXISTS"
    if one.kind == "user mapping" and (mapping := _MAPPING.fullmatch(one.identity)):
        return f"{head} FOR {mapping[1]} SERVER {mapping[2]}"
    if one.kind == "transform" and (transform := _TRANSFORM.fullmatch(one.identity)):
        return f"{head} {transform[1]} LANGUAGE {transform[2]} CASCADE"
    return f"{head} {one.identity} CASCADE"


def _other_schemas(session: Session, selection: Selection) -> Selection:
    """Return the schemas that a restore of some schemas leaves alone."""
    if not selection.schemas:
        return Selection()
    schemas = {one.schema for one in read_objects(session, Selection()) if one.kind == "schema"}
    return Selection(schemas=tuple(schemas - set(selection.schemas)))


def _reset_what_stays(session: Session, selection: Selection, plan: ClearingPlan) -> None:
    """Set grants and comments back to those of a new database: the backup adds its own."""
    fixed = tuple(f"{one.key}: " for one in plan.kept if not one.droppable)
    resets = [one.reset for one in grants(session, selection.parameters) if one.alterable]
    found = comments(session, selection.parameters)
    resets += [one.reset for one in found if not one.name.startswith(fixed)]
    execute_all(session, resets)


def _require_kept(session: Session, selection: Selection, plan: ClearingPlan) -> None:
    left = {one.address for one in read_objects(session, selection)}
    if lost := [str(one) for one in plan.kept if one.address not in left]:
        raise ClientError(
            f"Dropping what is restored would take along what is not: {', '.join(lost[:4])}.",
            hint=f"Restore as its owner, or {_NEXT_TO_IT}",
        )


def _make_public(session: Session) -> None:
    """Make schema public as a new database has it, if there is none: dumps do not create it."""
    if session.value("SELECT to_regnamespace('public')") is not None:
        return
    session.execute("CREATE SCHEMA public")
    for statement in _NEW_PUBLIC:
        session.execute("SAVEPOINT public")
        try:
            session.execute(statement)
        except ServerError:
            # Only the owner of the database may make it as it was.
            session.execute("ROLLBACK TO SAVEPOINT public")
        session.execute("RELEASE SAVEPOINT public")
