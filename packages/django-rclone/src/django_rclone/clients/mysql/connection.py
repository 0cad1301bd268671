"""How MySQL and MariaDB are reached: a session of our own, with the parameters of Django's."""

import contextlib
import copy
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from ...exceptions import ClientError
from ...interrupts import interruption_here, sleep
from ..asking import Line, answer_to
from ..session import Parameters, ServerError, Session, connecting
from .session_settings import OWN_SETTINGS, SETTINGS

# In seconds. Dropping a large schema takes a while; a session idles while programs work.
_CONNECT_TIMEOUT = 10
_RECONNECT_TIMEOUT = 30
_ANSWER_TIMEOUT = 3_600
_GRACE = 60
_GIVEN_UP = 1
_LOOK = 0.2  # between two looks at signals


class MysqlSession(Session):
    """A session in autocommit mode.

    Names and strings in statements are written as MySQL has them by default, whatever
    ``sql_mode`` the site prefers.
    """

    version: str
    """The server's version as it prints it, such as ``"10.11.18-MariaDB-deb12"``."""
    row_limit: int
    """How many rows a query returns in a session that does not change that, as a dump tool's."""
    settings = ""
    """What a session that loads a dump sets, as a list for ``SET SESSION``."""

    def __init__(self, wrapper: BaseDatabaseWrapper, *, lock_timeout: float) -> None:
        """``lock_timeout`` is how many seconds a statement waits for other sessions.

        Raises ``ClientError``.
        """
        self._wrapper = _private_copy(wrapper)
        self._lock_timeout = max(1, round(lock_timeout))
        super().__init__(self._wrapper, None)
        self._connect()

    def rows(self, query: str, parameters: Parameters = None) -> list[tuple[Any, ...]]:
        """Return the rows that a query finds, decoded where drivers return bytes."""
        return [tuple(map(_text, row)) for row in super().rows(query, parameters)]

    def raw_value(self, query: str, parameters: Parameters = None) -> Any:
        """Return a value as the driver returns it."""
        return super().rows(query, parameters)[0][0]

    def execute_all(self, statements: Iterable[str]) -> None:
        """Run statements one after the other."""
        for statement in statements:
            self.execute(statement)

    def shown_table(self, schema: str, table: str) -> str:
        """Return the statement with which the server would make a table."""
        query = f"SHOW CREATE TABLE {quote_name(schema)}.{quote_name(table)}"
        return str(self.rows(query)[0][1])

    @property
    def packet_limit(self) -> int:
        """The bytes of the longest statement that the server takes."""
        return int(self.value("SELECT @@global.max_allowed_packet"))

    def renew(self) -> bool:
        """Restore the settings that statements of a backup changed; reconnect if it was lost.

        Return whether it was lost: then its locks are lost too, and the server has ended
        its last statement, or never starts it. Raises ``ClientError``.
        """
        try:
            self._prepare()
        except ServerError:
            lost = self._identity
            self.close()
            self._reconnect()
            self._await_end_of(lost)
            return True
        return False

    def close(self) -> None:
        """End the session; the server releases its locks."""
        # PyMySQL refuses to close a connection that was lost.
        with contextlib.suppress(self._driver_error):
            super().close()

    @contextlib.contextmanager
    def waits_ended_by_signals(self) -> Iterator[None]:
        """Let a signal end waits for other sessions in the block, which nothing else interrupts.

        Then, as after a time limit, the server reports an error.
        """
        over = threading.Event()
        arguments = [over, interruption_here()]
        watch = threading.Thread(target=self._end_waits, args=arguments, daemon=True)
        watch.start()
        try:
            yield
        finally:
            over.set()
            watch.join()

    def _end_waits(self, over: threading.Event, is_interrupted: Callable[[], bool]) -> None:
        while not over.wait(_LOOK):
            if not is_interrupted():
                continue
            self._lock_timeout = _GIVEN_UP
            with (
                contextlib.suppress(Exception),
                contextlib.closing(self._wrapper.get_new_connection(self._parameters)) as other,
                other.cursor() as cursor,
            ):
                cursor.execute("SHOW PROCESSLIST")
                states = {row[0]: str(_text(row[6])) for row in cursor.fetchall()}
                if "metadata lock" in states.get(self._thread_id, ""):
                    cursor.execute(f"KILL QUERY {self._thread_id:d}")

    def _give_up(self, line: Line) -> None:
        # What is undone now must not wait as long again. Without its session the server
        # would still wait for the lock, and then run the statement.
        self._lock_timeout = _GIVEN_UP
        with contextlib.closing(self._wrapper.get_new_connection(self._parameters)) as other:
            other.kill(self._thread_id)

    def _reconnect(self) -> None:
        """Connect again; a server that died may need a moment to restart."""
        deadline = time.monotonic() + _RECONNECT_TIMEOUT
        while True:
            try:
                self._connect()
                return
            except ClientError:
                if time.monotonic() > deadline:
                    raise
                sleep(0.2)

    def _connect(self) -> None:
        with connecting(self._wrapper):
            parameters = self._wrapper.get_connection_params()
            parameters.pop("init_command", None)
            parameters.setdefault("connect_timeout", _CONNECT_TIMEOUT)
            # That of the site, if it has one, is meant for its own short queries.
            parameters["read_timeout"] = self._lock_timeout + _ANSWER_TIMEOUT
            self._parameters = parameters
            connect = partial(self._wrapper.get_new_connection, parameters)
            self._connection = answer_to(connect, give_up=lambda: None)
            self._thread_id = self._connection.thread_id()
        try:
            with self.translated_errors():
                self._connection.autocommit(True)
            self.row_limit = int(self.value("SELECT @@sql_select_limit"))
            self._prepare()
            number, self.version = self.rows("SELECT CONNECTION_ID(), VERSION()")[0]
            # Behind a proxy the server may number sessions differently.
            mine = (one[:3] for one in self._sessions() if one[0] == number)
            self._identity = next(mine, ())
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        self.reset()
        if not self.settings:
            self.settings = self._possible_settings()
        self.execute(f"SET SESSION {self.settings}, lock_wait_timeout = {self._lock_timeout}")

    def reset(self) -> None:
        """Restore the settings that a statement of a backup was run under."""
        self.execute("SET NAMES utf8mb4")
        self.execute(OWN_SETTINGS)

    def _possible_settings(self) -> str:
        """Return those of ``SETTINGS`` that this server has, and this role may set."""
        possible = []
        for name, value in SETTINGS.items():
            with contextlib.suppress(ServerError):
                self.execute(f"SET SESSION {name} = {value}")
                possible.append(f"{name} = {value}")
        return ", ".join(possible)

    def _sessions(self) -> list[tuple[Any, ...]]:
        """Return number, user, client address, schema, command ... of this role's sessions."""
        return self.rows("SHOW PROCESSLIST")

    def _await_end_of(self, lost: tuple[Any, ...]) -> None:
        """Wait until the server has ended a session that was lost."""
        deadline = time.monotonic() + self._lock_timeout + _GRACE
        while running := [one for one in self._sessions() if one[:3] == lost]:
            if running[0][4] == "Sleep":
                # The server may not notice for hours that the other end is gone.
                with contextlib.suppress(ServerError):
                    self.execute(f"KILL {lost[0]}")
            if time.monotonic() > deadline:
                raise ClientError("The server is still working for the session that was lost.")
            sleep(0.1)

    @staticmethod
    def _message(error: Exception) -> str:
        return str(error.args[1]) if len(error.args) > 1 else str(error)

    @staticmethod
    def _code(error: Exception) -> str:
        return str(error.args[0]) if error.args and isinstance(error.args[0], int) else ""


def connection_parameters(wrapper: BaseDatabaseWrapper) -> dict[str, Any]:
    """Return the parameters with which Django would connect."""
    parameters: dict[str, Any] = _private_copy(wrapper).get_connection_params()
    return parameters


def quote_name(name: str) -> str:
    """Return a name as SQL has it."""
    return "`" + name.replace("`", "``") + "`"


def quote_string(text: str) -> str:
    """Return a text as SQL has it."""
    return "'" + text.replace("'", "''") + "'"


def _private_copy(wrapper: BaseDatabaseWrapper) -> Any:
    private = wrapper.copy()
    private.settings_dict = copy.deepcopy(private.settings_dict)
    return private


def _text(value: object) -> object:
    """Return text for bytes: SHOW statements answer in UTF-8."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
