"""Which statements may be run at once, and by whom: indexes, constraints, foreign keys.

Two of them do not wait for each other's locks if neither needs a table for itself that the
other needs at all. What is written in another way than pg_dump has is not a task.
"""

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..session import ServerError
from .execution import LOCKED, Execution
from .script import NAME, Statement

_TABLE = rb"(" + NAME + rb"\." + NAME + rb")"
_ADD = rb"ALTER TABLE (?:ONLY )?" + _TABLE + rb"\s+ADD CONSTRAINT " + NAME
_COLUMNS = rb"\((?:PERIOD )?" + NAME + rb"(?:, (?:PERIOD )?" + NAME + rb")*+\)"
_FORMS = {
    "INDEX": re.compile(rb"CREATE (?:UNIQUE )?INDEX " + NAME + rb" ON (?:ONLY )?" + _TABLE + rb" "),
    "CONSTRAINT": re.compile(_ADD + rb" (?:PRIMARY KEY|UNIQUE|EXCLUDE)\b"),
    "FK CONSTRAINT": re.compile(
        _ADD + rb" FOREIGN KEY " + _COLUMNS + rb" REFERENCES " + _TABLE + rb"\("
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """Something that one session does."""

    run: Callable[[Execution], None]
    """It raises ``ServerError``."""
    statement: Statement | None = None
    reads: frozenset[str] = frozenset()
    """The quoted names of the tables that it needs, next to others that read them."""
    alone: frozenset[str] = frozenset()
    """Those that it needs for itself."""

    def goes_with(self, other: "Task") -> bool:
        """Return whether both can be at work at once."""
        return not (self.alone & (other.alone | other.reads) or other.alone & self.reads)


def tables_of(statement: Statement) -> frozenset[str]:
    """Return the quoted names of the tables of an index or a constraint that can be a task."""
    form = _FORMS.get(statement.entry.type)
    found = form.match(statement.text) if form else None
    try:
        return frozenset(name.decode() for name in found.groups()) if found else frozenset()
    except UnicodeDecodeError:
        return frozenset()


def task_of(statement: Statement, run: Callable[[Execution], None]) -> Task:
    """Return the task for a statement that has ``tables_of()``."""
    tables = tables_of(statement)
    if statement.entry.type == "INDEX":
        return Task(run=run, statement=statement, reads=tables)
    return Task(run=run, statement=statement, alone=tables)


class Board:
    """Tasks that several sessions take, the first first, when it goes with those at work."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._open = list(tasks)
        self._taken: list[Task] = []
        self._halted = False
        self._changed = threading.Condition()
        self.failed: Task | None = None
        """The first task that failed."""
        self.again: list[Task] = []
        """What waited for locks in vain: it must be run when nothing else is."""

    def work(self, execution: Execution) -> None:
        """Run tasks in a session until there are no more. Raises ``ServerError``."""
        while (task := self._take()) is not None:
            try:
                task.run(execution)
            except ServerError as error:
                if error.code not in LOCKED:
                    self.failed = self.failed or task
                    raise
                self.again.append(task)
            finally:
                self._put_back(task)

    def halt(self) -> None:
        """Let nobody take another task."""
        with self._changed:
            self._halted = True
            self._changed.notify_all()

    def _take(self) -> Task | None:
        with self._changed:
            while self._open and not self._halted:
                for task in self._open:
                    if all(map(task.goes_with, self._taken)):
                        self._open.remove(task)
                        self._taken.append(task)
                        return task
                self._changed.wait()
            return None

    def _put_back(self, task: Task) -> None:
        with self._changed:
            self._taken.remove(task)
            self._changed.notify_all()
