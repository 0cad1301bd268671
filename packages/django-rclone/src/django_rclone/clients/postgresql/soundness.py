"""Finds what a backup contains and no restore could make again, while there still is time.

Rows are what they are; a restore checks every constraint again. A foreign key may be broken
by rows that came in while its triggers were off, and a CHECK that asks for the time, or
calls a function of the site, may no longer be true of rows that it let in.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ..session import Session

_NO_RESTORE = (
    "A restore of this backup will be refused; correct that and back up again. "
    "Until then `dbrestore --salvage` gets the rest."
)
_FOREIGN_KEYS = """
SELECT child.schema, quote_ident(c.conname), child.identity, parent.identity,
    string_agg(format('c.%%I = p.%%I', a.attname, f.attname), ' AND ' ORDER BY k.place),
    string_agg(format('c.%%I IS NOT NULL', a.attname),
        CASE c.confmatchtype WHEN 'f' THEN ' OR ' ELSE ' AND ' END ORDER BY k.place),
    t.relkind = 'r', pt.relkind = 'r', pg_relation_size(t.oid) + pg_relation_size(pt.oid)
FROM pg_constraint c
JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class pt ON pt.oid = c.confrelid,
LATERAL unnest(c.conkey, c.confkey) WITH ORDINALITY AS k (own, foreign_, place)
JOIN pg_attribute a ON a.attnum = k.own
JOIN pg_attribute f ON f.attnum = k.foreign_,
LATERAL pg_identify_object('pg_class'::regclass, c.conrelid, 0) child,
LATERAL pg_identify_object('pg_class'::regclass, c.confrelid, 0) parent
WHERE c.contype = 'f' AND c.convalidated AND c.conparentid = 0 AND c.oid >= 16384
AND a.attrelid = c.conrelid AND f.attrelid = c.confrelid
AND has_table_privilege(c.conrelid, 'SELECT') AND has_table_privilege(c.confrelid, 'SELECT')
GROUP BY c.oid, 1, 2, 3, 4, t.oid, t.relkind, pt.oid, pt.relkind
ORDER BY 9, c.oid
"""
# What is not immutable may be true today and not tomorrow; what the site wrote may say anything.
_MUTABLE = """(
    c.conbin::text LIKE '%%{SQLVALUEFUNCTION%%' OR EXISTS (
        SELECT FROM regexp_matches(c.conbin::text, ':(?:op)?funcid (\\d+)', 'g') m
        JOIN pg_proc p ON p.oid = m[1]::oid WHERE p.provolatile <> 'i' OR p.oid >= 16384
    )
)"""
_CHECKS = f"""
SELECT i.schema, quote_ident(c.conname), i.identity, pg_get_expr(c.conbin, c.conrelid),
    t.relkind = 'r', pg_relation_size(t.oid)
FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid,
LATERAL pg_identify_object('pg_class'::regclass, c.conrelid, 0) i
WHERE c.contype = 'c' AND c.convalidated AND c.conislocal AND c.oid >= 16384 AND {_MUTABLE}
AND has_table_privilege(c.conrelid, 'SELECT')
ORDER BY 6, c.oid
"""
_DOMAINS = f"""
SELECT i.schema, quote_ident(c.conname), i.identity, quote_ident(a.attname), format_type(d.typbasetype, d.typtypmod),
    (pg_identify_object('pg_type'::regclass, d.oid, 0)).identity, pg_relation_size(t.oid)
FROM pg_constraint c JOIN pg_type d ON d.oid = c.contypid
JOIN pg_attribute a ON a.atttypid = d.oid AND NOT a.attisdropped
JOIN pg_class t ON t.oid = a.attrelid AND t.relkind = 'r',
LATERAL pg_identify_object('pg_class'::regclass, t.oid, 0) i
WHERE c.contype = 'c' AND c.convalidated AND c.oid >= 16384 AND {_MUTABLE}
AND has_table_privilege(t.oid, 'SELECT')
ORDER BY 7, c.oid
"""
# The list of a rule on a table that has got columns since: PostgreSQL takes no such rule.
_RULES = """
SELECT i.identity FROM pg_rewrite w, LATERAL pg_identify_object('pg_rewrite'::regclass, w.oid, 0) i,
LATERAL (SELECT substring(w.ev_action::text FROM ':returningList \\((.*?)\\) :groupClause') AS list) r
WHERE w.oid >= 16384 AND w.ev_type <> '1' AND r.list NOT LIKE '%%{SUBLINK%%'
AND (length(r.list) - length(replace(r.list, '{TARGETENTRY ', ''))) / length('{TARGETENTRY ') <> (
    SELECT count(*) FROM pg_attribute a WHERE a.attrelid = w.ev_class AND a.attnum > 0 AND NOT a.attisdropped
)
ORDER BY 1
"""
# One row shows whether names are found.
_CALLS = """
SELECT format('SELECT count(e) < 0 FROM (SELECT ROW(%%s) AS e FROM ONLY %%s%%s LIMIT 1) s',
        o.expression, i.identity, ' WHERE ' || o.condition), i.schema, o.what || ' of ' || i.identity
FROM (
    SELECT 'pg_class'::regclass AS catalog, x.indexrelid AS id, x.indrelid AS relation,
        'index ' || quote_ident(c.relname) AS what,
        coalesce(pg_get_expr(x.indexprs, x.indrelid), '1') AS expression,
        pg_get_expr(x.indpred, x.indrelid) AS condition
    FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
    UNION ALL
    SELECT 'pg_attrdef'::regclass, d.oid, d.adrelid, 'column ' || quote_ident(a.attname),
        pg_get_expr(d.adbin, d.adrelid), NULL
    FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    WHERE a.attgenerated = 's'
) o JOIN pg_class t ON t.oid = o.relation AND t.relkind = 'r',
LATERAL pg_identify_object('pg_class'::regclass, t.oid, 0) i
WHERE has_table_privilege(t.oid, 'SELECT') AND EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = o.catalog AND d.objid = o.id
    AND d.refclassid = 'pg_proc'::regclass AND d.refobjid >= 16384
)
ORDER BY 2, 3
"""
# A backup has the query of a materialized view, not its rows. That it reads every column matters:
# what is not needed is not computed.
_VIEWS = """
SELECT format('SELECT count(v) < 0 FROM (%%s) v', rtrim(pg_get_viewdef(c.oid), ';')), i.identity,
    i.schema, pg_relation_size(c.oid)
FROM pg_class c, LATERAL pg_identify_object('pg_class'::regclass, c.oid, 0) i
WHERE c.relkind = 'm' AND c.relispopulated AND c.oid >= 16384 AND has_table_privilege(c.oid, 'SELECT')
ORDER BY 4, c.oid
"""
VIOLATED = ("23514",)
_WRONG_VALUES = ("21", "22", "23", "P0")
"""Classes of errors: more than one row, a value, a constraint, an exception that is raised."""
UNRESOLVED = ("42883", "42P01", "42703", "42704", "3F000")
"""No such function, table, column, type, schema."""


@dataclass(frozen=True, slots=True)
class RowCheck:
    """A question about rows, and what to tell if the answer is yes."""

    query: str
    """Finds whether a row breaks the constraint; or fails on one, with the code ``VIOLATED``.

    Like a restore, it may run functions of the site, and fail if they do not find a name.
    """
    size: int
    """The bytes of the tables that it reads."""
    schema: str
    """That of the table."""
    of: str
    """What it is about."""
    sentence: str = ""
    runs_anything: bool = False
    """Whether it fails as well with every other error that comes of the rows."""

    def is_broken(self, answer: object) -> bool:
        """Return whether an answer, or the code of an error, says that the rows cannot stay."""
        code = answer if isinstance(answer, str) else ""
        wrong = self.runs_anything and code[:2] in _WRONG_VALUES
        return answer is True or code in VIOLATED or wrong

    @property
    def unresolved(self) -> str:
        """Return what to tell if a function does not find a name."""
        return (
            f"A function that {self.of} calls does not find a name that it uses: it is neither a "
            "setting of this database and role, nor in their search_path, nor in the schema of "
            f"the table. {_NO_RESTORE}"
        )


def impossible_rules(session: Session) -> list[str]:
    """Return a sentence about each rule that could not be made again."""
    return [
        f"Rule {name} returns other columns than its table has by now. {_NO_RESTORE}"
        for (name,) in session.rows(_RULES, {})
    ]


def checks_of_rows(session: Session) -> Iterator[RowCheck]:
    """Yield what to ask of the rows, of each kind the quick questions first."""
    for query, schema, of in session.rows(_CALLS, {}):
        yield RowCheck(query, 0, schema, of)
    for schema, name, child, parent, equal, present, own, their, size in session.rows(
        _FOREIGN_KEYS, {}
    ):
        yield RowCheck(
            f"SELECT EXISTS (SELECT FROM {'ONLY ' * own}{child} c WHERE ({present}) AND NOT EXISTS "
            f"(SELECT FROM {'ONLY ' * their}{parent} p WHERE {equal}))",
            size,
            schema,
            f"foreign key {name} of {child}",
            f"Rows of {child} break its foreign key {name}: they refer to rows of {parent} that "
            f"do not exist. {_NO_RESTORE}",
        )
    for schema, name, table, condition, own, size in session.rows(_CHECKS, {}):
        yield RowCheck(
            f"SELECT EXISTS (SELECT FROM {'ONLY ' * own}{table} WHERE NOT ({condition}))",
            size,
            schema,
            f"constraint {name} of {table}",
            f"Rows of {table} break its constraint {name}. {_NO_RESTORE}",
        )
    for schema, name, table, column, base, domain, size in session.rows(_DOMAINS, {}):
        yield RowCheck(
            f"SELECT count({column}::{base}::{domain}) < 0 FROM ONLY {table}",
            size,
            schema,
            f"constraint {name} of domain {domain}",
            f"Values of {table}.{column} break constraint {name} of domain {domain}. {_NO_RESTORE}",
        )
    for query, view, schema, size in session.rows(_VIEWS, {}):
        what = f"materialized view {view}"
        yield RowCheck(
            query,
            size,
            schema,
            what,
            f"The query of {what} fails, so that it could not be filled again. {_NO_RESTORE}",
            runs_anything=True,
        )
