"""How PostgreSQL is reached from sessions of our own: with the parameters that Django would use."""

import contextlib
import copy
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from ...exceptions import ClientError
from ..session import ServerError, Session, connecting

_CHUNK = 1 << 18
_CONNECT_TIMEOUT = 30  # seconds, unless OPTIONS has one
_REOPEN_TIMEOUT = 30.0  # seconds
_REOPEN_PAUSE = 0.2  # seconds

# A restore may be idle for hours while the dump is on its way. Older servers lack some of these.
_LIMITS = """
SELECT set_config(name, value, false) FROM (VALUES
    ('lock_timeout', %(lock_timeout)s::text), ('statement_timeout', '0'),
    ('transaction_timeout', '0'), ('idle_in_transaction_session_timeout', '0'),
    ('idle_session_timeout', '0'), ('quote_all_identifiers', 'off'),
    ('default_transaction_read_only', 'off')
) AS limits (name, value) JOIN pg_settings USING (name)
"""

# A process id alone may be reused by another session.
_IDENTITY = """
SELECT pid || ' ' || extract(epoch FROM backend_start) FROM pg_stat_activity
WHERE pid = pg_backend_pid()
"""
_TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid || ' ' || extract(epoch FROM backend_start) = %(identity)s
"""


class PostgresqlSession(Session):
    """A session in autocommit mode: transactions are begun and ended with statements."""

    def copy(self, statement: bytes, rows: Callable[[int], bytes]) -> int:
        """Run a ``COPY ... FROM stdin`` with the rows that ``rows(size)`` reads; return their number."""
        with self.translated_errors(), self._connection.cursor() as cursor:
            if hasattr(cursor, "copy_expert"):
                cursor.copy_expert(statement, _Readable(rows), _CHUNK)
            else:
                with cursor.copy(statement) as copying:
                    while data := rows(_CHUNK):
                        copying.write(data)
            return int(cursor.rowcount)

    def close(self) -> None:
        """End the session; a pooler gets it back as it was, without what we set in it."""
        # Not asked for now: the session may be lost.
        if self.__dict__.get("is_pooled"):
            with contextlib.suppress(ServerError):
                self.execute("ROLLBACK")
                self.execute("DISCARD ALL")
        super().close()

    @cached_property
    def is_pooled(self) -> bool:
        """Whether a pooler, which reports a number of its own, is between us and the server."""
        try:
            reported = self._connection.info.backend_pid
            return bool(reported != self.value("SELECT pg_backend_pid()"))
        except (ServerError, self._driver_error):
            return False  # the session is lost

    @cached_property
    def server_version(self) -> str:
        """The server's version without what distributors add, such as ``"15.18"``."""
        number = int(self.value("SHOW server_version_num"))
        return f"{number // 10_000}.{number % 10_000}"

    @cached_property
    def identity(self) -> str:
        """Identifies this session on the server, for ``Connector.reopen()``."""
        return str(self.value(_IDENTITY))

    def cancel(self) -> None:
        """Cancel the running statement, from another thread."""
        with contextlib.suppress(self._driver_error):
            self._connection.cancel()

    @staticmethod
    def _message(error: Exception) -> str:
        # The details of the server's message may hold rows of data.
        return getattr(getattr(error, "diag", None), "message_primary", None) or str(error)

    @staticmethod
    def _code(error: Exception) -> str:
        return getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or ""


_HINTS = {
    "does not exist": "Correct NAME and USER of this database, or create it first: "
    "`createdb --owner=USER NAME`.",
    "authentication failed": "Correct USER and PASSWORD of this database.",
    "too many connections": "A backup needs four sessions at once: raise the CONNECTION LIMIT of "
    "the role or database.",
    "permission denied for database": "As its owner: GRANT CONNECT ON DATABASE ... TO the role.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """Opens sessions with one server. ``lock_timeout`` is how many seconds they wait for locks.

    Nothing that the site attaches to its connections (pools, signals, isolation
    levels) touches them; ``assume_role`` does, since that role owns what is created.
    """

    wrapper: BaseDatabaseWrapper
    lock_timeout: float
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Parameters of libpq that count more than those of the wrapper."""

    def around(self, parameters: Mapping[str, Any]) -> "Connector":
        """Return one whose sessions, and programs, connect with other ``parameters``."""
        return replace(self, parameters={**self.parameters, **parameters})

    def open(self, *, dbname: str = "") -> PostgresqlSession:
        """Open a session with database ``dbname``, by default the live one. Raises ``ClientError``."""
        return self.prepared(self.connect(dbname=dbname))

    def connect(self, *, dbname: str = "") -> PostgresqlSession:
        """Open a session and set nothing in it. Raises ``ClientError``."""
        private = _private_wrapper(self.wrapper)
        parameters = {"connect_timeout": _CONNECT_TIMEOUT, **self.connection_parameters()}
        parameters.pop("cursor_factory", None)
        if dbname:
            parameters["dbname"] = dbname
        with connecting(private, _HINTS):
            connection = private.get_new_connection(parameters)
            connection.autocommit = True
        return PostgresqlSession(private, connection)

    def prepared(self, session: PostgresqlSession) -> PostgresqlSession:
        """Set limits and role of a new session; close it if that fails."""
        try:
            session.rows(_LIMITS, {"lock_timeout": int(self.lock_timeout * 1000)})
            self._assume_role(session)
        except BaseException:
            session.close()
            raise
        return session

    def connection_parameters(self) -> dict[str, Any]:
        """Return the parameters that Django would connect with, and those that replace them."""
        own: dict[str, Any] = _private_wrapper(self.wrapper).get_connection_params()
        if "host" in self.parameters:
            own.pop("hostaddr", None)
        return {**own, **self.parameters}

    def reopen(self, lost: str, *, dbname: str = "") -> PostgresqlSession:
        """Open a session once the session with identity ``lost`` has ended on the server.

        The server may notice only after hours that a client is gone, so the lost session
        is terminated. Afterwards its last transaction is either committed or aborted.
        Raises ``ClientError`` if there is no connection, or the lost session does not
        end, within half a minute.
        """
        deadline = time.monotonic() + _REOPEN_TIMEOUT
        session = self._open_until(deadline, dbname)
        try:
            # Only the role that logged in sees its other sessions and may terminate them.
            session.execute("SET ROLE NONE")
            while session.rows(_TERMINATE, {"identity": lost}):
                if time.monotonic() > deadline:
                    raise ClientError("The server does not end the session of the restore.")
                time.sleep(_REOPEN_PAUSE)
            self._assume_role(session)
        except BaseException:
            session.close()
            raise
        return session

    def _open_until(self, deadline: float, dbname: str) -> PostgresqlSession:
        while True:
            try:
                return self.open(dbname=dbname)
            except ClientError:
                # The server may be restarting.
                if time.monotonic() > deadline:
                    raise
                time.sleep(_REOPEN_PAUSE)

    def _assume_role(self, session: PostgresqlSession) -> None:
        if role := self.wrapper.settings_dict["OPTIONS"].get("assume_role"):
            session.execute(f"SET ROLE {quote_name(role)}")


def server_option(value: object) -> Mapping[str, str]:
    """Return the parameters for the option ``server``. Raises ``TypeError`` for a wrong one."""
    if value is None:
        return {}
    names = {"HOST": "host", "PORT": "port"}
    if not isinstance(value, Mapping) or not value.keys() <= names.keys():
        raise TypeError("server must be a dictionary with HOST and PORT")
    return {names[name]: str(item) for name, item in value.items()}


def quote_name(name: str) -> str:
    """Return a name quoted for SQL and for patterns of pg_dump."""
    return '"' + name.replace('"', '""') + '"'


class _Readable:
    """The file that ``copy_expert()`` of psycopg2 reads from."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self.read = read


def _private_wrapper(wrapper: BaseDatabaseWrapper) -> Any:
    private = wrapper.copy()
    private.settings_dict = copy.deepcopy(private.settings_dict)
    for option in ("pool", "isolation_level"):
        private.settings_dict["OPTIONS"].pop(option, None)
    return private
