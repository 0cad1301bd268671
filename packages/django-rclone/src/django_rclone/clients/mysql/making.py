"""Making views, routines, triggers and events: each under its own settings, which end with it."""

from collections.abc import Iterable, Iterator, Sequence

from ...exceptions import ClientError
from ..session import ServerError
from .connection import MysqlSession, quote_string
from .definitions import Definition, encoded
from .session_settings import OWN_SETTINGS
from .statements import SCHEMA_COLLATION, Statement, statements_of

_NO_RIGHT = (
    "1227"  # https://mariadb.com/kb/en/mariadb-error-codes/: ER_SPECIFIC_ACCESS_DENIED_ERROR
)
Step = str | Definition
"""A statement, or an object to be made by its text."""

_HINTS = {
    "1418": "Let the server have log_bin_trust_function_creators=1, or the role SUPER.",
    "1419": "Let the server have log_bin_trust_function_creators=1, or the role SUPER.",
}


def script_of(
    session: MysqlSession, definitions: Iterable[Definition], collation: str
) -> Iterator[bytes]:
    """Yield the statements that make objects in a schema with this default ``collation``."""
    current = collation
    for one in definitions:
        if one.schema_collation and one.schema_collation != current:
            current = one.schema_collation
            yield with_collation(current).encode()
        yield one.settings.encode()
        yield encoded(session, one)
    if current != collation:
        yield with_collation(collation).encode()


def live_statements(definition: Definition, collation: str) -> list[Step]:
    """Return what makes an object in a schema, with the settings before and after it."""
    altered = definition.schema_collation not in ("", collation)
    return [
        *([with_collation(definition.schema_collation)] if altered else []),
        definition.settings,
        definition,
        OWN_SETTINGS,
        *([with_collation(collation)] if altered else []),
    ]


def make(session: MysqlSession, definition: Definition, collation: str) -> None:
    """Make an object in the current schema, whose default is ``collation``."""
    script = script_of(session, [definition], collation)
    for statement in list(statements_of(script)):
        run_statement(session, statement, collation)


def run_statement(session: MysqlSession, statement: Statement, collation: str) -> None:
    """Run a statement under its settings, and end those. Raises ``ServerError``."""
    try:
        for setting in statement.settings:
            session.execute(setting)
        session.execute(statement.text)
    finally:
        session.reset()
        if any(one.startswith(SCHEMA_COLLATION) for one in statement.settings):
            session.execute(with_collation(collation))


def remade(session: MysqlSession, definition: Definition, collation: str) -> Definition:
    """Make an object, as the connecting role if need be; return what could be made."""
    try:
        make(session, definition, collation)
        return definition
    except ServerError as error:
        if error.code != _NO_RIGHT:
            raise
    changed = definition.of_connecting_role()
    make(session, changed, collation)
    return changed


class Maker:
    """Makes in one schema, the current one, what the statements of a dump say."""

    def __init__(
        self,
        session: MysqlSession,
        collation: str,
        *,
        rehearsal: bool,
        moved: tuple[str, str] | None = None,
    ) -> None:
        """``collation`` is the default of the schema. In a rehearsal events are disabled.

        ``moved`` are the schema that views may name as theirs, and the one they are made in.
        """
        self._moved = moved
        self._session = session
        self._collation = collation
        self._rehearsal = rehearsal
        self.completions: list[str] = []
        """The statements that complete tables."""
        self.taken_over: list[str] = []
        """What got the connecting role as its definer, and which it had."""

    def make_all(self, statements: Sequence[Statement]) -> None:
        """Make everything. Raises ``ClientError`` for what cannot be made."""
        for failure in self.try_all(statements):
            raise failure

    def try_all(self, statements: Sequence[Statement]) -> Iterator[ClientError]:
        """Make everything that can be made; yield an error for each thing that cannot."""
        waiting = list(statements)
        while waiting:
            failed: list[tuple[Statement, ServerError]] = []
            for statement in waiting:
                try:
                    self._make(statement)
                except ServerError as error:
                    failed.append((statement, error))
                    if statement.kind != "VIEW":
                        yield _described(statement, error)
            # Views may use one another, in whatever order they stand.
            views = [(one, error) for one, error in failed if one.kind == "VIEW"]
            if len(views) == sum(one.kind == "VIEW" for one in waiting):
                yield from (_described(one, error) for one, error in views)
                return
            waiting = [one for one, _ in views]

    def remarks(self, passed: int) -> tuple[str, ...]:
        """Return what is not as in the backup. ``passed`` events were not created."""
        remarks = []
        if self.taken_over:
            taken = ", ".join(self.taken_over)
            remarks.append(
                f"The role may not set these definers, so it is the definer now: {taken}."
            )
        if passed:
            remarks.append(f"Events not created, since their only time has passed: {passed}.")
        return tuple(remarks)

    def _make(self, statement: Statement) -> None:
        if not statement.kind:
            run_statement(self._session, statement, self._collation)
            self.completions.append(statement.text.decode("utf-8", "surrogateescape"))
            return
        if statement.kind == "VIEW" and self._moved:
            statement = statement.moved(*self._moved)
        if statement.kind == "EVENT" and self._rehearsal:
            statement = statement.disabled()
        try:
            run_statement(self._session, statement, self._collation)
        except ServerError as error:
            if error.code != _NO_RIGHT or not statement.definer:
                raise
            run_statement(self._session, statement.of_connecting_role(), self._collation)
            self.taken_over.append(f"{statement.title} (was {statement.definer})")


def _described(statement: Statement, error: ServerError) -> ClientError:
    return ClientError(
        f"Cannot create {statement.title}: {error.reason}.", hint=_HINTS.get(error.code, "")
    )


def with_collation(collation: str) -> str:
    """Return the statement that sets the default of the current schema."""
    return f"ALTER DATABASE COLLATE {quote_string(collation)}"
