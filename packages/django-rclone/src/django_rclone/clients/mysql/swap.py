"""Swapping the content of a live schema with that of a scratch schema.

``RENAME TABLE`` is atomic, and nothing else of MariaDB or MySQL is. So MariaDB is
sent the whole swap as one statement, which the server runs to its end even when we
are killed, and which rolls everything back where a part of it fails. MySQL has no
such statement; there we do the same, step by step.
"""

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ...exceptions import ClientError
from ..session import ServerError
from ..staging import LiveData
from .connection import MysqlSession, quote_name
from .schema import Objects, objects_of, rename_tables, table_names
from .tools import is_mariadb

_LOCK_WAIT = "1205"
_SET_ASIDE = re.compile(r"replaced_[0-9a-f]{8}_\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapPlan:
    """``live`` is to get the content of ``scratch``, and ``aside`` that of ``live``.

    ``old`` and ``new`` are the content of live and scratch. The triggers of scratch are
    dropped already: tables that have some cannot be moved to another schema.
    """

    live: str
    scratch: str
    aside: str
    old: Objects
    new: Objects

    @property
    def steps(self) -> tuple[list[str], list[str], list[str]]:
        """The statements in three groups, of which each is rolled back in its own way.

        The first waits for sessions that use the tables, and changes nothing when it
        waits in vain. It cannot move them to another schema: that is refused while
        they have triggers. Nor can they stay in theirs: names of foreign keys are
        unique in a schema. The last statement of all leaves a mark.
        """
        old = self.old.tables
        set_aside = [(_qualified(self.live, t), self._set_aside(n)) for n, t in enumerate(old)]
        away = [(self._set_aside(n), _qualified(self.aside, t)) for n, t in enumerate(old)]
        into_live = self._moves(self.new.tables, self.scratch, self.live)
        mark = f"CREATE TABLE {_qualified(self.scratch, self.mark)} (swapped int)"
        return (
            rename_tables(set_aside),
            [
                *self.old.drop_triggers,
                *self.old.drop_statements,
                *rename_tables([*away, *into_live]),
            ],
            [*self.new.create_statements, *self.new.create_events, mark],
        )

    @property
    def rollback_statements(self) -> tuple[list[str], list[str]]:
        """The statements that undo a failed second group, and a failed third one."""
        old, new = self.old, self.new
        rename_back = [
            (self._set_aside(n), _qualified(self.live, t)) for n, t in enumerate(old.tables)
        ]
        move_back = [
            *self._moves(new.tables, self.live, self.scratch),
            *self._moves(old.tables, self.aside, self.live),
        ]
        # What was not dropped yet is dropped before it is created again.
        drop_old = [*old.drop_triggers, *old.drop_statements]
        create_old = [*old.create_statements, *old.create_events]
        drop_new = [*new.drop_triggers, *new.drop_statements]
        return (
            [*rename_tables(rename_back), *drop_old, *create_old],
            [*drop_new, *rename_tables(move_back), *drop_old, *create_old],
        )

    @property
    def mark(self) -> str:
        """The table that appears in the scratch schema once everything is done."""
        return self.aside

    def _set_aside(self, number: int) -> str:
        return _qualified(self.live, f"{self.aside[-17:]}_{number}")

    @staticmethod
    def _moves(tables: Sequence[str], source: str, target: str) -> list[tuple[str, str]]:
        return [(_qualified(source, table), _qualified(target, table)) for table in tables]


def _qualified(schema: str, table: str) -> str:
    return f"{quote_name(schema)}.{quote_name(table)}"


def run_swap(session: MysqlSession, plan: SwapPlan) -> None:
    """Swap the content. Raises ``ClientError``: then look at the live schema."""
    session.execute(f"USE {quote_name(plan.live)}")
    run = _run_at_once if is_mariadb(session.version) else _run_in_steps
    try:
        run(session, plan)
    except ServerError as error:
        hint = ""
        if error.code == _LOCK_WAIT:
            hint = "Another session uses a table. Stop it, or raise the option lock_timeout."
        raise ClientError(
            f"Cannot swap in the restored tables: {error.reason}.", hint=hint
        ) from None


def state_after(session: MysqlSession, plan: SwapPlan) -> LiveData:
    """Return the state of the live schema after a swap that reported an error."""
    in_scratch = table_names(session, plan.scratch)
    if plan.mark in in_scratch:
        return LiveData.NEW
    if set_aside_tables(session, plan.live) or table_names(session, plan.aside):
        return LiveData.MIXED
    if tuple(in_scratch) != plan.new.tables:
        return LiveData.MIXED
    # Its tables are in their places; the site may have added or dropped some since.
    found = replace(objects_of(session, plan.live), tables=plan.old.tables)
    return LiveData.OLD if found == plan.old else LiveData.MIXED


def set_aside_tables(session: MysqlSession, live: str) -> list[str]:
    """Return the tables that a swap has set aside within the live schema, and left there."""
    return [name for name in table_names(session, live) if _SET_ASIDE.fullmatch(name)]


def _run_at_once(session: MysqlSession, plan: SwapPlan) -> None:
    numbers = iter(range(1_000_000))
    set_aside, move, create = (_prepared(session, group, numbers) for group in plan.steps)
    undo_move, undo_create = (
        _prepared(session, group, numbers) for group in plan.rollback_statements
    )
    # https://mariadb.com/kb/en/begin-end/: NOT ATOMIC turns it into a block of statements.
    session.execute(f"""
BEGIN NOT ATOMIC
  DECLARE done INT DEFAULT 0;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION
  BEGIN
    IF done > 0 THEN
      BEGIN
        DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
        IF done = 1 THEN
          BEGIN END; {undo_move}
        ELSE
          BEGIN END; {undo_create}
        END IF;
      END;
    END IF;
    RESIGNAL;
  END;
  {set_aside} SET done = 1;
  {move} SET done = 2;
  {create} SET done = 3;
END""")


def _prepared(session: MysqlSession, statements: Sequence[str], numbers: Iterator[int]) -> str:
    """Return the commands that run statements within a block, from variables."""
    names = []
    for statement in statements:
        names.append(f"@django_rclone_{next(numbers)}")
        session.execute(f"SET {names[-1]} = %s", [statement])
    return " ".join(f"EXECUTE IMMEDIATE {name};" for name in names)


def _run_in_steps(session: MysqlSession, plan: SwapPlan) -> None:
    undo: Sequence[str] = ()
    try:
        for group, rollback in zip(plan.steps, ((), *plan.rollback_statements), strict=True):
            undo = rollback
            for statement in group:
                session.execute(statement)
    except ServerError:
        for statement in undo:
            with contextlib.suppress(ServerError):
                session.execute(statement)
        raise
