"""Every kind of object that pg_dump dumps: the one list that all others are made from.

What a backup contains, what a restore drops, keeps, compares and needs rights for, and
the table in docs/pages/postgresql.md all come from ``KINDS``. pg_dump's own list:
https://www.postgresql.org/docs/current/app-pgdump.html, getSchemaData() in its source.
"""

from ...backups.inventory import Kind
from .object_kind import SUPERUSER, ObjectKind, in_schema, part, relation

_ONLY_SUPERUSERS = "a superuser"

_FIRST = (
    ObjectKind(
        name="event trigger",
        source="pg_event_trigger o",
        owners=SUPERUSER,
        superuser="true",
        needs=_ONLY_SUPERUSERS,
    ),
    ObjectKind(
        name="publication",
        source="pg_publication o",
        owners="ARRAY[o.pubowner]",
        superuser="o.puballtables OR EXISTS (SELECT FROM pg_publication_namespace n WHERE n.pnpubid = o.oid)",
        needs="a superuser if it is for all tables, or for all of a schema",
    ),
    part(
        "table in a publication",
        "pg_publication_rel o",
        of="prrelid",
        entries=("PUBLICATION TABLE",),
    ),
    ObjectKind(
        name="schema in a publication",
        source="pg_publication_namespace o",
        schema="o.pnnspid",
        needs="a superuser",
        entries=("PUBLICATION TABLES IN SCHEMA",),
    ),
    ObjectKind(
        name="transform",
        source="pg_transform o JOIN pg_type t ON t.oid = o.trftype",
        owners="ARRAY[t.typowner]",
        superuser="t.oid < 16384",
        needs="to own its type",
    ),
    ObjectKind(
        name="cast",
        source="pg_cast o JOIN pg_type s ON s.oid = o.castsource JOIN pg_type t ON t.oid = o.casttarget",
        owners="ARRAY[s.typowner, t.typowner]",
        superuser="o.castmethod = 'b' OR s.oid < 16384 AND t.oid < 16384",
        needs="to own one of its types",
    ),
    ObjectKind(
        name="user mapping",
        source="pg_user_mappings m JOIN pg_foreign_server s ON s.oid = m.srvid, "
        "LATERAL (SELECT 1418::oid AS tableoid, m.umid AS oid) o",
        owners="ARRAY[s.srvowner, m.umuser]",
        needs="the server's owner, to dump its options",
    ),
    ObjectKind(
        name="schema",
        source="pg_namespace o",
        owners="ARRAY[o.nspowner]",
        schema="o.oid",
        comes_back="exactly; one that is kept gets the grants of the backup",
        needs="CREATE on the database",
    ),
)

_RELATIONS = (
    relation("table", "'r', 'p'"),
    relation("view", "'v'"),
    relation("materialized view", "'m'", comes_back="refreshed"),
    relation("sequence", "'S'"),
    relation("foreign table", "'f'"),
    part("index", "pg_class o JOIN pg_index x ON x.indexrelid = o.oid", of="oid"),
    part("trigger", "pg_trigger o", of="tgrelid", where="NOT o.tgisinternal AND o.tgparentid = 0"),
    part("rule", "pg_rewrite o", of="ev_class", where="o.rulename <> '_RETURN'"),
    part("policy", "pg_policy o", of="polrelid"),
    part("default value", "pg_attrdef o", of="adrelid", entries=("DEFAULT",)),
    # Those of partitions are made with that of the partitioned table.
    part(
        "constraint",
        "pg_constraint o",
        of="conrelid",
        where="o.contype IN ('c', 'p', 'u', 'x') OR o.contype = 'f' AND o.conparentid = 0",
    ),
    ObjectKind(
        name="domain constraint",
        source="pg_constraint o WHERE o.contypid <> 0 AND o.contype = 'c'",
        schema="o.connamespace",
    ),
)

_IN_SCHEMAS = (
    in_schema(
        "type",
        "pg_type",
        "typ",
        where="o.typtype <> 'd' AND (o.typtype <> 'c' OR "
        "(SELECT c.relkind FROM pg_class c WHERE c.oid = o.typrelid) = 'c')",
        superuser="o.typtype = 'b'",
        needs="a superuser if it has functions in C",
    ),
    in_schema("domain", "pg_type", "typ", where="o.typtype = 'd'"),
    in_schema(
        "function",
        "pg_proc",
        "pro",
        superuser="o.proleakproof OR o.prosupport <> 0 OR NOT EXISTS "
        "(SELECT FROM pg_language l WHERE l.oid = o.prolang AND l.lanpltrusted) "
        "AND o.prokind <> 'a' OR EXISTS (SELECT FROM pg_aggregate a WHERE a.aggfnoid = o.oid "
        "AND a.aggtranstype = 'internal'::regtype)",
        needs="a superuser if it is leakproof or its language is not trusted",
        entries=("FUNCTION", "PROCEDURE", "AGGREGATE"),
    ),
    in_schema("operator", "pg_operator", "opr", where="o.oprcode <> 0"),
    in_schema("operator class", "pg_opclass", "opc", superuser="true", needs=_ONLY_SUPERUSERS),
    in_schema("operator family", "pg_opfamily", "opf", superuser="true", needs=_ONLY_SUPERUSERS),
    in_schema("collation", "pg_collation", "coll"),
    in_schema("conversion", "pg_conversion", "con"),
    in_schema("text search configuration", "pg_ts_config", "cfg"),
    in_schema("text search dictionary", "pg_ts_dict", "dict"),
    in_schema(
        "text search template",
        "pg_ts_template",
        "tmpl",
        owners=SUPERUSER,
        superuser="true",
        needs=_ONLY_SUPERUSERS,
    ),
    in_schema(
        "text search parser",
        "pg_ts_parser",
        "prs",
        owners=SUPERUSER,
        superuser="true",
        needs=_ONLY_SUPERUSERS,
    ),
    in_schema("statistics object", "pg_statistic_ext", "stx", entries=("STATISTICS",)),
)

_LAST = (
    ObjectKind(
        name="server",
        source="pg_foreign_server o",
        owners="ARRAY[o.srvowner]",
        superuser="NOT has_foreign_data_wrapper_privilege(o.srvfdw, 'USAGE')",
        needs="USAGE on the foreign-data wrapper",
    ),
    ObjectKind(
        name="foreign-data wrapper",
        source="pg_foreign_data_wrapper o",
        owners="ARRAY[o.fdwowner]",
        superuser="true",
        needs=_ONLY_SUPERUSERS,
        entries=("FOREIGN DATA WRAPPER",),
    ),
    ObjectKind(
        name="language",
        source="pg_language o",
        owners="ARRAY[o.lanowner]",
        superuser="true",
        needs=_ONLY_SUPERUSERS,
        entries=("PROCEDURAL LANGUAGE",),
    ),
    ObjectKind(
        name="access method",
        source="pg_am o",
        owners=SUPERUSER,
        superuser="true",
        needs=_ONLY_SUPERUSERS,
    ),
    ObjectKind(
        name="extension",
        source="pg_extension o",
        owners="ARRAY[o.extowner]",
        superuser="NOT EXISTS (SELECT FROM pg_available_extension_versions v "
        "WHERE v.name = o.extname AND v.trusted)",
        comes_back="kept as it is if it is there, else created",
        needs="a superuser to create it unless it is trusted",
    ),
)

OBJECT_KINDS = (*_FIRST, *_RELATIONS, *_IN_SCHEMAS, *_LAST)
"""In the order in which they are dropped."""

COLUMNS = Kind(name="columns", comes_back="exactly")
LARGE_OBJECTS = Kind(name="large object", needs="to own it")
DEFAULT_PRIVILEGES = Kind(
    name="default privileges", needs="to be a member of the role that they are for"
)
GRANT = Kind(
    name="grant",
    comes_back="exactly; left out is one to a role that does not exist, or on a multirange type",
    needs="to own the object",
)
COMMENT = Kind(name="comment", needs="to own the object")
LABEL = Kind(name="security label", needs="its provider on the server")

KINDS: tuple[Kind, ...] = (
    *OBJECT_KINDS,
    COLUMNS,
    LARGE_OBJECTS,
    DEFAULT_PRIVILEGES,
    GRANT,
    COMMENT,
    LABEL,
    Kind(name="row", comes_back="exactly", needs="to read it: see row-level security"),
    Kind(
        name="row of an extension's table",
        comes_back="exactly, where the role may delete and insert",
        needs="INSERT and DELETE on the table",
    ),
    Kind(name="owner", comes_back="the connecting role, or assume_role"),
    Kind(name="planner statistics", comes_back="made again by ANALYZE"),
    Kind(name="setting of the database", comes_back="not dumped: the live one is kept"),
    Kind(name="grant on the database", comes_back="not dumped: the live one is kept"),
    Kind(name="subscription", comes_back="not dumped: it contains passwords"),
    Kind(name="role", comes_back="not dumped: it belongs to the server"),
    Kind(name="tablespace", comes_back="not dumped: it belongs to the server"),
)
