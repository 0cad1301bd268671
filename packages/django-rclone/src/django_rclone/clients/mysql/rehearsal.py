"""Trying out what a swap is to do, where nothing of the live schema is touched."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...backups.inventory import Inventory
from ...exceptions import ClientError
from ..session import ServerError
from .connection import MysqlSession, quote_name, quote_string
from .definitions import Definition
from .dump_format import DumpSplitter
from .inventory import inventory_of, require_restored
from .making import Maker, remade
from .schema import Objects, collation_of, event_names, objects_of
from .statements import Statement

_DANGLING = """
SELECT k.table_name, k.constraint_name, k.referenced_table_name, k.column_name,
  k.referenced_column_name, r.update_rule, r.delete_rule
FROM information_schema.key_column_usage k
JOIN information_schema.referential_constraints r
  ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name
  AND r.table_name = k.table_name
WHERE k.constraint_schema = %(schema)s AND k.referenced_table_schema = %(schema)s
  AND k.referenced_table_name NOT IN (
    SELECT table_name FROM information_schema.tables WHERE table_schema = %(schema)s)
ORDER BY k.table_name, k.constraint_name, k.ordinal_position
"""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What was made in the scratch schema, and the statements that complete its tables."""

    objects: Objects
    completions: tuple[str, ...]
    remarks: tuple[str, ...]


def rehearse_making(
    session: MysqlSession,
    live: str,
    scratch: str,
    dump: DumpSplitter,
    expected: Inventory | None,
) -> Rehearsed:
    """Make in ``scratch``, which has the tables, everything else, and compare it with ``expected``.

    What comes back is as it can be made in the live schema. Raises ``ClientError``.
    """
    session.execute(f"USE {quote_name(scratch)}")
    if event_names(session, scratch):
        raise ClientError(
            "The dump creates events together with its tables, as dumps of other tools do.",
            hint="Dump without them: `mariadb-dump --skip-events`.",
        )
    collation = collation_of(session, live)
    maker = Maker(session, collation, rehearsal=True, moved=(live, scratch))
    statements = dump.create_statements
    events = [one for one in statements if one.kind == "EVENT"]
    maker.make_all([one for one in statements if one.kind != "EVENT"])
    status: dict[str, str] = {}
    passed = 0
    for event in events:
        new = _make_event(session, scratch, maker, event)
        status |= dict.fromkeys(new, event.status)
        passed += not new
    session.renew()
    found = objects_of(session, scratch)
    # The end of a dump in two parts was seen: an empty one is of an empty schema.
    if not found.tables and not found.definitions and not dump.has_two_parts:
        raise ClientError("The dump contains no tables.")
    if expected is not None:
        counted = inventory_of(session, scratch, count=expected.rows)
        changed = bool(maker.taken_over)
        require_restored(expected, counted, changed_definers=changed, passed=passed)
    names = {*found.tables, *(one.name for one in found.definitions)}
    definitions = tuple(
        one.with_status(status[one.name])
        if one.kind.sql == "EVENT"
        else one.moved(scratch, live, names)
        if one.kind.sql == "VIEW"
        else one
        for one in found.definitions
    )
    for one in definitions:
        if one.kind.sql == "TRIGGER":
            session.execute_all(one.dropping)
    dangling = _part_from_missing(session, scratch)
    return Rehearsed(
        replace(found, definitions=definitions),
        (*maker.completions, *dangling),
        maker.remarks(passed),
    )


def rehearse_remaking(
    session: MysqlSession, live: str, aside: str, old: Objects
) -> tuple[Definition, ...]:
    """Make in ``aside``, a schema like ``live``, what cannot be renamed; return it as it can be made.

    Raises ``ClientError``.
    """
    here = quote_name(aside)
    session.execute(f"CREATE DATABASE {here} COLLATE {quote_string(old.collation)}")
    session.execute(f"USE {here}")
    for table in dict.fromkeys(one.table for one in old.not_views if one.table):
        session.execute(
            f"CREATE TABLE {quote_name(table)} LIKE {quote_name(live)}.{quote_name(table)}"
        )
    remakable = []
    for one in old.not_views:
        tried = one.with_status("DISABLE") if one.kind.sql == "EVENT" else one
        try:
            made = remade(session, tried, old.collation)
        except ServerError as error:
            raise ClientError(
                f"{one.title} of the live database could not be created again if the restore "
                f"failed: {error.reason}.",
                hint=f"Correct it, or save what SHOW CREATE {one.kind.sql} says and remove it; then "
                "restore again.",
            ) from None
        remakable.append(one if made is tried else one.of_connecting_role())
    session.execute(f"DROP DATABASE {here}")
    session.execute(f"CREATE DATABASE {here} COLLATE {quote_string(old.collation)}")
    return tuple(remakable)


def _make_event(
    session: MysqlSession, scratch: str, maker: Maker, event: Statement
) -> frozenset[str]:
    """Make an event; return its name, or nothing if its only time has passed."""
    before = event_names(session, scratch)
    maker.make_all([event])
    return event_names(session, scratch) - before


def _part_from_missing(session: MysqlSession, scratch: str) -> list[str]:
    """Drop foreign keys to tables that are not there; return the statements that add them.

    They would refer to the scratch schema wherever their table is moved.
    """
    keys: dict[tuple[str, str], list[Sequence[str]]] = {}
    for row in session.rows(_DANGLING, {"schema": scratch}):
        keys.setdefault((row[0], row[1]), []).append(row)
    add = []
    for (table, key), rows in keys.items():
        columns, referenced = (", ".join(quote_name(row[n]) for row in rows) for n in (3, 4))
        session.execute(f"ALTER TABLE {quote_name(table)} DROP FOREIGN KEY {quote_name(key)}")
        add.append(
            f"ALTER TABLE {quote_name(table)} ADD CONSTRAINT {quote_name(key)} FOREIGN KEY "
            f"({columns}) REFERENCES {quote_name(rows[0][2])} ({referenced})"
            f"{_rule('UPDATE', rows[0][5])}{_rule('DELETE', rows[0][6])}"
        )
    return add


def _rule(event: str, rule: str) -> str:
    # An ALTER TABLE that says RESTRICT is kept as NO ACTION. It is what no rule means.
    return "" if rule == "RESTRICT" else f" ON {event} {rule}"
