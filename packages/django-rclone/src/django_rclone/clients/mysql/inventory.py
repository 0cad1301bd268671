"""What a schema holds, by kind."""

from collections.abc import Collection
from dataclasses import replace

from ...backups.inventory import Inventory
from .connection import MysqlSession, quote_name
from .kinds import BODIES, KINDS, text_kinds
from .references import used_by_defaults, used_by_views

TABLE, VERSIONED, SEQUENCE = "table", "system-versioned table", "sequence"
EVENT, DEFINER, VIEW = "event", "definer", "view"
_USE = "use of another schema"
_BODY = "body"


def inventory_of(
    session: MysqlSession,
    schema: str,
    *,
    excluded: Collection[str] = (),
    count: Collection[str] = (),
) -> Inventory:
    """Return what a schema holds but for ``excluded`` tables, with the rows of those in ``count``."""
    objects: dict[str, frozenset[str]] = {}
    definers: set[str] = set()
    texts = {kind.name for kind in text_kinds()}
    for kind in KINDS:
        if not kind.names:
            continue
        rows = session.rows(kind.names, [schema])
        if kind.table is not None:
            rows = [row for row in rows if row[kind.table] not in excluded]
        objects[kind.name] = frozenset(str(row[0]) for row in rows)
        if kind.name in texts:
            definers |= {str(row[1]) for row in rows}
    objects[DEFINER] = frozenset(definers)
    # Another version may show what it was given in other words: then they are not compared.
    bodies = [row for row in session.rows(BODIES, {"schema": schema}) if row[2] not in excluded]
    objects[f"{_BODY} in {session.version}"] = frozenset(
        f"{_of(kind, name)} {mark}" for kind, name, _, mark, *_ in bodies
    )
    objects[f"{_BODY} settings in {session.version}"] = frozenset(
        f"{_of(kind, name)} {' '.join(settings)}" for kind, name, _, _, *settings in bodies
    )
    views = used_by_views(session, schema) if objects[VIEW] else ()
    defaults = used_by_defaults(session, schema, excluded) if objects[SEQUENCE] else ()
    objects[_USE] = frozenset(
        f"by {kind} {name}: {other}.{used}"
        for kind, uses in (("view", views), ("default", defaults))
        for name, other, used in uses
    )
    counted = {
        table: _rows(session, schema, table, versioned=table in objects[VERSIONED])
        for table in count
        if table in objects[TABLE]
    }
    return Inventory(objects, counted)


def require_restored(
    expected: Inventory, found: Inventory, *, changed_definers: bool = False, passed: int = 0
) -> None:
    """Raise ``ClientError`` unless what was restored is what the backup contains.

    ``changed_definers`` is whether the role could not set them all, ``passed`` how many
    events were not created since their only time has passed.
    """
    objects = dict(expected.objects)
    if changed_definers:
        objects.pop(DEFINER, None)
    if _USE in objects:
        # Where a backup is restored into the schema that a view named, that is its own.
        objects[_USE] &= found.objects[_USE]
    events, there = objects.get(EVENT, frozenset()), found.objects[EVENT]
    if len(events - there) == passed:
        objects[EVENT] = events & there
        gone = tuple(_of(EVENT, name) for name in events - there)
        for kind in [kind for kind in objects if kind.startswith(_BODY)]:
            objects[kind] = frozenset(one for one in objects[kind] if not one.startswith(gone))
    replace(expected, objects=objects).require(found)


def foreign_definers(session: MysqlSession, inventory: str) -> frozenset[str]:
    """Return the accounts in the inventory of a manifest that are not the connecting role."""
    try:
        definers = Inventory.from_text(inventory).objects.get(DEFINER, frozenset())
    except ValueError:
        return frozenset()  # of an older release, or reported where it is needed
    return definers - {str(session.value("SELECT CURRENT_USER()"))}


def _of(kind: str, name: str) -> str:
    return f"of {kind} {name}:"


def _rows(session: MysqlSession, schema: str, table: str, *, versioned: bool) -> int:
    history = " FOR SYSTEM_TIME ALL" if versioned else ""
    query = f"SELECT count(*) FROM {quote_name(schema)}.{quote_name(table)}{history}"  # noqa: S608
    return int(session.value(query))
