"""How PostgreSQL is reached: by a connection of our own, and by its programs.

Everything goes through Django: the parameters that the wrapper would connect
with, and its ``dbshell`` arguments made of them. So a wrapped engine, a service
file or a password made on the spot count for the programs too.
"""

import contextlib
import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

_BY_ENVIRONMENT = ("service", "passfile", "sslmode", "sslrootcert", "sslcert", "sslkey")
"""What ``settings_to_cmd_args_env()`` takes from OPTIONS."""

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


def connection_parameters(wrapper: BaseDatabaseWrapper) -> dict[str, Any]:
    """Return what Django would connect with, without what only Python understands."""
    parameters: dict[str, Any] = _private(wrapper).get_connection_params()
    return parameters


def tool_arguments(
    wrapper: BaseDatabaseWrapper, parameters: Sequence[str]
) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """Return arguments and environment that let a program of PostgreSQL reach the database.

    The database is named by a connection string of ours, so that no name can be
    taken for an option or for a connection string of its own. Passwords stand in
    the environment alone.
    """
    known = connection_parameters(wrapper)
    spoken = {name: known[name] for name in ("dbname", *_CONNINFO) if known.get(name)}
    settings = {
        "NAME": " ".join(f"{name}={_conninfo_value(value)}" for name, value in spoken.items()),
        "USER": known.get("user"),
        "PASSWORD": known.get("password"),
        "HOST": known.get("host"),
        "PORT": known.get("port"),
        "OPTIONS": {name: known[name] for name in _BY_ENVIRONMENT if known.get(name)},
    }
    arguments, environment = wrapper.client.settings_to_cmd_args_env(
        settings, ["--no-password", *parameters]
    )
    return tuple(str(one) for one in arguments[1:]), environment or {}


class Session:
    """A connection of our own. Transactions are begun and ended by hand.

    Nothing that the site hangs on its connections (pools, signals, isolation
    levels) touches it; ``assume_role`` does, since the role owns what is made.
    Raises ``error``, the driver's own, for everything that goes wrong.
    """

    def __init__(self, wrapper: BaseDatabaseWrapper, **changes: object) -> None:
        private = _private(wrapper)
        self.error: type[Exception] = private.Database.Error
        parameters = {**private.get_connection_params(), **changes}
        parameters.pop("cursor_factory", None)
        self._connection: Any = private.get_new_connection(parameters)
        self._connection.autocommit = True
        if role := private.settings_dict["OPTIONS"].get("assume_role"):
            self.execute(f"SET ROLE {private.ops.quote_name(role)}")

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def execute(self, statements: str | bytes) -> None:
        """Run statements as they are."""
        with self._connection.cursor() as cursor:
            cursor.execute(statements)

    def rows(
        self, query: str, parameters: Mapping[str, object] | None = None
    ) -> list[tuple[Any, ...]]:
        """Return what a query finds."""
        with self._connection.cursor() as cursor:
            cursor.execute(query, parameters)
            return list(cursor.fetchall())

    def copy(self, statement: bytes, rows: Callable[[int], bytes]) -> None:
        """Run a ``COPY ... FROM stdin`` with the rows that ``rows(size)`` reads."""
        with self._connection.cursor() as cursor:
            if hasattr(cursor, "copy_expert"):
                cursor.copy_expert(statement, _Readable(rows), _CHUNK)
                return
            with cursor.copy(statement) as copying:
                while data := rows(_CHUNK):
                    copying.write(data)

    @property
    def server_version(self) -> int:
        """Such as 150018, for 15.18."""
        return int(self.rows("SHOW server_version_num")[0][0])

    def cancel(self) -> None:
        """Stop what runs on this connection, from another thread."""
        with contextlib.suppress(self.error):
            self._connection.cancel()

    def close(self) -> None:
        """Close it; an open transaction is rolled back."""
        self._connection.close()


class _Readable:
    """What ``copy_expert()`` of psycopg2 takes for a file."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self.read = read


def sqlstate(error: Exception) -> str:
    """Return the code of an error, whichever driver raised it."""
    return getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or ""


def first_words(error: Exception) -> str:
    """Return what the server said first. Its details may hold rows of data, and are left out."""
    said = getattr(getattr(error, "diag", None), "message_primary", None)
    return (said or str(error)).strip().rstrip(".")


def quoted(name: str) -> str:
    """Return a name as SQL, and patterns of pg_dump, have it."""
    return '"' + name.replace('"', '""') + '"'


def _private(wrapper: BaseDatabaseWrapper) -> Any:
    private = wrapper.copy()
    private.settings_dict = copy.deepcopy(private.settings_dict)
    for option in ("pool", "isolation_level"):
        private.settings_dict["OPTIONS"].pop(option, None)
    return private


def _conninfo_value(value: object) -> str:
    text = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"
