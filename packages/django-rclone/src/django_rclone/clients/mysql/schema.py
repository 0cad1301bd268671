"""What a schema of MySQL or MariaDB holds, and the statements that make it and remove it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...exceptions import RestoreError
from .connection import Session, quoted

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    """The content of a schema: names of tables, and what makes everything else.

    ``making`` and ``removing`` are run with the schema as the current one.
    """

    tables: tuple[str, ...]
    views: tuple[str, ...]
    untriggering: tuple[str, ...] = field(repr=False)
    """Statements that remove the triggers."""
    making: tuple[str, ...] = field(repr=False)
    events: tuple[str, ...] = field(repr=False)
    """Statements that make the events. They come last."""
    removing: tuple[str, ...] = field(repr=False)
    """Statements that remove what is not a table or a trigger."""


def names_of_tables(session: Session, schema: str) -> list[str]:
    """Return the tables and sequences of a schema."""
    return [name for (name,) in session.rows(_TABLES, [schema])]


def names_of_events(session: Session, schema: str) -> list[str]:
    """Return the events of a schema."""
    return [name for (name,) in session.rows(_EVENTS, [schema])]


def objects_of(session: Session, schema: str) -> Objects:
    """Read a schema. It becomes the current one.

    Raises ``RestoreError`` when the role may not read how something is made:
    then it could not be made again.
    """
    session.execute(f"USE {quoted(schema)}")
    views = [name for (name,) in session.rows(_VIEWS, [schema])]
    routines = session.rows(_ROUTINES, [schema])
    triggers = session.rows(_TRIGGERS, [schema])
    events = names_of_events(session, schema)
    making = [
        *(s for kind, name in routines for s in _routine(session, kind, name)),
        # First as names and columns alone, since views may look into one another.
        *(_placeholder(session, schema, name) for name in views),
        *(s for name in views for s in _view(session, name)),
        *(s for (name,) in triggers for s in _trigger(session, name)),
    ]
    removing = [
        *(f"DROP EVENT IF EXISTS {quoted(name)}" for name in events),
        *(f"DROP VIEW IF EXISTS {quoted(name)}" for name in views),
        *(f"DROP {kind} IF EXISTS {quoted(name)}" for kind, name in routines),
    ]
    return Objects(
        tables=tuple(names_of_tables(session, schema)),
        untriggering=tuple(f"DROP TRIGGER IF EXISTS {quoted(name)}" for (name,) in triggers),
        views=tuple(views),
        making=tuple(making),
        events=tuple(s for name in events for s in _event(session, name)),
        removing=tuple(removing),
    )


def broken_views(session: Session, schema: str) -> list[str]:
    """Return the views that refer to what is not there any more: they have no columns."""
    views = [name for (name,) in session.rows(_VIEWS, [schema])]
    return [name for name in views if not session.rows(_COLUMNS, [schema, name])]


def first_event(making: Sequence[str]) -> int:
    """Return where in a list of statements the events begin: those set a time zone first."""
    zones = (n for n, one in enumerate(making) if one.startswith(_TIME_ZONE))
    return next(zones, len(making))


def moved(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Return the one statement that renames tables, given as SQL has them; none for none."""
    renamed = ", ".join(f"{old} TO {new}" for old, new in pairs)
    return [f"RENAME TABLE {renamed}"] if renamed else []


def _routine(session: Session, kind: str, name: str) -> list[str]:
    if kind not in ("FUNCTION", "PROCEDURE"):
        raise RestoreError(f"{name} is a {kind.lower()}, which cannot be put back.")
    row = _shown(session, f"SHOW CREATE {kind} {quoted(name)}")
    return _with_settings(name, row[2], sql_mode=row[1], charset=row[3], collation=row[4])


def _placeholder(session: Session, schema: str, name: str) -> str:
    columns = [column for (column,) in session.rows(_COLUMNS, [schema, name])]
    selected = ", ".join(f"1 AS {quoted(column)}" for column in columns)
    return f"CREATE OR REPLACE VIEW {quoted(name)} AS SELECT {selected or '1'}"


def _view(session: Session, name: str) -> list[str]:
    row = _shown(session, f"SHOW CREATE VIEW {quoted(name)}")
    made = str(row[1]).replace("CREATE ", "CREATE OR REPLACE ", 1)
    return _with_settings(name, made, sql_mode="", charset=row[2], collation=row[3])


def _trigger(session: Session, name: str) -> list[str]:
    row = _shown(session, f"SHOW CREATE TRIGGER {quoted(name)}")
    return _with_settings(name, row[2], sql_mode=row[1], charset=row[3], collation=row[4])


def _event(session: Session, name: str) -> list[str]:
    row = _shown(session, f"SHOW CREATE EVENT {quoted(name)}")
    statements = _with_settings(name, row[3], sql_mode=row[1], charset=row[4], collation=row[5])
    # MariaDB writes local times of that zone into the statement.
    return [f"{_TIME_ZONE} {_literal(row[2])}", *statements]


def _shown(session: Session, query: str) -> Sequence[Any]:
    return session.rows(query)[0]


def _with_settings(
    name: str, made: str | None, *, sql_mode: str, charset: str, collation: str
) -> list[str]:
    """Return the statements that make something under the settings it was made with."""
    if made is None:
        raise RestoreError(
            f"The role may not see how {name!r} is made, so it could not be put back.",
            hint="Connect as its definer, or as a role that may read mysql.proc.",
        )
    settings = {
        "sql_mode": sql_mode,
        "character_set_client": charset,
        "collation_connection": collation,
    }
    assigned = ", ".join(f"{setting} = {_literal(value)}" for setting, value in settings.items())
    return [f"SET SESSION {assigned}", made]


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
