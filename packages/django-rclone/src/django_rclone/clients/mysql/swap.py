"""Swapping the content of a live schema with that of a scratch schema.

``RENAME TABLE`` is atomic, and nothing else of MariaDB or MySQL is. It takes along a mark,
a table that is in the live schema for as long as that is incomplete. MariaDB is
sent the whole swap as one statement, which the server runs to its end even when we
are killed, and which rolls everything back where a part of it fails. Servers that
cannot do that get it step by step.

Every text in it was tried before: what the swap makes, in the scratch schema; what
rolling back makes again, in the schema to which replaced tables go. After a failure the
state is looked at, and put back from here if the server has not done it.
"""

from collections.abc import Iterator, Sequence

from ...exceptions import ClientError
from ...interrupts import is_interrupted
from ..session import ServerError
from ..staging import LiveData
from ..tools import series
from .connection import MysqlSession, quote_name
from .definitions import Definition, encoded
from .making import Step, make, with_collation
from .plan import SwapPlan, qualified
from .schema import Objects, objects_of, rename_tables, set_aside, table_names, view_names
from .tools import is_mariadb

_LOCK_WAIT = "1205"
_AT_ONCE = (10, 6)  # the first MariaDB that prepares every statement, and renames atomically


def run_swap(session: MysqlSession, plan: SwapPlan) -> None:
    """Swap the content. Raises ``ClientError``: then look at the live schema."""
    session.execute(f"USE {quote_name(plan.live)}")
    at_once = is_mariadb(session.version) and series(session.version) >= _AT_ONCE
    try:
        session.execute(plan.make_mark)
        with session.waits_ended_by_signals():
            if at_once:
                _run_at_once(session, plan)
            else:
                _run_in_steps(session, plan)
    except ServerError as error:
        hint = ""
        if is_interrupted():
            raise ClientError("A signal ended the wait for a table that is in use.") from None
        if error.code == _LOCK_WAIT:
            hint = "Another session uses a table. Stop it, or raise the option lock_timeout."
        raise ClientError(
            f"Cannot swap in the restored tables: {error.reason}.", hint=hint
        ) from None


def state_after(session: MysqlSession, plan: SwapPlan) -> LiveData:
    """Return the state of the live schema after a swap."""
    if set_aside(session, plan.live):
        return LiveData.MIXED
    found = objects_of(session, plan.live)
    if plan.is_complete(session):
        same = _names(found) == _names(plan.new) and set(plan.new.tables) <= set(found.tables)
        return LiveData.NEW if same else LiveData.MIXED
    if table_names(session, plan.aside) or plan.in_scratch(session) != plan.new.tables:
        return LiveData.MIXED
    # Its tables are in their places; the site may have added or dropped some since.
    same = (found.definitions, found.collation) == (plan.old.definitions, plan.old.collation)
    return LiveData.OLD if same else LiveData.MIXED


def finish_swap(session: MysqlSession, plan: SwapPlan) -> None:
    """Drop the views that a complete swap has replaced, if it has not."""
    for name in set_aside(session, plan.live):
        session.execute(f"DROP VIEW IF EXISTS {qualified(plan.live, name)}")


def put_back(session: MysqlSession, plan: SwapPlan) -> None:
    """Put the live schema back into its old state, from whatever state it is in.

    Raises ``ClientError``; it can be called again.
    """
    session.execute(f"USE {quote_name(plan.live)}")
    parked = set(set_aside(session, plan.live))
    places = {name: table_names(session, name) for name in (plan.scratch, plan.aside)}
    started = parked or places[plan.aside] or set(plan.new.tables) - set(places[plan.scratch])
    for one in reversed(objects_of(session, plan.live).definitions):
        # Even what is like it was may belong to a new table.
        if one.name not in parked and (started or one not in plan.old.definitions):
            session.execute_all(one.dropping)
    places[plan.live] = [*table_names(session, plan.live), *view_names(session, plan.live)]
    for statement in rename_tables(plan.back_from(places)):
        session.execute(statement)
    present = _names(objects_of(session, plan.live))
    for one in plan.remakable:
        if (one.kind.sql, one.name) not in present:
            make(session, one, plan.old.collation)
    session.execute(with_collation(plan.old.collation))
    if plan.unmark[0] in {qualified(plan.live, name) for name in parked}:
        for statement in rename_tables([plan.unmark]):
            session.execute(statement)


def _names(objects: Objects) -> set[tuple[str, str]]:
    return {(one.kind.sql, one.name) for one in objects.definitions}


def _run_at_once(session: MysqlSession, plan: SwapPlan) -> None:
    numbers = iter(range(10_000_000))
    set_aside, move, create, tidy = (_prepared(session, group, numbers) for group in plan.steps)
    undo_move, undo_create = (
        _prepared(session, group, numbers) for group in plan.rollback_statements
    )
    # https://mariadb.com/kb/en/begin-end/: NOT ATOMIC turns it into a block of statements.
    # In the mode ORACLE the handler of errors catches warnings that no other one does.
    session.execute(f"""
BEGIN NOT ATOMIC
  DECLARE done INT DEFAULT 0;
  DECLARE CONTINUE HANDLER FOR SQLWARNING BEGIN END;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION
  BEGIN
    BEGIN
      DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
      IF done = 1 THEN
        BEGIN END; {undo_move}
      ELSEIF done = 2 THEN
        BEGIN END; {undo_create}
      END IF;
    END;
    RESIGNAL;
  END;
  {set_aside} SET done = 1;
  {move} SET done = 2;
  {create} SET done = 3;
  {tidy}
END""")


def _run_in_steps(session: MysqlSession, plan: SwapPlan) -> None:
    set_aside, move, create, tidy = plan.steps
    for statement in (*set_aside, *move, *plan.completions):
        session.execute(statement)
    for one in plan.new.definitions:
        make(session, one, plan.old.collation)
    for last in (create[-1], *tidy):
        session.execute(str(last))


def _prepared(session: MysqlSession, steps: Sequence[Step], numbers: Iterator[int]) -> str:
    """Return the commands that run statements within a block, from variables."""
    names = []
    for step in steps:
        names.append(f"@django_rclone_{next(numbers)}")
        if isinstance(step, Definition):
            # Converted by the server, the backslashes of a text in sjis would become others.
            session.execute(f"SET {names[-1]} = X'{encoded(session, step).hex()}'")
        else:
            session.execute(f"SET {names[-1]} = %s", [step])
    return " ".join(f"EXECUTE IMMEDIATE {name};" for name in names)
