"""How PostgreSQL is reached: from sessions of our own, and from its programs.

Everything goes through Django: the parameters that the wrapper would connect
with, and its ``dbshell`` arguments. So a wrapped engine, a service file or a
generated password work for the programs too.
"""

import contextlib
import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from ...exceptions import ClientError
from ..session import Session, connecting

_BY_ENVIRONMENT = ("service", "passfile", "sslmode", "sslrootcert", "sslcert", "sslkey")
"""The OPTIONS that ``settings_to_cmd_args_env()`` passes on."""

_CONNINFO = (
    *("connect_timeout", "hostaddr", "options", "application_name", "target_session_attrs"),
    *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"),
    *("tcp_user_timeout", "load_balance_hosts", "channel_binding", "require_auth", "requirepeer"),
    *("gssencmode", "krbsrvname", "gsslib", "gssdelegation"),
    *("sslcompression", "sslcrl", "sslcrldir", "sslsni", "sslcertmode", "sslnegotiation"),
    *("ssl_min_protocol_version", "ssl_max_protocol_version"),
)
"""The other parameters of libpq, none of them a secret:
https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS"""

_CHUNK = 1 << 18
_CONNECT_TIMEOUT = 30  # seconds, unless OPTIONS has one
_REOPEN_TIMEOUT = 30.0  # seconds
_REOPEN_PAUSE = 0.2  # seconds

# A restore may be idle for hours while the dump is on its way. Older servers lack some of these.
_LIMITS = """
SELECT set_config(name, value, false) FROM (VALUES
    ('lock_timeout', %(lock_timeout)s::text), ('statement_timeout', '0'),
    ('transaction_timeout', '0'), ('idle_in_transaction_session_timeout', '0'),
    ('idle_session_timeout', '0')
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

    def copy(self, statement: bytes, rows: Callable[[int], bytes]) -> None:
        """Run a ``COPY ... FROM stdin`` with the rows that ``rows(size)`` reads."""
        with self.translated_errors(), self._connection.cursor() as cursor:
            if hasattr(cursor, "copy_expert"):
                cursor.copy_expert(statement, _Readable(rows), _CHUNK)
                return
            with cursor.copy(statement) as copying:
                while data := rows(_CHUNK):
                    copying.write(data)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """Opens sessions with one server. ``lock_timeout`` is how many seconds they wait for locks.

    Nothing that the site attaches to its connections (pools, signals, isolation
    levels) touches them; ``assume_role`` does, since that role owns what is created.
    """

    wrapper: BaseDatabaseWrapper
    lock_timeout: float

    def open(self, *, dbname: str = "") -> PostgresqlSession:
        """Open a session with database ``dbname``, by default the live one. Raises ``ClientError``."""
        private = _private_wrapper(self.wrapper)
        parameters = {"connect_timeout": _CONNECT_TIMEOUT, **private.get_connection_params()}
        parameters.pop("cursor_factory", None)
        if dbname:
            parameters["dbname"] = dbname
        with connecting(private):
            connection = private.get_new_connection(parameters)
            connection.autocommit = True
        session = PostgresqlSession(private, connection)
        try:
            session.rows(_LIMITS, {"lock_timeout": int(self.lock_timeout * 1000)})
            self._assume_role(session)
        except BaseException:
            session.close()
            raise
        return session

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


def connection_parameters(wrapper: BaseDatabaseWrapper) -> dict[str, Any]:
    """Return the parameters that Django would connect with."""
    parameters: dict[str, Any] = _private_wrapper(wrapper).get_connection_params()
    return parameters


def tool_arguments(
    wrapper: BaseDatabaseWrapper, options: Sequence[str]
) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """Return arguments and environment that let a program of PostgreSQL reach the database.

    The database is named with a connection string of our own, so that no name can be
    mistaken for an option or for a connection string. Passwords are only in the environment.
    """
    known = connection_parameters(wrapper)
    conninfo = {name: known[name] for name in ("dbname", *_CONNINFO) if known.get(name)}
    settings = {
        "NAME": " ".join(f"{name}={_conninfo_value(value)}" for name, value in conninfo.items()),
        "USER": known.get("user"),
        "PASSWORD": known.get("password"),
        "HOST": known.get("host"),
        "PORT": known.get("port"),
        "OPTIONS": {name: known[name] for name in _BY_ENVIRONMENT if known.get(name)},
    }
    arguments, environment = wrapper.client.settings_to_cmd_args_env(
        settings, ["--no-password", *options]
    )
    return tuple(str(argument) for argument in arguments[1:]), environment or {}


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


def _conninfo_value(value: object) -> str:
    text = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"
