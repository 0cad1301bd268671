"""Every kind of object in a schema of MariaDB or MySQL: where the server lists it, how it is shown.

The dump, the checks before it, the restore, the comparison after it and the table in
docs/pages/mysql.md come from this one list.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ...backups.inventory import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class MysqlKind(Kind):
    """A kind, and the queries about it; they take the name of the schema."""

    names: str = ""
    """Finds the names, in its first column. Empty: it is not listed."""
    table: int | None = None
    """The column of ``names`` with the table that it belongs to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextKind(MysqlKind):
    """A kind whose objects have a text of their own: the dump tool cannot be trusted with it.

    The columns of ``names`` are name, definer, table, and two texts that the server puts
    into what it shows in UTF-8, whatever the character set of the rest is. The other fields
    are positions in the answer of ``SHOW CREATE``.
    """

    sql: str
    """Its name in SQL."""
    comment: int | None = None
    """The column of ``names`` with its comment."""
    text: int = 2
    sql_mode: int | None = 1
    charset: int = 3
    collation: int = 4
    schema_collation: int | None = 5
    time_zone: int | None = None


def _routine(sql: str) -> TextKind:
    names = f"""
SELECT routine_name, definer, '', routine_comment, coalesce(dtd_identifier, '')
FROM information_schema.routines
WHERE routine_schema = %s AND routine_type = '{sql}' ORDER BY routine_name
"""  # noqa: S608
    needs = "`EXECUTE`, and to read `mysql.proc` where another role is the definer"
    return TextKind(name=sql.lower(), sql=sql, needs=needs, names=names, comment=3)


def _tables(condition: str) -> str:
    return f"""
SELECT table_name FROM information_schema.tables
WHERE table_schema = %s AND {condition} ORDER BY table_name
"""  # noqa: S608


_PARTITIONS = """
SELECT concat_ws('.', table_name, partition_name, subpartition_name), table_name
FROM information_schema.partitions
WHERE table_schema = %s AND partition_name IS NOT NULL
"""
_INDEXES = """
SELECT DISTINCT concat(table_name, '.', index_name), table_name
FROM information_schema.statistics WHERE table_schema = %s
"""
_CONSTRAINTS = """
SELECT concat(table_name, '.', constraint_name), table_name
FROM information_schema.table_constraints WHERE table_schema = %s AND constraint_type = '{}'
"""
_VIEWS = """
SELECT table_name, definer, '', '', '' FROM information_schema.views
WHERE table_schema = %s ORDER BY table_name
"""
_TRIGGERS = """
SELECT trigger_name, definer, event_object_table, '', '' FROM information_schema.triggers
WHERE trigger_schema = %s
ORDER BY event_object_table, action_timing, event_manipulation, action_order
"""
_EVENTS = """
SELECT event_name, definer, '', event_name, event_comment
FROM information_schema.events WHERE event_schema = %s ORDER BY event_name
"""

BODIES = """
SELECT lower(routine_type), routine_name, '', left(sha2(routine_definition, 256), 16), sql_mode,
    character_set_client, collation_connection
FROM information_schema.routines WHERE routine_schema = %(schema)s
UNION ALL SELECT 'trigger', trigger_name, event_object_table, left(sha2(action_statement, 256), 16),
    sql_mode, character_set_client, collation_connection
FROM information_schema.triggers WHERE trigger_schema = %(schema)s
UNION ALL SELECT 'event', event_name, '', left(sha2(event_definition, 256), 16), sql_mode,
    character_set_client, collation_connection
FROM information_schema.events WHERE event_schema = %(schema)s
"""
"""Finds kind, name, table and a hash of each text that the server keeps as it was written, and
the settings that give it its meaning."""

KINDS: tuple[MysqlKind, ...] = (
    MysqlKind(
        name="table",
        needs="`SELECT` on the whole schema",
        names=_tables("table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')"),
        table=0,
    ),
    MysqlKind(
        name="system-versioned table",
        comes_back="exactly, with its history",
        names=_tables("table_type = 'SYSTEM VERSIONED'"),
        table=0,
    ),
    MysqlKind(name="sequence", names=_tables("table_type = 'SEQUENCE'"), table=0),
    MysqlKind(name="partition", names=_PARTITIONS, table=1),
    MysqlKind(name="index", names=_INDEXES, table=1),
    MysqlKind(name="check constraint", names=_CONSTRAINTS.format("CHECK"), table=1),
    MysqlKind(name="foreign key", names=_CONSTRAINTS.format("FOREIGN KEY"), table=1),
    *map(_routine, ("FUNCTION", "PROCEDURE", "PACKAGE", "PACKAGE BODY")),
    TextKind(
        name="view",
        sql="VIEW",
        needs="`SHOW VIEW`",
        names=_VIEWS,
        text=1,
        sql_mode=None,
        charset=2,
        collation=3,
        schema_collation=None,
    ),
    TextKind(
        name="trigger",
        comes_back="exactly, but without the schema's name in its head",
        sql="TRIGGER",
        needs="`TRIGGER`",
        names=_TRIGGERS,
        table=2,
    ),
    TextKind(
        name="event",
        comes_back="exactly; not at all if its only time has passed",
        sql="EVENT",
        needs="`EVENT`",
        names=_EVENTS,
        comment=4,
        time_zone=2,
        text=3,
        charset=4,
        collation=5,
        schema_collation=6,
    ),
    MysqlKind(name="definer", comes_back="exactly, or as the connecting role", needs="`SET USER`"),
    MysqlKind(name="default character set and collation", comes_back="not dumped"),
    MysqlKind(name="user, role and grant", comes_back="not dumped"),
    MysqlKind(name="server-wide object (`mysql.*`, plugin, server link)", comes_back="not dumped"),
)


def text_kinds() -> Iterator[TextKind]:
    """Return the kinds with a text of their own, in the order in which they are made."""
    return (kind for kind in KINDS if isinstance(kind, TextKind))
