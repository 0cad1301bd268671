"""The statements that swap the content of two schemas, and those that undo it."""

from collections.abc import Sequence
from dataclasses import dataclass

from .connection import OWN_SETTINGS, MysqlSession, quote_name
from .definitions import Definition
from .making import Step, live_statements, with_collation
from .schema import Objects, rename_tables, table_names


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
    completions: tuple[str, ...] = ()
    """Statements that complete the new tables once they are in their places."""
    remakable: tuple[Definition, ...]
    """What of ``old`` cannot be renamed, as it can be made again."""

    @property
    def steps(self) -> tuple[Sequence[str], Sequence[str], Sequence[Step], Sequence[str]]:
        """The statements in four groups, of which each is rolled back in its own way.

        The first waits for sessions that use the tables, and changes nothing when it
        waits in vain. It cannot move them to another schema: that is refused while
        they have triggers. Nor can they stay in theirs: names of foreign keys are
        unique in a schema. The third ends with a mark, and nothing can fail after it
        that matters.
        """
        old = self.old
        away = [(self._set_aside(n), qualified(self.aside, t)) for n, t in enumerate(old.tables)]
        into_live = self._moves(self.new.tables, self.scratch, self.live)
        views = range(len(old.tables), len(old.tables) + len(old.views))
        return (
            rename_tables((there, here) for here, there in self._parked),
            [
                *(one.drop for one in reversed(old.not_views)),
                *rename_tables([*away, *into_live]),
            ],
            [
                *self.completions,
                *(s for one in self.new.definitions for s in self._made(one)),
                self.leave_mark,
            ],
            [f"DROP VIEW IF EXISTS {self._set_aside(number)}" for number in views],
        )

    @property
    def rollback_statements(self) -> tuple[Sequence[Step], Sequence[Step]]:
        """The statements that undo a failed second group, and a failed third one."""
        old, new = self.old, self.new
        drop_old = [one.drop for one in old.not_views]
        create_old = [s for one in self.remakable for s in self._made(one)]
        drop_new = [one.drop for one in reversed(new.definitions)]
        back = [
            *self._moves(new.tables, self.live, self.scratch),
            *self._moves(old.tables, self.aside, self.live),
            *self._parked[len(old.tables) :],
        ]
        return (
            [OWN_SETTINGS, *rename_tables(self._parked), *drop_old, *create_old],
            [
                *(OWN_SETTINGS, with_collation(old.collation)),
                *(*drop_new, *rename_tables(back), *drop_old, *create_old),
            ],
        )

    @property
    def mark(self) -> str:
        """The table that appears in the scratch schema once everything is done."""
        return self.aside

    @property
    def leave_mark(self) -> str:
        """The statement that makes the mark."""
        return f"CREATE TABLE {qualified(self.scratch, self.mark)} (swapped int)"

    def is_complete(self, session: MysqlSession) -> bool:
        """Return whether the mark is there."""
        return self.mark in table_names(session, self.scratch)

    def back_from(self, places: dict[str, list[str]]) -> list[tuple[str, str]]:
        """Return what to rename so that everything is in its old place; see ``put_back()``."""
        in_live = {qualified(self.live, name) for name in places[self.live]}
        moved = [t for t in self.new.tables if t not in places[self.scratch]]
        aside = [t for t in self.old.tables if t in places[self.aside]]
        return [
            *self._moves(moved, self.live, self.scratch),
            *self._moves(aside, self.aside, self.live),
            *((there, here) for there, here in self._parked if there in in_live),
        ]

    @property
    def _parked(self) -> list[tuple[str, str]]:
        """The names within their schema under which tables and views wait, and their own."""
        names = (*self.old.tables, *self.old.views)
        return [(self._set_aside(n), qualified(self.live, name)) for n, name in enumerate(names)]

    def _set_aside(self, number: int) -> str:
        return qualified(self.live, f"{self.aside[-17:]}_{number}")

    def _made(self, one: Definition) -> list[Step]:
        return live_statements(one, self.old.collation)

    @staticmethod
    def _moves(tables: Sequence[str], source: str, target: str) -> list[tuple[str, str]]:
        return [(qualified(source, table), qualified(target, table)) for table in tables]


def qualified(schema: str, table: str) -> str:
    """Return the name of a table with that of its schema."""
    return f"{quote_name(schema)}.{quote_name(table)}"
