"""Databases of one role each, on a server that many tests share."""

import itertools
import os
import secrets
from contextlib import closing
from typing import Any

from psycopg import sql

from tests.support.servers.postgresql import Server

_NUMBERS = itertools.count(1)


def create(server: Server) -> dict[str, Any]:
    """Create a role and its empty database, and return the entry of ``DATABASES``."""
    name, password = f"gallery_{os.getpid()}_{next(_NUMBERS)}", secrets.token_urlsafe(12)
    role = sql.Identifier(name)
    with closing(server.connect()) as connection:
        create = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
        connection.execute(create.format(role, sql.Literal(password)))
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": name,
        "PASSWORD": password,
        "HOST": server.host,
        "PORT": server.port,
    }


def drop(server: Server, name: str) -> None:
    """Drop a database and its role."""
    role = sql.Identifier(name)
    with closing(server.connect()) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(role))
        connection.execute(sql.SQL("DROP ROLE {}").format(role))


def sessions(server: Server, name: str) -> int:
    """Return how many sessions use a database."""
    with closing(server.connect()) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
        row = connection.execute(query, [name]).fetchone()
    assert row is not None
    return int(row[0])
