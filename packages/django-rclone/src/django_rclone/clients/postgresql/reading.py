"""Whether a role may read what pg_dump reads, asked before pg_dump is started."""

from collections.abc import Collection

from ...exceptions import ClientError
from ..session import Session
from .catalog import Selection

_SHOWN = 4

# pg_dump locks each table, and reads the rows of tables and the state of sequences. Of what an
# extension has made it dumps nothing here.
_UNREADABLE = """
SELECT i.type || ' ' || i.identity
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
LATERAL pg_identify_object('pg_class'::regclass, c.oid, 0) i
WHERE c.relkind IN ('r', 'p', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
AND (%(all)s OR n.nspname = ANY(%(schemas)s::text[]))
AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))
AND NOT c.oid = ANY(SELECT to_regclass(t) FROM unnest(%(without)s::text[]) t)
AND NOT EXISTS (
    SELECT FROM pg_depend d
    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
)
ORDER BY 1
"""


def require_readable(session: Session, selection: Selection, without: Collection[str]) -> None:
    """Raise ``ClientError`` for tables and sequences that this role may not read.

    ``without`` are the quoted names of tables that are not dumped.
    """
    parameters = {**selection.parameters, "without": list(without)}
    found = [name for (name,) in session.rows(_UNREADABLE, parameters)]
    if not found:
        return
    more = f" and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
    role = session.value("SELECT quote_ident(current_user)")
    raise ClientError(
        f"Role {role} may not read {', '.join(found[:_SHOWN])}{more}.",
        hint=f"As their owner or a superuser: GRANT USAGE on the schema and SELECT on all of its "
        f"tables and sequences to {role}; or, since PostgreSQL 14, GRANT pg_read_all_data TO {role}.",
    )
