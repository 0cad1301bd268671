"""What objects are, beyond their names: compared between servers of one major version.

PostgreSQL prints expressions in other words after each restore, for example
``IN ('a', 'b')``: so what it prints of a view or a check is not compared, but what the
catalogs say in plain values is.
"""

import hashlib
from collections.abc import Iterable

from ..session import Session
from .catalog import Object

_FUNCTIONS = """
SELECT p.tableoid, p.oid, jsonb_build_array(
    l.lanname, p.prosrc, p.probin, p.prokind, p.provolatile, p.proparallel, p.prosecdef,
    p.proleakproof, p.proisstrict, p.proretset, p.prorettype::regtype, p.pronargdefaults,
    p.proargnames, p.proargmodes, p.procost, p.prorows
)::text
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE p.oid >= 16384
"""
_TRIGGERS = """
SELECT t.tableoid, t.oid, jsonb_build_array(
    t.tgfoid::regproc, t.tgtype, t.tgenabled, t.tgdeferrable, t.tginitdeferred, t.tgnargs,
    t.tgqual IS NULL, t.tgoldtable, t.tgnewtable, t.tgconstrrelid::regclass, cardinality(t.tgattr::int2[])
)::text
FROM pg_trigger t WHERE NOT t.tgisinternal AND t.oid >= 16384
"""

# A column of an index is a column of its table, or an expression. Names are looked up for all
# at once: a query for each index and constraint takes three times as long. Where the server is
# too old for a column of a catalog, its name is that of the one in ``older``.
_INDEXES = """
SELECT c.tableoid, c.oid, jsonb_build_array(
    m.amname, x.indisunique, x.indnkeyatts, x.indimmediate, x.nulls_not_distinct,
    x.indoption::int2[], x.indpred IS NULL, k.columns, k.classes
)::text
FROM (SELECT NULL::boolean AS indnullsnotdistinct) older CROSS JOIN LATERAL (
    SELECT i.*, indnullsnotdistinct AS nulls_not_distinct FROM pg_index i
) x JOIN pg_class c ON c.oid = x.indexrelid JOIN pg_am m ON m.oid = c.relam JOIN (
    SELECT i.indexrelid, jsonb_agg(a.attname ORDER BY k.place) AS columns,
        jsonb_agg(o.opcname ORDER BY k.place) FILTER (WHERE k.class IS NOT NULL) AS classes
    FROM pg_index i CROSS JOIN LATERAL
        unnest(i.indkey::int2[], i.indclass::oid[]) WITH ORDINALITY k (number, class, place)
    LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
    LEFT JOIN pg_opclass o ON o.oid = k.class
    WHERE i.indexrelid >= 16384 GROUP BY i.indexrelid
) k ON k.indexrelid = c.oid
WHERE c.oid >= 16384
"""
_CONSTRAINTS = """
SELECT c.tableoid, c.oid, jsonb_build_array(
    c.contype, c.condeferrable, c.condeferred, c.convalidated, c.is_enforced,
    c.confupdtype, c.confdeltype, c.confmatchtype, c.confrelid::regclass,
    c.contype = 'c' AND c.connoinherit, own.columns, other.columns
)::text
FROM (SELECT NULL::boolean AS conenforced) older CROSS JOIN LATERAL (
    SELECT t.tableoid, t.*, conenforced AS is_enforced FROM pg_constraint t
) c LEFT JOIN (
    SELECT t.oid, jsonb_agg(a.attname ORDER BY k.place) AS columns
    FROM pg_constraint t CROSS JOIN LATERAL unnest(t.conkey) WITH ORDINALITY k (number, place)
    LEFT JOIN pg_attribute a ON a.attrelid = t.conrelid AND a.attnum = k.number
    WHERE t.contype <> 'c' AND t.oid >= 16384 GROUP BY t.oid
) own ON own.oid = c.oid LEFT JOIN (
    SELECT t.oid, jsonb_agg(a.attname ORDER BY k.place) AS columns
    FROM pg_constraint t CROSS JOIN LATERAL unnest(t.confkey) WITH ORDINALITY k (number, place)
    JOIN pg_attribute a ON a.attrelid = t.confrelid AND a.attnum = k.number
    WHERE t.oid >= 16384 GROUP BY t.oid
) other ON other.oid = c.oid
WHERE c.conrelid <> 0 AND c.oid >= 16384
"""
_VIEWS = """
SELECT c.tableoid, c.oid, jsonb_build_array(c.relkind, (
    SELECT jsonb_agg(DISTINCT d.refobjid::regclass::text) FROM pg_rewrite r
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
    WHERE r.ev_class = c.oid AND r.ev_type = '1' AND d.refclassid = 'pg_class'::regclass
))::text
FROM pg_class c WHERE c.relkind IN ('v', 'm') AND c.oid >= 16384
"""
_SEQUENCES = """
SELECT c.tableoid, c.oid, jsonb_build_array(
    s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle
)::text
FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid WHERE c.oid >= 16384
"""
_QUERIES = (_FUNCTIONS, _TRIGGERS, _INDEXES, _CONSTRAINTS, _VIEWS, _SEQUENCES)


_MAJOR = "SELECT current_setting('server_version_num')::integer / 10000"
DEFINITION = "definition"


def definitions(session: Session, objects: Iterable[Object]) -> tuple[str, set[str]]:
    """Return the definitions of objects, and their kind, as an inventory names both.

    The kind is another for each major version, so that only those of the same are compared.
    """
    known = {one.address: str(one) for one in objects}
    found = {
        f"{name}: {digest(text)}"
        for query in _QUERIES
        for classid, objid, text in session.rows(query, {})
        if (name := known.get((classid, objid)))
    }
    return f"{DEFINITION} (PostgreSQL {session.value(_MAJOR)})", found


def digest(text: str) -> str:
    """Return a hash of a text, the same whatever the encoding of the database."""
    return hashlib.md5(text.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()
