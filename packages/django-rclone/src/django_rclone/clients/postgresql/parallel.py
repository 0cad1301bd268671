"""Runs the statements of a dump in several sessions, as far as they do not depend on each other.

The rows of a large table are parted among the sessions. Indexes and constraints follow each
other in a dump: those of a kind are collected, and then made at once, the largest tables
first. Everything else, and everything small, is run in one session, as without.
"""

from collections.abc import Callable
from functools import partial
from itertools import chain
from typing import ClassVar

from ..session import ServerError
from .connection import PostgresqlSession
from .execution import Execution
from .piecewise import PiecewisePlayer
from .postponed import tables_to_analyze
from .script import Statement
from .sharing import SharedRows
from .tasks import Board, Task, tables_of, task_of
from .workers import Workers

_CHUNK = 1 << 18

# Foreign keys of what an extension brings would not find rows that another session is loading.
_IS_PLAIN = "SELECT NOT relhastriggers FROM pg_class WHERE oid = to_regclass(%(table)s)"

# What does not need each other, and what follows from it and takes no time.
_SIDE_BY_SIDE = ("INDEX", "CONSTRAINT", "INDEX ATTACH", "COMMENT")
_FOREIGN_KEY = "FK CONSTRAINT"


class ParallelPlayer(PiecewisePlayer):
    """Lets ``workers`` do what takes long."""

    small: ClassVar[int] = 1 << 20
    """Bytes of rows of a table, which are not worth more than one session."""

    def __init__(
        self, session: PostgresqlSession, workers: Workers, *, settings: dict[str, str]
    ) -> None:
        super().__init__(session, settings=settings)
        self._workers = workers
        self._lot: list[Statement] = []  # to be made at once
        self._followers: list[Statement] = []  # to be run after it, in this order

    def open(self) -> None:
        """See ``Player.open()``."""
        super().open()
        self._workers.open(self._execution.site_path)

    def run(self, statement: Statement) -> None:
        """See ``Player.run()``; first make what was collected, unless this goes with it."""
        if self._lot and not self._continues(statement):
            self._make_lot()
        super().run(statement)

    def end(self) -> None:
        """See ``Player.end()``."""
        self._make_lot()
        super().end()

    def cancel(self) -> None:
        """See ``Player.cancel()``."""
        super().cancel()
        self._workers.cancel()

    def _continues(self, statement: Statement) -> bool:
        if statement.rows is not None or statement.text.startswith((b"SET ", b"RESET ")):
            return False
        # A foreign key needs what makes the rows unique that it refers to.
        is_foreign_key = self._lot[0].entry.type == _FOREIGN_KEY
        return statement.entry.type in (
            (_FOREIGN_KEY, "COMMENT") if is_foreign_key else _SIDE_BY_SIDE
        )

    def _may_wait(self, statement: Statement) -> bool:
        return not self._lot and super()._may_wait(statement)

    def _run(self, statement: Statement) -> None:
        if self._is_for_workers(statement):
            self._lot.append(statement)
        elif self._lot:
            self._followers.append(statement)
        else:
            super()._run(statement)

    def _is_for_workers(self, statement: Statement) -> bool:
        return (
            self._loaded > self.few_rows
            and not self._execution.is_other
            and bool(tables_of(statement))
            and not self._policy.ignorable_errors(statement)
        )

    def _make_lot(self) -> None:
        lot, self._lot = self._lot, []
        followers, self._followers = self._followers, []
        lot.sort(key=lambda one: -max(self.rows.get(table, 0) for table in tables_of(one)))
        self._work_off([task_of(one, partial(_make, one)) for one in lot])
        for one in followers:
            self.statement = one
            super()._run(one)

    def _work_off(self, tasks: list[Task]) -> None:
        if not tasks:
            return
        self.flush()
        self._pause()  # the sessions must see what there is, and get locks on it
        self._workers.follow(self._session)
        board = Board(tasks)
        try:
            self._workers.at_once(
                lambda number, execution: board.work(execution), lambda: None, board.halt
            )
        except ServerError:
            self.statement = board.failed.statement if board.failed else None
            raise
        for task in board.again:
            self.statement = task.statement
            task.run(self._execution)

    def _load(self, statement: Statement, read: Callable[[int], bytes]) -> int:
        pieces: list[bytes] = []
        while sum(map(len, pieces)) < self.small and (data := read(_CHUNK)):
            pieces.append(data)
        rest = chain(pieces, iter(partial(read, _CHUNK), b""))
        if sum(map(len, pieces)) < self.small or not self._may_share(statement):
            return super()._load(statement, lambda size: next(rest, b""))
        self._pause()
        self._workers.follow(self._session)
        shared = SharedRows(self._workers.count)
        counts = [0] * self._workers.count

        def copy(number: int, execution: Execution) -> None:
            counts[number] = execution.copy(
                statement.text, lambda size: shared.read(number), schema=statement.entry.schema
            )

        def feed() -> None:
            for data in rest:
                shared.put(data)
            shared.end()

        self._workers.at_once(copy, feed, shared.halt)
        return sum(counts)

    def _may_share(self, statement: Statement) -> bool:
        if not statement.target or self._execution.is_other:
            return False
        return bool(self._session.value(_IS_PLAIN, {"table": statement.target}))

    def _analyze(self) -> None:
        if self._loaded <= self.few_rows:
            super()._analyze()
            return
        texts = [f"ANALYZE {table}" for table in tables_to_analyze(self._session)]
        self._work_off([Task(run=partial(_try, text)) for text in texts])


def _try(text: str, execution: Execution) -> None:
    execution.attempt_each([text])


def _make(statement: Statement, execution: Execution) -> None:
    execution.attempt_anyhow(statement.text, schema=statement.entry.schema)
