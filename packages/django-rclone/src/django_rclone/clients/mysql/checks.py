"""What makes a dump impossible, or not restorable: looked for before it is made."""

from collections.abc import Collection, Iterator, Sequence

from ...backups.inventory import Inventory
from ...exceptions import ClientError
from ..session import ServerError
from .connection import MysqlSession, quote_name
from .inventory import SEQUENCE, TABLE
from .kinds import text_kinds
from .privileges import require_all_rows, rights_to_see
from .references import used_by_views
from .schema import set_aside, view_names
from .stream import TableCounter

_OTHER_ENGINES = """
SELECT table_name FROM information_schema.tables
WHERE table_schema = %s AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')
  AND engine <> 'InnoDB'
ORDER BY table_name
"""
_VERSIONED = """
SELECT table_name FROM information_schema.tables
WHERE table_schema = %s AND table_type = 'SYSTEM VERSIONED' ORDER BY table_name
"""
# A join would look for the table of each key by itself.
REFERENCES = """
SELECT DISTINCT table_name, referenced_table_name, referenced_table_name NOT IN (
  SELECT table_name FROM information_schema.tables WHERE table_schema = %(schema)s)
FROM information_schema.key_column_usage
WHERE table_schema = %(schema)s AND referenced_table_schema = table_schema
ORDER BY 1, 2
"""
"""Finds the tables with foreign keys, those they refer to, and whether these are missing."""
# https://mariadb.com/kb/en/system-versioned-tables/: transaction-precise history
_BY_TRANSACTION = """
SELECT DISTINCT table_name FROM information_schema.columns
WHERE table_schema = %s AND data_type = 'bigint' AND generation_expression = 'ROW START'
"""
_WITH_FOLDERS = """
SELECT table_name, locate('DIRECTORY=', create_options) FROM information_schema.tables
WHERE table_schema = %s AND (locate('DIRECTORY=', create_options)
  OR locate('partitioned', create_options))
"""
_COMPRESSED = """
SELECT table_name FROM information_schema.tables
WHERE table_schema = %s AND engine = 'InnoDB' AND row_format = 'Compressed'
"""
_REFERRING = """
SELECT DISTINCT constraint_schema FROM information_schema.referential_constraints
WHERE unique_constraint_schema = %s AND constraint_schema <> unique_constraint_schema
"""
_KNOWN_ACCOUNTS = "SELECT user, host FROM mysql.user"


def require_restorable(session: MysqlSession, schema: str, *, excluded: Collection[str]) -> None:
    """Raise ``ClientError`` if a dump would be of half a schema, or could not be restored.

    ``excluded`` are the tables that are left out.
    """
    _require_complete(session, schema)
    require_all_rows(session)
    _require_rights(session, schema)
    _require_sound_views(session, schema)
    _require_history_by_time(session, schema, excluded)


def _require_complete(session: MysqlSession, schema: str) -> None:
    if set_aside(session, schema):
        raise ClientError(
            "This database is incomplete: a restore was interrupted.",
            hint="Restore it again before it is backed up.",
        )


def _require_rights(session: MysqlSession, schema: str) -> None:
    if lacking := rights_to_see(session, schema):
        raise ClientError(
            f"The role may not see everything in {schema}: it lacks {', '.join(lacking)}.",
            hint=f"Run `GRANT {', '.join(lacking)} ON {quote_name(schema)}.* TO ...`.",
        )


def _require_history_by_time(session: MysqlSession, schema: str, excluded: Collection[str]) -> None:
    tables = [name for (name,) in session.rows(_BY_TRANSACTION, [schema]) if name not in excluded]
    if tables:
        raise ClientError(
            f"No dump tool can dump the history of {', '.join(tables)}, which is kept by "
            "transaction.",
            hint="Keep it by time, with TIMESTAMP columns instead of BIGINT ones, or leave these "
            "tables out with exclude_tables.",
        )


def _require_sound_views(session: MysqlSession, schema: str) -> None:
    broken = []
    for name in view_names(session, schema):
        try:
            _prepare_select(session, schema, name)
        except ServerError as error:
            broken.append(f"{name} ({error.reason})")
    if broken:
        raise ClientError(
            f"Broken views: {'; '.join(broken)}.",
            hint="They could not be restored. Correct them, or save what SHOW CREATE VIEW says and "
            "remove them. A view whose definer does not exist is broken, too.",
        )


def _prepare_select(session: MysqlSession, schema: str, view: str) -> None:
    """Raise ``ServerError`` if a view cannot be read. Nothing is read.

    Even ``EXPLAIN`` and ``LIMIT 0`` evaluate some views, which may use up a sequence.
    """
    query = f"SELECT 1 FROM {quote_name(schema)}.{quote_name(view)}"  # noqa: S608
    session.execute("SET @django_rclone = %s", [query])
    session.execute("PREPARE django_rclone FROM @django_rclone")
    session.execute("DEALLOCATE PREPARE django_rclone")


def require_no_reference(session: MysqlSession, schema: str) -> None:
    """Raise ``ClientError`` if a table of another schema refers to this one."""
    if others := [name for (name,) in session.rows(_REFERRING, [schema])]:
        raise ClientError(
            f"Tables of other schemas refer to this one: {', '.join(others)}.",
            hint="Save what SHOW CREATE TABLE says about those tables, remove these foreign keys, "
            "restore, then add them again.",
        )


def require_dumped(seen: TableCounter, holds: Inventory) -> None:
    """Raise ``ClientError`` unless the dump has the tables that it should have."""
    if seen.names != holds.objects[TABLE] | holds.objects[SEQUENCE]:
        raise ClientError(
            "The dump does not hold the tables of the schema, or it changed while it was dumped.",
            hint="Run the backup again. If it fails again, see what the server sets for every session: "
            "sql_quote_show_create and init_connect change what dump tools see.",
        )


def remarks(
    session: MysqlSession, seen: TableCounter, *, without_rows: Collection[str]
) -> Sequence[str]:
    """Return what the operator should know about a dump; ``without_rows`` is as it was asked for."""
    found = []
    if elsewhere := ", ".join(sorted(seen.without_rows - set(without_rows))):
        found.append(
            f"The rows of these tables are not in the backup: {elsewhere}. Their engine has them "
            "elsewhere, and the dump tool leaves them out."
        )
    limit = session.packet_limit
    if seen.longest > limit:
        found.append(
            f"The largest row of the dump has {seen.longest:,} bytes. To restore it, "
            f"max_allowed_packet of the server must be larger than that; here it is {limit:,}."
        )
    return found


def warnings(session: MysqlSession, schema: str, *, keeps_history: bool) -> Sequence[str]:
    """Return what the operator should know about every dump of the schema.

    ``keeps_history`` is whether the dump tool can dump that of system-versioned tables.
    """
    found = []
    versioned = ", ".join(name for (name,) in session.rows(_VERSIONED, [schema]))
    if versioned and not keeps_history:
        found.append(
            f"The dump tool leaves out the history of these tables: {versioned}. That of "
            "MariaDB 10.11 or newer does not."
        )
    if tables := ", ".join(without_transactions(session, schema)):
        found.append(
            f"These tables do not support transactions: {tables}. Their rows may be of another "
            "moment than the rest."
        )
    if tables := ", ".join(_in_own_folders(session, schema)):
        found.append(
            f"These tables, or partitions of them, are in folders of their own: {tables}. They come "
            "back in the folder of the server."
        )
    if tables := ", ".join(_read_only(session, schema)):
        found.append(
            f"innodb_read_only_compressed is on, and these tables are compressed: {tables}. This "
            "server does not take their rows back until it is off."
        )
    dangling = [
        f"{a} to {b}" for a, b, gone in session.rows(REFERENCES, {"schema": schema}) if gone
    ]
    if dangling:
        found.append(
            f"These foreign keys refer to tables that do not exist: {', '.join(dangling)}. "
            "They come back as they are."
        )
    if foreign := _of_other_schemas(session, schema):
        found.append(
            f"These views use other schemas, which are not in the backup: {', '.join(foreign)}. "
            "They can be restored only where those exist."
        )
    if gone := _without_definer(session, schema):
        found.append(
            f"The definers of these do not exist: {', '.join(gone)}. They come back as they "
            "are, and do not work."
        )
    return found


def without_transactions(session: MysqlSession, schema: str) -> list[str]:
    """Return the tables whose engine does not support transactions."""
    return [name for (name,) in session.rows(_OTHER_ENGINES, [schema])]


def _in_own_folders(session: MysqlSession, schema: str) -> Iterator[str]:
    for table, is_itself in session.rows(_WITH_FOLDERS, [schema]):
        if is_itself or " DATA DIRECTORY = '" in session.shown_table(schema, table):
            yield table


def _read_only(session: MysqlSession, schema: str) -> list[str]:
    try:
        if not int(session.value("SELECT @@global.innodb_read_only_compressed")):
            return []
    except ServerError:
        return []  # there is no such setting
    return [name for (name,) in session.rows(_COMPRESSED, [schema])]


def _of_other_schemas(session: MysqlSession, schema: str) -> list[str]:
    others = {
        name for (name,) in session.rows("SELECT schema_name FROM information_schema.schemata")
    }
    uses = used_by_views(session, schema)
    quoted = set(map(quote_name, others))
    return list(dict.fromkeys(view for view, other, _ in uses if other in quoted))


def _without_definer(session: MysqlSession, schema: str) -> list[str]:
    try:
        known = {f"{user}@{host}" for user, host in session.rows(_KNOWN_ACCOUNTS)}
    except ServerError:
        return []  # most roles may not look
    return [
        f"{kind.name} {row[0]} ({row[1]})"
        for kind in text_kinds()
        for row in session.rows(kind.names, [schema])
        if row[1] not in known and f"{row[1]}@" not in known
    ]
