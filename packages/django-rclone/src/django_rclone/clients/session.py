"""A session with a database server, for the whole of an operation."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import Error

from ..exceptions import ClientError
from ..interrupts import interruptible, must_look
from ..redaction import redact
from .asking import Answer, Line, answer_to
from .base import DatabaseClient

_SHOWN = 500  # characters of a server's message

# These drivers look at signals all the time, and end what the server does for them.
_NOTICING_SIGNALS = ("psycopg", "pymongo")

Parameters = Mapping[str, object] | Sequence[object] | None


class ServerError(ClientError):
    """The server, or the driver on the way to it, reported an error.

    ``code`` is the vendor's code for it, empty if it has none. ``reason`` is the
    server's message without secrets, without a full stop.
    """

    def __init__(self, reason: str, *, code: str = "", hint: str = "") -> None:
        self.reason = reason
        self.code = code
        super().__init__(f"The database server reported an error: {reason}.", hint=hint)


class Session:
    """One connection of our own. Whatever its driver raises is raised as ``ServerError``.

    It is the one place where a question to the server can be interrupted. Its time
    limits are settings that each vendor's session makes when it connects.
    """

    def __init__(
        self,
        wrapper: BaseDatabaseWrapper,
        connection: Any,
        *,
        driver_error: type[Exception] | None = None,
    ) -> None:
        """Take over a ``connection`` of the driver that ``wrapper`` uses.

        ``driver_error`` is the base of what the driver raises, if Django does not name it.
        """
        self._driver_error = driver_error or wrapper.Database.Error  # type: ignore[attr-defined]
        self._connection = connection
        self._is_lost = False

    def execute(self, statement: str | bytes, parameters: Parameters = None) -> None:
        """Run a statement as it is, or with placeholders for ``parameters``."""
        self._ask(lambda cursor: cursor.execute(statement, parameters))

    def rows(self, query: str, parameters: Parameters = None) -> list[tuple[Any, ...]]:
        """Return the rows that a query finds."""

        def fetch(cursor: Any) -> list[tuple[Any, ...]]:
            cursor.execute(query, parameters)
            return list(cursor.fetchall())

        return self._ask(fetch)

    def value(self, query: str, parameters: Parameters = None) -> Any:
        """Return the first column of the first row that a query finds; ``None`` without one."""
        rows = self.rows(query, parameters)
        return rows[0][0] if rows else None

    def close(self) -> None:
        """End the session; the server rolls back an open transaction."""
        if not self._is_lost:
            self._connection.close()

    def _ask(self, question: Callable[[Any], Answer]) -> Answer:
        """Return what ``question(cursor)`` returns; whatever it waits for, it can be interrupted."""

        def ask() -> Answer:
            with self._connection.cursor() as cursor:
                return question(cursor)

        with self.translated_errors():
            driver = type(self._connection).__module__.partition(".")[0]
            if driver in _NOTICING_SIGNALS and not must_look():
                return ask()
            line = Line(self._connection)
            return answer_to(ask, give_up=lambda: self._give_up(line), lost=self._lose)

    def _give_up(self, line: Line) -> None:
        """End what the driver waits for, from another thread than that which waits."""
        line.hang_up()

    def _lose(self) -> None:
        # The driver is still using the connection: to close it could crash the process.
        self._is_lost = True

    @contextmanager
    def translated_errors(self) -> Iterator[None]:
        """Raise ``ServerError`` for what the driver raises in the block, which may be interrupted."""
        try:
            with interruptible():
                yield
        except self._driver_error as error:
            reason = redact(self._message(error).strip().rstrip("."))[:_SHOWN]
            raise ServerError(reason, code=self._code(error)) from None

    @staticmethod
    def _message(error: Exception) -> str:
        """Return the server's own message, without details that may hold rows of data."""
        return str(error)

    @staticmethod
    def _code(error: Exception) -> str:
        """Return the vendor's code of an error."""
        return ""


@contextmanager
def connecting(
    wrapper: BaseDatabaseWrapper, hints: Mapping[str, str] = MappingProxyType({})
) -> Iterator[None]:
    """Raise ``ClientError`` when no connection can be made in the block, which may be interrupted.

    ``hints`` says what to do about messages of the driver, by words that are in them.
    """
    try:
        with interruptible(), wrapper.wrap_database_errors:
            yield
    except Error as error:
        lines = "\n".join(map(str.strip, str(error).splitlines())).strip()
        reason = redact(lines.rstrip("."))[:_SHOWN].rstrip("?")
        hint = next((hints[words] for words in hints if words in reason), "")
        raise ClientError(f"Cannot connect to the database: {reason}.", hint=hint) from None


def no_table_to_exclude(name: str) -> ClientError:
    """Return the error for an option that excludes a table which is not there."""
    return ClientError(
        f"There is no table {name!r} to exclude.",
        hint="Correct the OPTIONS of this database in CLIENTS.",
    )


SessionT = TypeVar("SessionT", bound=Session)


class ServerClient(DatabaseClient, Generic[SessionT]):
    """A client of a database server: one session serves it until it is closed."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        super().__init__(connection)
        self._session: SessionT | None = None

    @property
    def session(self) -> SessionT:
        """The session with the server, opened at the first need."""
        if self._session is None:
            self._session = self.open_session()
        return self._session

    @abstractmethod
    def open_session(self) -> SessionT:
        """Connect to the server. Raises ``ClientError``."""

    def close(self) -> None:
        """End the session, if there is one."""
        session, self._session = self._session, None
        if session is not None:
            session.close()
