"""Runs the statements of a dump in a session, each in the settings that it needs.

The text of a dump is written for an empty search path. What the functions of the site do
when they run is not: they may name their tables without a schema. So rows are loaded, and
a statement that does not find a name is tried again, with the search path that the site
had at the backup, and the schema of its object.

Many statements are sent in one request; if one fails, none stays, and they are sent one by one.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar

from ..session import ServerError
from .connection import PostgresqlSession
from .execution import Execution, may_try_again
from .postponed import Check, checks_by_functions, tables_to_analyze
from .script import Statement
from .statements import StatementPolicy

LARGE_OBJECTS = "BLOBS"
"""What pg_dump calls the content of large objects: it must be written in one transaction."""

_DATA = ("TABLE DATA", LARGE_OBJECTS, "BLOB METADATA", "SEQUENCE SET", "STATISTICS DATA")
_VIEW_DATA = "MATERIALIZED VIEW DATA"
_ATTACHES = ("INDEX ATTACH", "TABLE ATTACH")
_RUNS_FUNCTIONS = ("INDEX", "CONSTRAINT", "CHECK CONSTRAINT", *_ATTACHES, _VIEW_DATA)
_READS_ROWS = (*_RUNS_FUNCTIONS, "FK CONSTRAINT")
_EVENT_TRIGGER = "EVENT TRIGGER"

_LONG = 1 << 16  # bytes of a statement


class Player:
    """Runs statements within one transaction, which it does not end."""

    local: ClassVar[bool] = True
    """Whether settings end with the transaction."""
    savepoints: ClassVar[bool] = True
    """Whether there is a transaction, to go back in."""
    together: ClassVar[int] = 100
    """How many statements are sent in one request."""
    few_rows: ClassVar[int] = 64 << 20
    """Bytes: with more of them, nothing that reads rows is sent twice."""

    def __init__(self, session: PostgresqlSession, *, settings: dict[str, str]) -> None:
        """``settings`` are those of the database that was dumped, as far as they are known."""
        self._session, self._settings = session, settings
        self._execution = Execution(session, local=self.local, savepoints=self.savepoints)
        self._policy = StatementPolicy(
            settings=frozenset(), schemas=frozenset(), kept_kinds=frozenset()
        )
        self._loaded = 0  # bytes
        self.rows: dict[str, int] = {}
        """How many rows the server took for each table, by its quoted name."""
        self.statement: Statement | None = None
        """The statement that is run, or was run last; ``None`` before the first and at the end."""
        self.not_restored: list[str] = []
        """A sentence about each statement that failed for a reason that is tolerated."""
        self._checks: list[Check] | None = None
        self._waiting: list[Statement] = []
        self._later: list[Statement] = []
        self._last: list[Statement] = []

    def open(self) -> None:
        """Begin. Raises ``ServerError``, as all methods do."""
        session = self._session
        self._execution.open(self._settings.get("search_path"))
        if monetary := self._settings.get("lc_monetary"):
            query = "SELECT set_config('lc_monetary', %(value)s, false)"
            with self._tolerated(("22023",), f"setting lc_monetary to {monetary}"):
                session.rows(query, {"value": monetary})  # not yet in the transaction
        self.begin()
        self._execution.set_usual()
        self._execution.use_path("")

    def begin(self) -> None:
        """Begin the transaction."""
        self._session.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")

    def follow(self, *, schemas: frozenset[str], kept_kinds: frozenset[str]) -> None:
        """Take note of what of the live database stays."""
        known = frozenset(n for (n,) in self._session.rows("SELECT name FROM pg_settings"))
        self._policy = StatementPolicy(settings=known, schemas=schemas, kept_kinds=kept_kinds)

    def run(self, statement: Statement) -> None:
        """Run a statement, if it is to be run, now or with those that follow.

        Raises ``ScriptError`` for one that is refused.
        """
        self.statement = statement
        if statement.rows is not None:
            # Without rows no privilege is needed: the table of an extension may belong to others.
            if not statement.rows.are_empty():
                self._before_rows()
                self._copy(statement)
            return
        if self._policy.skips(statement):
            return
        entry = statement.entry
        if _EVENT_TRIGGER in (entry.type, entry.name[: len(_EVENT_TRIGGER)]):
            self._last.append(statement)  # it would fire at what follows
            return
        if self._checks and entry.type not in _DATA and entry.type:
            self._put_checks_back()
        if self._may_wait(statement):
            self._waiting.append(statement)
            if len(self._waiting) >= self.together or len(statement.text) >= _LONG:
                self.flush()
            return
        self.flush()
        self.statement = statement
        if b" SESSION AUTHORIZATION" in statement.text[:27]:
            self._change_role(statement.text)
        else:
            self._run(statement)

    def flush(self) -> None:
        """Run the statements that wait."""
        waiting, self._waiting = self._waiting, []
        if len(waiting) > 1:
            try:
                self._execution.attempt(b"\n".join(one.text for one in waiting))
                return
            except ServerError as error:
                if not may_try_again(error):
                    raise
        for one in waiting:
            self.statement = one
            self._run(one)

    def end(self) -> None:
        """Make what was postponed, and check what the commit would check otherwise."""
        self.flush()
        self.statement = None
        self._put_checks_back()
        self._fill_views()
        # Otherwise the commit would check deferred constraints, and could take long.
        if self.local:
            self._session.execute("SET CONSTRAINTS ALL IMMEDIATE")
        self._analyze()
        for statement in self._last:
            self._run(statement)
        self._execution.settle()

    def cancel(self) -> None:
        """Cancel what is running, from another thread."""
        self._session.cancel()

    def _may_wait(self, statement: Statement) -> bool:
        """Return whether a statement may be sent with others, and once more by itself."""
        text, kind = statement.text, statement.entry.type
        # A request is read in the settings that it is sent in.
        if text.startswith((b"SET ", b"RESET ")) or kind in (LARGE_OBJECTS, _VIEW_DATA):
            return False
        return self.together > 1 and (kind not in _READS_ROWS or self._loaded <= self.few_rows)

    def _fill_views(self) -> None:
        while self._later:
            before, self._later = self._later, []
            for statement in before:
                self._run(statement)
            if len(self._later) == len(before):
                # None could be filled: the first says why.
                self._execution.run_as_site(before[0].text, schema=before[0].entry.schema)

    def _analyze(self) -> None:
        """Let the planner know the new tables: otherwise the site is slow until autovacuum does."""
        texts = [f"ANALYZE {table}" for table in tables_to_analyze(self._session)]
        for start in range(0, len(texts), self.together):
            self._execution.attempt_each(texts[start : start + self.together])
            self._pause()

    def _pause(self) -> None:
        """Commit what there is, if that may be."""

    def _copy(self, statement: Statement) -> None:
        rows = statement.rows
        assert rows is not None

        def read(size: int) -> bytes:
            data = rows.read(size)
            self._loaded += len(data)
            return data

        self.rows[statement.target] = self._load(statement, read)

    def _load(self, statement: Statement, read: Callable[[int], bytes]) -> int:
        return self._execution.copy(statement.text, read, schema=statement.entry.schema)

    def _run(self, statement: Statement) -> None:
        text, entry = statement.text, statement.entry
        if text.startswith(b"SET "):
            text = self._execution.adapted(text)
        if ignorable := self._policy.ignorable_errors(statement):
            with self._tolerated(ignorable, text[:200].decode("utf-8", "replace")):
                self._execution.attempt_granting(text)
        elif entry.type in _RUNS_FUNCTIONS:
            self._execute_anyhow(text, statement)
        else:
            self._execution.run(text)

    def _execute_anyhow(self, text: bytes, statement: Statement) -> None:
        try:
            self._execution.attempt_anyhow(text, schema=statement.entry.schema)
        except ServerError as error:
            if statement.entry.type != _VIEW_DATA or not may_try_again(error):
                raise
            # It may read a view that is filled later, through a function.
            self._later.append(statement)

    def _change_role(self, text: bytes) -> None:
        """Grant as the role that did, where that is permitted; else as the owner."""
        self._execution.be_owner()
        if text.startswith(b"SET"):
            role = text.rstrip(b";").rpartition(b"AUTHORIZATION ")[2]
            shown = role.decode("utf-8", "replace")
            with self._tolerated(("42704", "42501", "22023"), f"granting as {shown}"):
                self._execution.be_other(role)

    def _before_rows(self) -> None:
        self.flush()
        if self._checks is None:
            self._execution.use_path("")
            self._checks = checks_by_functions(self._session)
            for check in self._checks:
                self._execution.run(check.drop)

    def _put_checks_back(self) -> None:
        self.flush()
        checks, self._checks = self._checks or [], []
        for check in checks:
            self._put_back(check)

    def _put_back(self, check: Check) -> None:
        self._execution.attempt_anyhow(check.add, schema=check.schema)

    @contextmanager
    def _tolerated(self, codes: tuple[str, ...], what: str) -> Iterator[None]:
        try:
            yield
        except ServerError as error:
            if error.code not in codes:
                raise
            self.not_restored.append(f"Not restored ({error.reason}): {what}")
