"""Grants, default privileges, comments and labels: read, compared, and set back.

A grant is listed as a difference from what PostgreSQL grants by itself: from what initdb
or an extension granted (``pg_init_privs``), or from the default of such an object. So
what a dump contains, what is compared and what has to be taken back are the same list.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ..session import Session
from .definitions import digest

_SYSTEM = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
# Not those of multirange types: pg_dump leaves them out. Since version 17 they have none of their own.
_ACLS = """
    SELECT c.tableoid AS classid, c.oid AS objid, 0 AS subid, c.relowner AS owner,
        (CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END)::"char" AS type, c.relacl AS acl,
        c.relnamespace AS schema, '' AS part
    FROM pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    UNION ALL SELECT c.tableoid, c.oid, a.attnum, c.relowner, 'c', a.attacl, c.relnamespace,
        quote_ident(a.attname)
    FROM (
        SELECT attrelid, attnum FROM pg_attribute WHERE attacl IS NOT NULL
        UNION SELECT objoid, objsubid FROM pg_init_privs
        WHERE classoid = 'pg_class'::regclass AND objsubid <> 0
    ) granted JOIN pg_attribute a USING (attrelid, attnum) JOIN pg_class c ON c.oid = a.attrelid
    WHERE NOT a.attisdropped
    UNION ALL SELECT tableoid, oid, 0, proowner, 'f', proacl, pronamespace, '' FROM pg_proc
    UNION ALL SELECT tableoid, oid, 0, typowner, 'T', typacl, typnamespace, '' FROM pg_type
    WHERE typtype <> 'm'
    UNION ALL SELECT tableoid, oid, 0, nspowner, 'n', nspacl, oid, '' FROM pg_namespace
    UNION ALL SELECT tableoid, oid, 0, lanowner, 'l', lanacl, NULL, '' FROM pg_language
    UNION ALL SELECT tableoid, oid, 0, fdwowner, 'F', fdwacl, NULL, '' FROM pg_foreign_data_wrapper
    UNION ALL SELECT tableoid, oid, 0, srvowner, 'S', srvacl, NULL, '' FROM pg_foreign_server
    UNION ALL SELECT 'pg_largeobject'::regclass, oid, 0, lomowner, 'L', lomacl, NULL, ''
    FROM pg_largeobject_metadata
"""
# Of schema public pg_dump assumes that everybody may use it, whatever there was at initdb.
_GRANTS = f"""
WITH acls AS ({_ACLS}), changed AS (
    SELECT a.*, coalesce(a.acl, acldefault(a.type, a.owner)) AS now,
        CASE WHEN a.type = 'n' AND n.nspname = 'public'
            THEN ARRAY[makeaclitem(0::oid, a.owner, 'USAGE', false)]
            ELSE coalesce(i.initprivs, acldefault(a.type, a.owner)) END AS base
    FROM acls a LEFT JOIN pg_init_privs i
    ON i.classoid = a.classid AND i.objoid = a.objid AND i.objsubid = a.subid
    LEFT JOIN pg_namespace n ON n.oid = a.schema
    WHERE (a.acl IS DISTINCT FROM i.initprivs OR a.type = 'n' AND n.nspname = 'public')
    AND (n.oid IS NULL OR n.nspname = 'pg_catalog' OR {_SYSTEM})
    AND (%(all)s OR n.nspname = ANY(%(schemas)s::text[]))
), differences AS (
    SELECT classid, objid, owner, part, '+' AS sign, x.*
    FROM changed, LATERAL (SELECT privilege_type, is_grantable, grantee FROM aclexplode(now)
        EXCEPT SELECT privilege_type, is_grantable, grantee FROM aclexplode(base)) x
    UNION ALL SELECT classid, objid, owner, part, '-', x.*
    FROM changed, LATERAL (SELECT privilege_type, is_grantable, grantee FROM aclexplode(base)
        EXCEPT SELECT privilege_type, is_grantable, grantee FROM aclexplode(now)) x
)
SELECT i.type, replace(i.identity, 'pg_catalog.', ''), d.part, d.sign, d.privilege_type, d.is_grantable,
    CASE d.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(d.grantee)) END,
    pg_has_role(d.owner, 'USAGE')
FROM differences d, LATERAL pg_identify_object(d.classid, d.objid, 0) i
WHERE d.grantee <> d.owner AND i.identity IS NOT NULL
"""

_DEFAULT_PRIVILEGES = """
WITH defaults AS (
    SELECT d.*, n.nspname, CASE WHEN n.oid IS NULL THEN
        acldefault((CASE d.defaclobjtype WHEN 'S' THEN 's' ELSE d.defaclobjtype END)::"char",
            d.defaclrole)
        ELSE acldefault('c', d.defaclrole) END AS base
    FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
    WHERE %(all)s OR n.nspname = ANY(%(schemas)s::text[])
), differences AS (
    SELECT d.*, '+' AS sign, x.* FROM defaults d, LATERAL (
        SELECT privilege_type, is_grantable, grantee FROM aclexplode(d.defaclacl)
        EXCEPT SELECT privilege_type, is_grantable, grantee FROM aclexplode(d.base)) x
    UNION ALL SELECT d.*, '-', x.* FROM defaults d, LATERAL (
        SELECT privilege_type, is_grantable, grantee FROM aclexplode(d.base)
        EXCEPT SELECT privilege_type, is_grantable, grantee FROM aclexplode(d.defaclacl)) x
)
SELECT quote_ident(pg_get_userbyid(defaclrole)),
    coalesce(' IN SCHEMA ' || quote_ident(nspname), ''),
    CASE defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS'
    WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END,
    sign, privilege_type, is_grantable,
    CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
    pg_has_role(defaclrole, 'USAGE')
FROM differences
"""

# Of what is dumped, of extensions, and of schema public where it is not the usual one.
_COMMENTS = f"""
SELECT i.type, replace(i.identity, 'pg_catalog.', ''), d.objsubid, d.description
FROM pg_description d
LEFT JOIN pg_namespace s ON d.classoid = 'pg_namespace'::regclass AND d.objoid = s.oid,
LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) i
LEFT JOIN pg_namespace n ON quote_ident(n.nspname) = i.schema
WHERE (d.objoid >= 16384 OR s.nspname = 'public')
AND NOT (coalesce(s.nspname = 'public', false) AND d.description = 'standard public schema')
AND (n.oid IS NULL OR {_SYSTEM})
AND (%(all)s OR n.nspname = ANY(%(schemas)s::text[]) OR s.nspname = ANY(%(schemas)s::text[]))
AND NOT EXISTS (
    SELECT FROM pg_depend e WHERE e.classid = d.classoid AND e.objid = d.objoid
    AND e.objsubid = 0 AND e.deptype = 'e'
)
AND i.identity IS NOT NULL
"""
_LABELS = """
SELECT concat_ws(' ', l.objtype, l.objname, l.provider), l.label FROM pg_seclabels l
WHERE l.objoid >= 16384 AND l.objtype NOT IN ('role', 'database', 'tablespace', 'subscription')
"""

# Since version 17 a grant of ALL, in a dump of whatever version, includes it.
_NEW = "MAINTAIN"

_GRANT_TARGETS = {
    "function": "ROUTINE",
    "aggregate": "ROUTINE",
    "procedure": "ROUTINE",
    "view": "TABLE",
    "materialized view": "TABLE",
    "foreign table": "TABLE",
    "foreign-data wrapper": "FOREIGN DATA WRAPPER",
    "server": "FOREIGN SERVER",
}
_COMMENT_TARGETS = {
    "foreign-data wrapper": "FOREIGN DATA WRAPPER",
    "statistics object": "STATISTICS",
    "table column": "COLUMN",
    "view column": "COLUMN",
    "composite type column": "COLUMN",
    "foreign table column": "COLUMN",
    "materialized view column": "COLUMN",
    "table constraint": "CONSTRAINT",
}

Parameters = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Right:
    """A grant or default privilege: its name in an inventory, and what sets it back."""

    name: str
    roles: tuple[str, ...]
    """The roles that it names, quoted."""
    reset: str
    """The statement that undoes it."""
    alterable: bool
    """Whether this role may undo it."""
    compared: bool
    """Whether every version of PostgreSQL that has such objects knows the privilege."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment: its name in an inventory, and what removes it."""

    name: str
    reset: str


def grants(session: Session, parameters: Parameters) -> list[Right]:
    """Return how the rights on objects differ from those that PostgreSQL grants by itself."""
    found = []
    for type_, identity, part, sign, privilege, option, grantee, alterable in session.rows(
        _GRANTS, parameters
    ):
        columns = f" ({part})" if part else ""
        target = f"{_GRANT_TARGETS.get(type_, type_.upper())} {identity}"
        found.append(
            Right(
                f"{type_} {identity}: {sign}{privilege}{columns}{'*' * option} to {grantee}",
                (grantee,),
                _undo("", sign, f"{privilege}{columns} ON {target}", grantee, option=option),
                alterable,
                privilege != _NEW,
            )
        )
    return found


def default_privileges(session: Session, parameters: Parameters) -> list[Right]:
    """Return how default privileges differ from those of a new database."""
    found = []
    for role, schema, kind, sign, privilege, option, grantee, alterable in session.rows(
        _DEFAULT_PRIVILEGES, parameters
    ):
        head = f"ALTER DEFAULT PRIVILEGES FOR ROLE {role}{schema} "
        found.append(
            Right(
                f"{kind}{schema}: {sign}{privilege}{'*' * option} by {role} to {grantee}",
                (grantee, role),
                _undo(head, sign, f"{privilege} ON {kind}", grantee, option=option),
                alterable,
                privilege != _NEW,
            )
        )
    return found


def comments(session: Session, parameters: Parameters) -> list[Comment]:
    """Return the comments that are dumped."""
    found = []
    for type_, identity, _, text in session.rows(_COMMENTS, parameters):
        target = _COMMENT_TARGETS.get(type_, type_.upper())
        new = "'standard public schema'" if identity == "public" and type_ == "schema" else "NULL"
        found.append(
            Comment(
                f"{type_} {identity}: {digest(text)}", f"COMMENT ON {target} {identity} IS {new}"
            )
        )
    return found


def labels(session: Session) -> list[str]:
    """Return the security labels that are dumped."""
    return [f"{name} {digest(label)}" for name, label in session.rows(_LABELS, {})]


def _undo(head: str, sign: str, what: str, grantee: str, *, option: bool) -> str:
    if sign == "+":
        return f"{head}REVOKE {what} FROM {grantee} CASCADE"
    return f"{head}GRANT {what} TO {grantee}{' WITH GRANT OPTION' * option}"
