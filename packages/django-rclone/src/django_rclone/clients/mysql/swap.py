"""Exchanging the content of a live schema for that of a scratch schema.

``RENAME TABLE`` is atomic, and nothing else of MariaDB or MySQL is. So MariaDB is
sent the whole exchange as one statement, which the server runs to its end even
when we are killed meanwhile, and which puts everything back where a part of it
fails. MySQL has no such statement; there we do the same, step by step.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...exceptions import RestoreError
from ...redaction import redact
from .connection import Session, code_of, first_words, quoted
from .schema import Objects, moved

_LOCK_WAIT = 1205
_LOST = (0, 2006, 2013, 2055)
"""Errors after which nobody knows what the server did."""


class Undecided(RestoreError):
    """The server was asked, and its answer never came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """``live`` is to hold what ``scratch`` holds, and ``aside`` what ``live`` held.

    ``old`` and ``new`` are the content of live and scratch. The triggers of the
    latter are gone already: tables that have some cannot be moved to another schema.
    """

    live: str
    scratch: str
    aside: str
    old: Objects
    new: Objects

    @property
    def steps(self) -> tuple[list[str], list[str], list[str]]:
        """What is done: three groups, of which each is undone in its own way.

        The first waits for whoever uses the tables, and changes nothing when it
        waits in vain. It cannot move them to another schema: that is refused
        while they have triggers. Nor could they stay in theirs: names of foreign
        keys are unique in a schema.
        """
        there = [(self._of_live(old), self._parked(n)) for n, old in enumerate(self.old.tables)]
        aside = [(self._parked(n), self._set_aside(t)) for n, t in enumerate(self.old.tables)]
        here = [(f"{quoted(self.scratch)}.{quoted(t)}", self._of_live(t)) for t in self.new.tables]
        return (
            moved(there),
            [*self.old.untriggering, *self.old.removing, *moved([*aside, *here])],
            [*self.new.making, *self.new.events],
        )

    @property
    def undoing(self) -> tuple[list[str], list[str]]:
        """What puts everything back when the second group fails, and when the third does."""
        parked = [(self._parked(n), self._of_live(t)) for n, t in enumerate(self.old.tables)]
        back = [
            *((self._of_live(t), f"{quoted(self.scratch)}.{quoted(t)}") for t in self.new.tables),
            *((self._set_aside(t), self._of_live(t)) for t in self.old.tables),
        ]
        # What was removed is made again; what was not is removed before.
        remade = [*self.old.untriggering, *self.old.removing, *self.old.making, *self.old.events]
        return (
            [*moved(parked), *remade],
            [*self.new.untriggering, *self.new.removing, *moved(back), *remade],
        )

    def _of_live(self, table: str) -> str:
        return f"{quoted(self.live)}.{quoted(table)}"

    def _set_aside(self, table: str) -> str:
        return f"{quoted(self.aside)}.{quoted(table)}"

    def _parked(self, number: int) -> str:
        return f"{quoted(self.live)}.{quoted(f'{self.aside[-17:]}_{number}')}"


def run_exchange(session: Session, exchange: Exchange, *, lock_timeout: float) -> None:
    """Exchange the content. Raises ``RestoreError`` when everything is as it was.

    Raises ``Undecided`` when that is not known. ``lock_timeout`` is how many
    seconds to wait for sessions that use the tables.
    """
    session.execute(f"USE {quoted(exchange.live)}")
    session.execute(f"SET SESSION lock_wait_timeout = {max(1, round(lock_timeout))}")
    session.execute("SET SESSION foreign_key_checks = 0")
    run = _run_at_once if session.is_mariadb else _run_in_steps
    try:
        run(session, exchange)
    except session.error as error:
        if code_of(error) in _LOST:
            raise Undecided(
                "The connection was lost while the database was exchanged.",
                hint="Look at the database, then restore again: that sweeps what is left.",
            ) from None
        hint = ""
        if code_of(error) == _LOCK_WAIT:
            hint = "Another session uses a table. Stop it, or raise the option lock_timeout."
        said = redact(first_words(error))[:500]
        raise RestoreError(f"The database cannot be exchanged: {said}.", hint=hint) from None


def _run_at_once(session: Session, exchange: Exchange) -> None:
    numbers = iter(range(1_000_000))
    parking, moving, making = (_prepared(session, group, numbers) for group in exchange.steps)
    unmoving, unmaking = (_prepared(session, group, numbers) for group in exchange.undoing)
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
          BEGIN END; {unmoving}
        ELSE
          BEGIN END; {unmaking}
        END IF;
      END;
    END IF;
    RESIGNAL;
  END;
  {parking} SET done = 1;
  {moving} SET done = 2;
  {making} SET done = 3;
END""")


def _prepared(session: Session, statements: Sequence[str], numbers: Iterator[int]) -> str:
    """Return what runs statements within a block. Their texts wait in variables."""
    names = []
    for statement in statements:
        names.append(f"@django_rclone_{next(numbers)}")
        session.execute(f"SET {names[-1]} = %s", [statement])
    return " ".join(f"EXECUTE IMMEDIATE {name};" for name in names)


def _run_in_steps(session: Session, exchange: Exchange) -> None:
    undoing: Sequence[str] = ()
    try:
        for group, undone in zip(exchange.steps, ((), *exchange.undoing), strict=True):
            undoing = undone
            for statement in group:
                session.execute(statement)
    except session.error:
        for statement in undoing:
            with contextlib.suppress(session.error):
                session.execute(statement)
        raise
