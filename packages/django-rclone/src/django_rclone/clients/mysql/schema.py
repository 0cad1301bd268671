"""What a schema of MySQL or MariaDB contains, and the statements that create and drop it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...exceptions import ClientError
from .connection import MysqlSession, quote_name

_TABLES = """
SELECT table_name FROM information_schema.tables
WHERE table_schema = %s AND table_type <> 'VIEW' ORDER BY table_name
"""
_VIEWS = """
SELECT table_name FROM information_schema.views WHERE table_schema = %s ORDER BY table_name
"""
_COLUMNS = """
SELECT column_name FROM information_schema.columns
WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position
"""
_ROUTINES = """
SELECT routine_type, routine_name FROM information_schema.routines
WHERE routine_schema = %s ORDER BY routine_type, routine_name
"""
_TRIGGERS = """
SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = %s
ORDER BY event_object_table, action_timing, event_manipulation, action_order
"""
_TIME_ZONE = "SET SESSION time_zone ="
_EVENTS = """
SELECT event_name FROM information_schema.events WHERE event_schema = %s ORDER BY event_name
"""
_CREATE_EVENT = re.compile(
    r"CREATE (?:DEFINER=`(?:[^`]|``)*`@`(?:[^`]|``)*` )?EVENT (?P<name>`(?:[^`]|``)+`) "
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    """The content of a schema: names of tables, and statements for everything else.

    Statements are run with the schema as the current one. Equal values mean that
    everything but the tables has the same names and definitions.
    """

    tables: tuple[str, ...]
    views: tuple[str, ...]
    drop_triggers: tuple[str, ...] = field(repr=False)
    create_statements: tuple[str, ...] = field(repr=False)
    """Create everything but tables and events."""
    create_events: tuple[str, ...] = field(repr=False)
    """Create the events. They are run last."""
    drop_statements: tuple[str, ...] = field(repr=False)
    """Drop everything but tables and triggers."""


def table_names(session: MysqlSession, schema: str) -> list[str]:
    """Return the tables and sequences of a schema."""
    return [name for (name,) in session.rows(_TABLES, [schema])]


def event_names(session: MysqlSession, schema: str) -> list[str]:
    """Return the events of a schema."""
    return [name for (name,) in session.rows(_EVENTS, [schema])]


def objects_of(session: MysqlSession, schema: str) -> Objects:
    """Read a schema. It becomes the current one.

    Raises ``ClientError`` when the role may not read the definition of an object:
    then it could not be created again.
    """
    session.execute(f"USE {quote_name(schema)}")
    views = [name for (name,) in session.rows(_VIEWS, [schema])]
    routines = session.rows(_ROUTINES, [schema])
    triggers = session.rows(_TRIGGERS, [schema])
    events = event_names(session, schema)
    create_statements = [
        *(s for kind, name in routines for s in _create_routine(session, kind, name)),
        # First as names and columns alone, since views may refer to one another.
        *(_create_placeholder(session, schema, name) for name in views),
        *(s for name in views for s in _create_view(session, name)),
        *(s for (name,) in triggers for s in _create_trigger(session, name)),
    ]
    drop_statements = [
        *(f"DROP EVENT IF EXISTS {quote_name(name)}" for name in events),
        *(f"DROP VIEW IF EXISTS {quote_name(name)}" for name in views),
        *(f"DROP {kind} IF EXISTS {quote_name(name)}" for kind, name in routines),
    ]
    return Objects(
        tables=tuple(table_names(session, schema)),
        views=tuple(views),
        drop_triggers=tuple(f"DROP TRIGGER IF EXISTS {quote_name(name)}" for (name,) in triggers),
        create_statements=tuple(create_statements),
        create_events=tuple(s for name in events for s in _create_event(session, name)),
        drop_statements=tuple(drop_statements),
    )


def broken_views(session: MysqlSession, schema: str) -> list[str]:
    """Return the views that refer to something that no longer exists: they have no columns."""
    views = [name for (name,) in session.rows(_VIEWS, [schema])]
    return [name for name in views if not session.rows(_COLUMNS, [schema, name])]


def first_event(create_statements: Sequence[str]) -> int:
    """Return the index at which the events begin: only those set a time zone first."""
    zones = (n for n, one in enumerate(create_statements) if one.startswith(_TIME_ZONE))
    return next(zones, len(create_statements))


def drop_events(create_events: Iterable[str]) -> list[str]:
    """Return the statements that drop the events which ``create_events`` create."""
    found = filter(None, map(_CREATE_EVENT.match, create_events))
    return [f"DROP EVENT IF EXISTS {match['name']}" for match in found]


def rename_tables(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Return the one statement that renames tables, given by quoted names; none for no pair."""
    renamed = ", ".join(f"{old} TO {new}" for old, new in pairs)
    return [f"RENAME TABLE {renamed}"] if renamed else []


def _create_routine(session: MysqlSession, kind: str, name: str) -> list[str]:
    if kind not in ("FUNCTION", "PROCEDURE"):
        raise ClientError(f"{name} is a {kind.lower()}, which cannot be restored.")
    row = _shown(session, f"SHOW CREATE {kind} {quote_name(name)}")
    return _with_settings(name, row[2], sql_mode=row[1], charset=row[3], collation=row[4])


def _create_placeholder(session: MysqlSession, schema: str, name: str) -> str:
    columns = [column for (column,) in session.rows(_COLUMNS, [schema, name])]
    selected = ", ".join(f"1 AS {quote_name(column)}" for column in columns)
    return f"CREATE OR REPLACE VIEW {quote_name(name)} AS SELECT {selected or '1'}"


def _create_view(session: MysqlSession, name: str) -> list[str]:
    row = _shown(session, f"SHOW CREATE VIEW {quote_name(name)}")
    definition = str(row[1]).replace("CREATE ", "CREATE OR REPLACE ", 1)
    return _with_settings(name, definition, sql_mode="", charset=row[2], collation=row[3])


def _create_trigger(session: MysqlSession, name: str) -> list[str]:
    row = _shown(session, f"SHOW CREATE TRIGGER {quote_name(name)}")
    return _with_settings(name, row[2], sql_mode=row[1], charset=row[3], collation=row[4])


def _create_event(session: MysqlSession, name: str) -> list[str]:
    row = _shown(session, f"SHOW CREATE EVENT {quote_name(name)}")
    statements = _with_settings(name, row[3], sql_mode=row[1], charset=row[4], collation=row[5])
    # MariaDB writes local times of that zone into the statement.
    return [f"{_TIME_ZONE} {_quote_string(row[2])}", *statements]


def _shown(session: MysqlSession, query: str) -> Sequence[Any]:
    return session.rows(query)[0]


def _with_settings(
    name: str, definition: str | None, *, sql_mode: str, charset: str, collation: str
) -> list[str]:
    """Return the statements that create an object under the settings of its first creation."""
    if definition is None:
        raise ClientError(
            f"The role may not read the definition of {name!r}, so it could not be restored.",
            hint="Connect as its definer, or as a role that may read mysql.proc.",
        )
    settings = {
        "sql_mode": sql_mode,
        "character_set_client": charset,
        "collation_connection": collation,
    }
    assigned = ", ".join(f"{key} = {_quote_string(value)}" for key, value in settings.items())
    return [f"SET SESSION {assigned}", definition]


def _quote_string(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
