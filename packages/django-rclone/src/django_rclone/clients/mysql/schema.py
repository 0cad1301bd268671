"""What a schema of MySQL or MariaDB contains."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from .connection import MysqlSession, quote_name
from .definitions import Definition, in_order, read_definitions
from .kinds import text_kinds
from .privileges import rights_to_see

_TABLES = """
SELECT table_name FROM information_schema.tables
WHERE table_schema = %s AND table_type <> 'VIEW' ORDER BY table_name
"""
_VIEWS = """
SELECT table_name FROM information_schema.views WHERE table_schema = %s ORDER BY table_name
"""
_EVENTS = "SELECT event_name FROM information_schema.events WHERE event_schema = %s"
_COUNT = """
SELECT (SELECT count(*) FROM information_schema.tables WHERE table_schema = %(schema)s)
     + (SELECT count(*) FROM information_schema.routines WHERE routine_schema = %(schema)s)
     + (SELECT count(*) FROM information_schema.events WHERE event_schema = %(schema)s)
"""
_COLLATION = """
SELECT default_collation_name FROM information_schema.schemata WHERE schema_name = %s
"""
_SET_ASIDE = re.compile(r"(replaced|emptied)_[0-9a-f]{8}_\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    """The content of a schema. Equal values mean that everything but the tables is equal."""

    tables: tuple[str, ...]
    """Tables and sequences."""
    definitions: tuple[Definition, ...]
    """What has a text of its own, in the order in which it can be made."""
    collation: str
    """The default of the schema."""

    @property
    def views(self) -> tuple[str, ...]:
        """The names of the views."""
        return tuple(one.name for one in self.definitions if one.kind.sql == "VIEW")

    @property
    def not_views(self) -> tuple[Definition, ...]:
        """What cannot be renamed, as tables and views can."""
        return tuple(one for one in self.definitions if one.kind.sql != "VIEW")


def table_names(session: MysqlSession, schema: str) -> list[str]:
    """Return the tables and sequences of a schema."""
    return [name for (name,) in session.rows(_TABLES, [schema])]


def view_names(session: MysqlSession, schema: str) -> list[str]:
    """Return the views of a schema."""
    return [name for (name,) in session.rows(_VIEWS, [schema])]


def event_names(session: MysqlSession, schema: str) -> frozenset[str]:
    """Return the events of a schema."""
    return frozenset(name for (name,) in session.rows(_EVENTS, [schema]))


def set_aside(session: MysqlSession, live: str) -> list[str]:
    """Return the tables and views that an interrupted restore has left within the live schema."""
    names = (*table_names(session, live), *view_names(session, live))
    return [name for name in names if _SET_ASIDE.fullmatch(name)]


def nothing_to_lose(session: MysqlSession, schema: str) -> str:
    """Return why what is in a schema need not be kept; nothing if it must be."""
    if set_aside(session, schema):
        return "a restore of it was interrupted, and left it incomplete"
    sees_all = not rights_to_see(session, schema)
    return "it is empty" if sees_all and not session.value(_COUNT, {"schema": schema}) else ""


def collation_of(session: MysqlSession, schema: str) -> str:
    """Return the default collation of a schema."""
    return str(session.value(_COLLATION, [schema]))


def objects_of(session: MysqlSession, schema: str) -> Objects:
    """Read a schema. It becomes the current one.

    Raises ``ClientError`` when the role may not read the definition of an object:
    then it could not be created again.
    """
    session.execute(f"USE {quote_name(schema)}")
    tables = table_names(session, schema)
    found = [one for kind in text_kinds() for one in read_definitions(session, schema, kind)]
    names = {*tables, *(one.name for one in found if one.kind.sql not in ("TRIGGER", "EVENT"))}
    views = [_moved(one, schema, names) for one in found if one.kind.sql == "VIEW"]
    before, after = _parted(found)
    return Objects(
        tables=tuple(tables),
        definitions=(*before, *in_order(views), *after),
        collation=collation_of(session, schema),
    )


def _parted(found: Iterable[Definition]) -> tuple[list[Definition], list[Definition]]:
    """Return what is made before the views, and what after them."""
    before, after = [], []
    for one in found:
        if one.kind.sql in ("TRIGGER", "EVENT"):
            after.append(one)
        elif one.kind.sql != "VIEW":
            before.append(one)
    return before, after


def _moved(view: Definition, schema: str, names: Collection[str]) -> Definition:
    """Return a view that uses the tables of the schema in which it is made.

    The server names the schema of each table if a view uses tables of several.
    """
    other = re.findall(r"(?<![`.])`((?:[^`]|``)+)`\.`((?:[^`]|``)+)`", view.text)
    if any(first != schema and first not in names and second in names for first, second in other):
        return view  # tables of the same name in two schemas are distinguished by it
    return view.moved(schema, "", names)


def rename_tables(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Return the one statement that renames tables, given by quoted names; none for no pair."""
    renamed = ", ".join(f"{old} TO {new}" for old, new in pairs)
    return [f"RENAME TABLE {renamed}"] if renamed else []


def schema_names(session: MysqlSession) -> list[str]:
    """Return the names of the schemas on the server, as far as the role may see them."""
    rows = session.rows("SELECT schema_name FROM information_schema.schemata")
    return [str(name) for (name,) in rows]
