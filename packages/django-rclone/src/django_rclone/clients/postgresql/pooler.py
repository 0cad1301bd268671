"""Finds a connection pooler on the way to the server, and the way around it.

A pooler in transaction mode, such as PgBouncer's, hands the server's session to another
client after each transaction, with all settings. pg_dump makes settings before its
transaction: they could go to one session and the dump to another, and the site would get
a session whose search path is empty.
"""

import logging
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from typing import Any

from ...exceptions import ClientError
from .connection import Connector, PostgresqlSession

logger = logging.getLogger(__name__)

_PROBES = 20
_CONNECT_TIMEOUT = 5  # seconds
_PID = "SELECT pg_backend_pid()"

# The same server has the same databases, and has been running since the same moment.
_IDENTITY = """
SELECT oid, pg_postmaster_start_time(), current_database(), session_user
FROM pg_database WHERE datname = current_database()
"""
# Both are unknown of a socket in the file system.
_ADDRESS = """
SELECT coalesce(host(inet_server_addr()), ''), coalesce(inet_server_port()::text, current_setting('port'))
"""


def open_around_pooler(connector: Connector) -> tuple[Connector, PostgresqlSession]:
    """Open a session that is ours alone, and return what opens more of them.

    A pooler in session mode is left alone. Raises ``ClientError`` if there is one in
    transaction mode and no way around it.
    """
    session = connector.connect()
    with ExitStack() as stack:
        stack.callback(session.close)
        if session.is_pooled and _shares_sessions(connector, session):
            direct = _direct_parameters(session)
            return _around(connector.around(direct), session.rows(_IDENTITY))
        stack.pop_all()
    return connector, connector.prepared(session)


def _around(
    connector: Connector, identity: Sequence[tuple[Any, ...]]
) -> tuple[Connector, PostgresqlSession]:
    with suppress(ClientError):
        session = connector.connect()
        if not session.is_pooled and session.rows(_IDENTITY) == identity:
            logger.warning(
                "The database is behind a connection pooler in transaction mode. It is reached "
                "directly, at %s, port %s.",
                *(connector.parameters[name] for name in ("host", "port")),
            )
            return connector, connector.prepared(session)
        session.close()
    raise ClientError(
        "The database is behind a connection pooler in transaction mode, such as PgBouncer: "
        "settings that pg_dump makes would reach the site, and not all of the dump. The server "
        "itself could not be reached at {host}, port {port}.".format(**connector.parameters),
        hint='Name the server with the option "server" of this database in CLIENTS, such as '
        '{"HOST": "10.0.0.5", "PORT": 5432}.',
    )


def _direct_parameters(session: PostgresqlSession) -> dict[str, Any]:
    [(host, port)] = session.rows(_ADDRESS)
    [(_, _, name, user)] = session.rows(_IDENTITY)
    return {
        "host": host,
        "port": port,
        "dbname": name,
        "user": user,
        "connect_timeout": _CONNECT_TIMEOUT,
    }


def _shares_sessions(connector: Connector, session: PostgresqlSession) -> bool:
    """Return whether a session of the server serves two clients in turn."""
    with closing(connector.connect()) as other:
        seen: tuple[set[int], set[int]] = (set(), set())
        for _ in range(_PROBES):
            seen[0].add(session.value(_PID))
            seen[1].add(other.value(_PID))
            if len(seen[0]) > 1 or len(seen[1]) > 1 or seen[0] & seen[1]:
                return True
    return False
