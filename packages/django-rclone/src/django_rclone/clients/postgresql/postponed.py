"""Constraints and views that need rows which a dump loads later than their own.

pg_dump makes CHECK constraints with their tables, before any rows. One that calls a
function of the site may read other tables, which are still empty then. So these are taken
off before the first rows, and put back, which checks all rows, after the last.
"""

from dataclasses import dataclass

from ..session import Session

_CHECKS = """
SELECT CASE WHEN c.contypid = 0 THEN 'TABLE ' ELSE 'DOMAIN ' END || i.of, quote_ident(c.conname),
    pg_get_constraintdef(c.oid), quote_literal(obj_description(c.oid, 'pg_constraint')),
    CASE WHEN c.contypid = 0 THEN '' ELSE 'DOMAIN ' END || i.of, n.nspname
FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace, LATERAL (
    SELECT (pg_identify_object(classid, objid, 0)).identity AS of
    FROM (VALUES ('pg_class'::regclass, c.conrelid), ('pg_type'::regclass, c.contypid)) AS v (classid, objid)
    WHERE objid <> 0
) i
WHERE c.contype = 'c' AND c.conislocal AND c.convalidated AND c.oid >= 16384
AND EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = 'pg_constraint'::regclass AND d.objid = c.oid
    AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass) AND d.refobjid >= 16384
)
AND NOT EXISTS (
    SELECT FROM pg_depend e WHERE e.deptype = 'e' AND (e.classid, e.objid) IN
        (('pg_class'::regclass, c.conrelid), ('pg_type'::regclass, c.contypid))
)
-- PostgreSQL cannot check values of a domain that are parts of other values: so it makes no
-- constraint of such a domain once there are tables.
AND NOT EXISTS (
    WITH RECURSIVE holder (type, has_parts) AS (
        SELECT c.contypid, false
        UNION
        SELECT t.oid, h.has_parts OR t.typtype <> 'd' FROM holder h
        JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid = h.type
        JOIN pg_type t ON CASE d.classid WHEN 'pg_type'::regclass THEN t.oid = d.objid
            WHEN 'pg_class'::regclass THEN t.typrelid = d.objid END
        WHERE h.type <> 0
    )
    SELECT FROM holder h JOIN pg_attribute a ON a.atttypid = h.type AND NOT a.attisdropped
    JOIN pg_class t ON t.oid = a.attrelid AND t.relkind IN ('r', 'm', 'p') WHERE h.has_parts
)
ORDER BY c.coninhcount, c.oid
"""

_TO_ANALYZE = """
SELECT i.identity FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
LATERAL pg_identify_object('pg_class'::regclass, c.oid, 0) i
WHERE c.relkind IN ('r', 'm') AND pg_relation_size(c.oid) > 0 AND pg_has_role(c.relowner, 'USAGE')
AND NOT EXISTS (SELECT FROM pg_stats s WHERE s.schemaname = n.nspname AND s.tablename = c.relname) AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
UNION ALL SELECT i.identity FROM pg_class c, LATERAL pg_identify_object('pg_class'::regclass, c.oid, 0) i
WHERE c.relkind = 'p' AND NOT c.relispartition AND pg_has_role(c.relowner, 'USAGE')
"""


@dataclass(frozen=True, slots=True)
class Check:
    """A CHECK constraint that calls a function of the site."""

    of: str
    """The kind and name of the table or domain that it is of."""
    name: str
    definition: str
    comment: str | None
    comment_target: str
    schema: str

    def __str__(self) -> str:
        return f"constraint {self.name} of {self.of.lower()}"

    @property
    def drop(self) -> str:
        """Return the statement that takes it off."""
        return f"ALTER {self.of} DROP CONSTRAINT {self.name}"

    @property
    def add(self) -> str:
        """Return the statements that put it back."""
        add = f"ALTER {self.of} ADD CONSTRAINT {self.name} {self.definition}"
        if self.comment is None:
            return add
        return (
            f"{add}; COMMENT ON CONSTRAINT {self.name} ON {self.comment_target} IS {self.comment}"
        )


def checks_by_functions(session: Session) -> list[Check]:
    """Return the CHECK constraints that call functions of the site."""
    return [Check(*row) for row in session.rows(_CHECKS)]


def tables_to_analyze(session: Session) -> list[str]:
    """Return the tables that the planner knows nothing of, and that this role may analyze."""
    return [name for (name,) in session.rows(_TO_ANALYZE)]
