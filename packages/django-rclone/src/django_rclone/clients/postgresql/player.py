"""Runs the statements of a dump in a session, each in the settings that it needs.

The text of a dump is written for an empty search path. What the functions of the site do
when they run is not: they may name their tables without a schema. So rows are loaded, and
a statement that does not find a name is tried again, with the search path that the site
had at the backup.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..session import ServerError
from .connection import PostgresqlSession, quote_name
from .postponed import Check, checks_by_functions, tables_to_analyze
from .script import Statement
from .statements import StatementPolicy

LARGE_OBJECTS = "BLOBS"
"""What pg_dump calls the content of large objects: it must be written in one transaction."""

_DATA = ("TABLE DATA", LARGE_OBJECTS, "BLOB METADATA", "SEQUENCE SET", "STATISTICS DATA")
_RUNS_FUNCTIONS = ("INDEX", "CONSTRAINT", "CHECK CONSTRAINT", "MATERIALIZED VIEW DATA")
_EVENT_TRIGGER = "EVENT TRIGGER"
_VIEW_DATA = "MATERIALIZED VIEW DATA"

# What a dump says in words of its own settings is read in the same.
_READING = {
    "array_nulls": "on",
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    # If this process is killed, the server notices even within a long statement.
    "client_connection_check_interval": "2s",
}
_SET_PATH = "SELECT set_config('search_path', %(path)s, %(local)s)"
_SET = """
SELECT set_config(name, %(value)s, %(local)s) FROM pg_settings WHERE name = %(name)s
"""


class Player:
    """Runs statements within one transaction, which it does not end."""

    local = True
    """Whether settings end with the transaction."""

    def __init__(self, session: PostgresqlSession, *, settings: dict[str, str]) -> None:
        """``settings`` are those of the database that was dumped, as far as they are known."""
        self._session = session
        self._settings = settings
        self._policy = StatementPolicy(
            settings=frozenset(), schemas=frozenset(), kept_kinds=frozenset()
        )
        self._path = ""
        self._role = "NONE"
        self._is_other = False
        self.not_restored: list[str] = []
        """A sentence about each statement that failed for a reason that is tolerated."""
        self._checks: list[Check] | None = None
        self._later: list[Statement] = []
        self._last: list[Statement] = []

    def open(self) -> None:
        """Begin. Raises ``ServerError``, as all methods do."""
        session = self._session
        self._path = self._settings.get("search_path") or str(
            session.value("SELECT current_setting('search_path')")
        )
        self.begin()
        self._role = quote_name(str(session.value("SELECT current_user")))
        if monetary := self._settings.get("lc_monetary"):
            with self._tolerated(("22023",), f"setting lc_monetary to {monetary}"):
                self._set("lc_monetary", monetary)
        for name, value in _READING.items():
            self._set(name, value)
        self._set_path("")

    def begin(self) -> None:
        """Begin the transaction."""
        self._session.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")

    def follow(self, *, schemas: frozenset[str], kept_kinds: frozenset[str]) -> None:
        """Take note of what of the live database stays."""
        settings = {name for (name,) in self._session.rows("SELECT name FROM pg_settings")}
        self._policy = StatementPolicy(
            settings=frozenset(settings), schemas=schemas, kept_kinds=kept_kinds
        )

    def run(self, statement: Statement) -> None:
        """Run a statement, if it is to be run. Raises ``ScriptError`` for one that is refused."""
        if statement.rows is not None:
            # Without rows no privilege is needed: the table of an extension may belong to others.
            if not statement.rows.are_empty():
                self._before_rows()
                with self._site_path():
                    self._copy(statement)
            return
        if self._policy.skips(statement.text):
            return
        entry = statement.entry
        if _EVENT_TRIGGER in (entry.type, entry.name[: len(_EVENT_TRIGGER)]):
            # It would fire at what follows.
            self._last.append(statement)
            return
        if self._checks and statement.entry.type not in _DATA and statement.entry.type:
            self._put_checks_back()
        if b" SESSION AUTHORIZATION" in statement.text[:27]:
            self._change_role(statement.text)
        else:
            self._run(statement)

    def end(self) -> None:
        """Make what was postponed, and check what the commit would check otherwise."""
        self._put_checks_back()
        self._fill_views()
        # Otherwise the commit would check deferred constraints, and could take long.
        if self.local:
            self._session.execute("SET CONSTRAINTS ALL IMMEDIATE")
        self._analyze()
        for statement in self._last:
            self._run(statement)

    def _fill_views(self) -> None:
        while self._later:
            before, self._later = self._later, []
            for statement in before:
                self._run(statement)
            if len(self._later) == len(before):
                # None could be filled: the first says why.
                with self._site_path():
                    self._session.execute(self._later[0].text)

    def _analyze(self) -> None:
        """Let the planner know the new tables: otherwise the site is slow until autovacuum does."""
        for table in tables_to_analyze(self._session):
            # An index on an expression runs functions of the site.
            with suppress(ServerError), self._savepoint(), self._site_path():
                self._session.execute(f"ANALYZE {table}")

    def _copy(self, statement: Statement) -> None:
        assert statement.rows is not None
        self._session.copy(statement.text, statement.rows.read)

    def _run(self, statement: Statement) -> None:
        text, entry = self._localized(statement.text), statement.entry
        ignorable = self._policy.ignorable_errors(statement)
        if ignorable:
            with self._tolerated(ignorable, str(entry), text):
                self._execute_granting(text)
        elif entry.type in _RUNS_FUNCTIONS:
            self._execute_anyhow(text, statement)
        else:
            self._session.execute(text)

    def _localized(self, text: bytes) -> bytes:
        return b"SET LOCAL " + text[4:] if self.local and text.startswith(b"SET ") else text

    def _execute_anyhow(self, text: bytes | str, statement: Statement | None = None) -> None:
        """Run what may run functions of the site: if it fails, with the search path of the site."""
        try:
            with self._savepoint():
                self._session.execute(text)
                return
        except ServerError as error:
            first = error
        try:
            with self._savepoint(), self._site_path():
                self._session.execute(text)
        except ServerError:
            if statement is None or statement.entry.type != _VIEW_DATA:
                raise first from None
            # It may read a view that is filled later, through a function.
            self._later.append(statement)

    def _execute_granting(self, text: bytes) -> None:
        try:
            with self._savepoint():
                self._session.execute(text)
        except ServerError:
            if not self._is_other:
                raise
            # The owner may grant what the other role granted.
            self._set_role(self._role)
            self._session.execute(text)

    def _change_role(self, text: bytes) -> None:
        """Grant as the role that did, where that is permitted; else as the owner."""
        self._set_role(self._role)
        if text.startswith(b"SET"):
            role = text.rstrip(b";").rpartition(b"AUTHORIZATION ")[2].decode()
            with self._tolerated(("42704", "42501", "22023"), f"granting as {role}"):
                self._set_role(role)
                self._is_other = True

    def _set_role(self, role: str) -> None:
        self._session.execute(f"SET {'LOCAL ' * self.local}ROLE {role}")
        self._is_other = False

    def _before_rows(self) -> None:
        if self._checks is None:
            self._checks = checks_by_functions(self._session)
            for check in self._checks:
                self._session.execute(check.drop)

    def _put_checks_back(self) -> None:
        checks, self._checks = self._checks or [], []
        for check in checks:
            self._put_back(check)

    def _put_back(self, check: Check) -> None:
        self._execute_anyhow(check.add)

    @contextmanager
    def _site_path(self) -> Iterator[None]:
        self._set_path(self._path)
        yield
        # After an error the transaction, or the savepoint, is rolled back, and this with it.
        self._set_path("")

    def _set_path(self, path: str) -> None:
        self._session.rows(_SET_PATH, {"path": path, "local": self.local})

    def _set(self, name: str, value: str) -> None:
        self._session.rows(_SET, {"name": name, "value": value, "local": self.local})

    @contextmanager
    def _savepoint(self) -> Iterator[None]:
        self._session.execute("SAVEPOINT attempt")
        try:
            yield
        except ServerError:
            self._session.execute("ROLLBACK TO SAVEPOINT attempt")
            self._session.execute("RELEASE SAVEPOINT attempt")
            raise
        self._session.execute("RELEASE SAVEPOINT attempt")

    @contextmanager
    def _tolerated(self, codes: tuple[str, ...], what: str, text: bytes = b"") -> Iterator[None]:
        try:
            with self._savepoint():
                yield
        except ServerError as error:
            if error.code not in codes:
                raise
            shown = text[:200].decode("utf-8", "replace") or what
            self.not_restored.append(f"Not restored ({error.reason}): {shown}")
