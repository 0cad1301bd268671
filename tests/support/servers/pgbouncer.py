"""PgBouncer in transaction mode, in front of a PostgreSQL server."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psycopg

from tests.support.ports import free_port

from .base import Server, give_away, missing
from .postgresql import PostgresqlServer

_CONFIGURATION = """
[databases]
* = host={server.host} port={server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = plain
auth_file = {users}
admin_users = {admin}
pool_mode = transaction
default_pool_size = 1
ignore_startup_parameters = extra_float_digits
"""


@dataclass(frozen=True)
class PgbouncerServer(Server):
    """A pooler that shares one session of the server among all its clients."""

    scheme = "postgres"
    default_port = 6432
    stop_signal = "SIGTERM"

    def connect(self, database: str | None = None, **changes: Any) -> psycopg.Connection[Any]:
        parameters: dict[str, Any] = {"host": self.host, "port": self.port, "user": self.user}
        parameters |= {"password": self.password, "dbname": database or "pgbouncer", **changes}
        # Prepared statements belong to one session of the server.
        return psycopg.connect(autocommit=True, prepare_threshold=None, **parameters)

    @classmethod
    @contextmanager
    def started(cls, server: PostgresqlServer, users: dict[str, str]) -> Iterator[Self]:
        """Start one for roles of a server, given with their passwords."""
        program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
        if program is None:
            missing("PgBouncer")
        with cls._in_folder(program, server, users) as pooler:
            yield pooler

    @classmethod
    def _prepare(cls, folder: Path, account: dict[str, Any], *own: Any) -> tuple[Self, list[str]]:
        program, server, users = own
        pooler = cls(
            host="127.0.0.1",
            port=free_port(),
            user="pooler",
            password=secrets.token_urlsafe(12),
            folder=folder,
        )
        known, configuration = folder / "users", folder / "pgbouncer.ini"
        known.write_text(
            "".join(
                f'"{name}" "{password.replace(chr(34), chr(34) * 2)}"\n'
                for name, password in {**users, pooler.user: pooler.password}.items()
            )
        )
        configuration.write_text(
            _CONFIGURATION.format(server=server, port=pooler.port, users=known, admin=pooler.user)
        )
        give_away(account, known, configuration)
        return pooler, [program, str(configuration)]
