"""The statements that swap the content of two schemas, and those that undo it."""

from collections.abc import Sequence
from dataclasses import dataclass

from .connection import MysqlSession, quote_name
from .definitions import Definition
from .making import Step, live_statements, with_collation
from .schema import Objects, rename_tables, table_names
from .session_settings import OWN_SETTINGS


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
        waits in vain. Tables with triggers cannot move to another schema, so those go to
        other names first, and follow once the triggers are dropped; they cannot stay:
        names of foreign keys are unique in a schema. The third ends with the mark that
        everything is done, and nothing can fail after it that matters.
        """
        views = [there for there, _ in self._parked[len(self._with_triggers) :]]
        return (
            rename_tables(
                [self._mark_started, *self._away(self._without_triggers), *_back(self._parked)]
            ),
            [
                *(s for one in reversed(self.old.not_views) for s in one.dropping),
                *rename_tables(
                    [*self._parked_away, *self._moves(self.new.tables, self.scratch, self.live)]
                ),
            ],
            [
                *self.completions,
                *(s for one in self.new.definitions for s in self._made(one)),
                *rename_tables([self._mark_done]),
            ],
            [f"DROP VIEW IF EXISTS {there}" for there in views],
        )

    @property
    def rollback_statements(self) -> tuple[Sequence[Step], Sequence[Step]]:
        """The statements that undo a failed second group, and a failed third one."""
        old, new = self.old, self.new
        drop_old = [s for one in old.not_views for s in one.dropping]
        create_old = [s for one in self.remakable for s in self._made(one)]
        drop_new = [s for one in reversed(new.definitions) for s in one.dropping]
        put_back = _back(self._away(self._without_triggers))
        back = [
            *self._moves(new.tables, self.live, self.scratch),
            *_back(self._away(old.tables)),
            *self._parked[len(self._with_triggers) :],
        ]
        return (
            [
                *(OWN_SETTINGS, *rename_tables([*put_back, *self._parked])),
                *(*drop_old, *create_old, *rename_tables([self.unmark])),
            ],
            [
                *(OWN_SETTINGS, with_collation(old.collation)),
                *(*drop_new, *rename_tables(back)),
                *(*drop_old, *create_old, *rename_tables([self.unmark])),
            ],
        )

    @property
    def make_mark(self) -> str:
        """The statement that makes the mark, which moves with the tables.

        While it is in the live schema, that is neither in its old state nor in the new one,
        whatever becomes of us or of the server.
        """
        return f"CREATE TABLE {self.unmark[1]} (swapped int)"

    @property
    def unmark(self) -> tuple[str, str]:
        """What to rename once the live schema is in its old state again."""
        return _back([self._mark_started])[0]

    def is_complete(self, session: MysqlSession) -> bool:
        """Return whether everything was done."""
        return self.aside in table_names(session, self.scratch)

    def in_scratch(self, session: MysqlSession) -> tuple[str, ...]:
        """Return the tables in the scratch schema but for the mark."""
        return tuple(name for name in table_names(session, self.scratch) if name != self._mark)

    def back_from(self, places: dict[str, list[str]]) -> list[tuple[str, str]]:
        """Return what to rename so that everything is in its old place; see ``put_back()``."""
        in_live = {qualified(self.live, name) for name in places[self.live]}
        moved = [t for t in self.new.tables if t not in places[self.scratch]]
        aside = [t for t in self.old.tables if t in places[self.aside]]
        return [
            *self._moves(moved, self.live, self.scratch),
            *_back(self._away(aside)),
            *((there, here) for there, here in self._parked if there in in_live),
        ]

    @property
    def _with_triggers(self) -> list[str]:
        triggered = {one.table for one in self.old.not_views}
        return [table for table in self.old.tables if table in triggered]

    @property
    def _without_triggers(self) -> list[str]:
        triggered = set(self._with_triggers)
        return [table for table in self.old.tables if table not in triggered]

    @property
    def _parked(self) -> list[tuple[str, str]]:
        """The names within their schema under which tables and views wait, and their own."""
        names = (*self._with_triggers, *self.old.views)
        return [
            (qualified(self.live, f"{self._stem}_{number}"), qualified(self.live, name))
            for number, name in enumerate(names, 1)
        ]

    @property
    def _parked_away(self) -> list[tuple[str, str]]:
        """How tables that wait within their schema go where the others are already."""
        parked = zip(self._parked, self._with_triggers, strict=False)
        return [(there, qualified(self.aside, table)) for (there, _), table in parked]

    @property
    def _stem(self) -> str:
        return self.aside[-17:]

    @property
    def _mark(self) -> str:
        return f"{self._stem}_0"

    @property
    def _mark_started(self) -> tuple[str, str]:
        return qualified(self.scratch, self._mark), qualified(self.live, self._mark)

    @property
    def _mark_done(self) -> tuple[str, str]:
        return qualified(self.live, self._mark), qualified(self.scratch, self.aside)

    def _away(self, tables: Sequence[str]) -> list[tuple[str, str]]:
        return self._moves(tables, self.live, self.aside)

    def _made(self, one: Definition) -> list[Step]:
        return live_statements(one, self.old.collation)

    @staticmethod
    def _moves(tables: Sequence[str], source: str, target: str) -> list[tuple[str, str]]:
        return [(qualified(source, table), qualified(target, table)) for table in tables]


def _back(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(new, old) for old, new in pairs]


def qualified(schema: str, table: str) -> str:
    """Return the name of a table with that of its schema."""
    return f"{quote_name(schema)}.{quote_name(table)}"
