"""How many locks a restore in place takes, and how many the server has room for.

One transaction locks every object that it drops, parts of objects included, and every
relation that it creates.
https://www.postgresql.org/docs/current/runtime-config-locks.html
"""

from dataclasses import dataclass

from ...backups.inventory import Inventory
from ..session import Session
from .contents import settings_of

MORE_LOCKS = (
    "Raise max_locks_per_transaction in postgresql.conf and restart the server, or let the "
    'role swap databases: CREATEDB, and the option "restore_mode" "swap" in CLIENTS.'
)

_RELATIONS = """
SELECT count(*) FROM pg_class WHERE oid >= 16384 AND relkind <> 'c'
AND relnamespace <> ALL (ARRAY(SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_temp|^pg_toast_temp'))
"""
_DROPPED = f"""
SELECT ({_RELATIONS}) + {
    " + ".join(
        f"(SELECT count(*) FROM {catalog} WHERE oid >= 16384)"
        for catalog in (
            *("pg_type", "pg_constraint", "pg_attrdef", "pg_trigger", "pg_rewrite", "pg_proc"),
            *("pg_policy", "pg_operator", "pg_largeobject_metadata"),
        )
    )
}
"""
_ROOM = """
SELECT current_setting('max_locks_per_transaction')::bigint
    * (current_setting('max_connections')::bigint
        + current_setting('max_prepared_transactions')::bigint),
    current_setting('max_locks_per_transaction')::bigint,
    (SELECT count(*) FROM pg_locks)
"""


@dataclass(frozen=True, slots=True)
class Locks:
    """What a restore in place needs, and what there is."""

    needed: int
    room: int
    setting: int
    """The value of ``max_locks_per_transaction``."""

    @property
    def suffice(self) -> bool:
        """Return whether there is room for the restore and for what others hold now."""
        return self.needed <= self.room

    @property
    def setting_needed(self) -> int:
        """Return a ``max_locks_per_transaction`` that suffices, a quarter of it for others."""
        return -(-self.needed * self.setting * 4 // (max(self.room, 1) * 3))

    def __str__(self) -> str:
        return (
            f"A restore in place takes about {self.needed:,} locks in one transaction, and the "
            f"server has room for {self.room:,}: max_locks_per_transaction is {self.setting}, "
            f"and must be at least {self.setting_needed}"
        )


def relations(session: Session) -> int:
    """Return how many relations there are, those behind tables included."""
    return int(session.value(_RELATIONS, {}))


def locks_of_restore(session: Session, expected: Inventory | None) -> Locks:
    """Return the locks that replacing this database in place takes.

    Without ``expected`` the backup is taken to be as large as the database is now.
    """
    known = settings_of(expected).get("relations")
    created = int(known) if known else relations(session)
    room, setting, held = session.rows(_ROOM)[0]
    return Locks(int(session.value(_DROPPED, {})) + created, room - held, setting)
