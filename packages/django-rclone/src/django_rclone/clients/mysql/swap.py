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
        set_aside = [(self._in_live(t), self._set_aside(n)) for n, t in enumerate(self.old.tables)]
        away = [(self._set_aside(n), self._in_aside(t)) for n, t in enumerate(self.old.tables)]
        into_live = [(self._in_scratch(t), self._in_live(t)) for t in self.new.tables]
        mark = f"CREATE TABLE {self._in_scratch(self.mark)} (swapped int)"
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
        rename_back = [(self._set_aside(n), self._in_live(t)) for n, t in enumerate(old.tables)]
        move_back = [
            *((self._in_live(t), self._in_scratch(t)) for t in new.tables),
            *((self._in_aside(t), self._in_live(t)) for t in old.tables),
        ]
        # What was not dropped yet is dropped before it is created again.
        create_old = [
            *old.drop_triggers,
            *old.drop_statements,
            *old.create_statements,
            *old.create_events,
        ]
        drop_new = [*new.drop_triggers, *new.drop_statements]
        return (
            [*rename_tables(rename_back), *create_old],
            [*drop_new, *rename_tables(move_back), *create_old],
        )

    @property
    def mark(self) -> str:
        """The table that appears in the scratch schema once everything is done."""
        return self.aside

    def _in_live(self, table: str) -> str:
        return f"{quote_name(self.live)}.{quote_name(table)}"

    def _in_scratch(self, table: str) -> str:
        return f"{quote_name(self.scratch)}.{quote_name(table)}"

    def _in_aside(self, table: str) -> str:
        return f"{quote_name(self.aside)}.{quote_name(table)}"

    def _set_aside(self, number: int) -> str:
        return self._in_live(f"{self.aside[-17:]}_{number}")


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
    """Return what the live schema is after a swap that reported an error."""
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
    # https://mariadb.com/kb/en/begin-end/: NOT ATOMIC is what makes it a block of statements.
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
    """Return what runs statements within a block. Their texts wait in variables."""
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
