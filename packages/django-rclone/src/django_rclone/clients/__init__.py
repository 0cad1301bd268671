"""The clients, one for each kind of database."""

from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.utils.connection import ConnectionDoesNotExist
from django.utils.module_loading import import_string

from ..conf import ClientSettings, Settings
from ..exceptions import InvalidSettings
from ..processes import Patience
from .base import DatabaseClient
from .mysql import MysqlClient
from .postgresql import PostgresqlClient
from .sqlite import SqliteClient

CLIENTS: dict[str, type[DatabaseClient]] = {
    client.vendor: client for client in (MysqlClient, PostgresqlClient, SqliteClient)
}
"""By ``connection.vendor``, which wrapped and derived engines share."""


def get_client(alias: str, settings: Settings) -> DatabaseClient:
    """Return the client of a database: the one set in ``CLIENTS``, or the vendor's.

    Raises ``InvalidSettings`` when there is none, or its options are wrong.
    """
    try:
        connection = connections[alias]
    except ConnectionDoesNotExist as error:
        raise InvalidSettings("", str(error), "Name one of DATABASES.") from error
    except ImproperlyConfigured as error:
        problem = f"Database {alias!r} cannot be used: {error}"
        raise InvalidSettings("", problem, "Correct DATABASES, or install its driver.") from error
    chosen = settings.clients.get(alias, ClientSettings())
    if chosen.backend is not None:
        client = _imported(alias, chosen.backend)
    elif connection.vendor in CLIENTS:
        client = CLIENTS[connection.vendor]
    else:
        raise InvalidSettings(
            "CLIENTS",
            f"names no client for database {alias!r}, and none is built in "
            f"for {connection.vendor!r}",
            f"Built in: {', '.join(CLIENTS)}. Set one for {alias!r}.",
        )
    try:
        made = client(connection, **chosen.options)
    except TypeError as error:
        hint = "Correct its OPTIONS."
        raise InvalidSettings("CLIENTS", f"of {alias!r} cannot be used: {error}", hint) from None
    if settings.dump_stall_timeout is not None:
        made.patience = Patience(settings.dump_stall_timeout, "DUMP_STALL_TIMEOUT")
    return made


def _imported(alias: str, path: str) -> type[DatabaseClient]:
    try:
        client = import_string(path)
    except ImportError as error:
        hint = "Correct its BACKEND."
        raise InvalidSettings(
            "CLIENTS", f"of {alias!r} cannot be imported: {error}", hint
        ) from error
    if not (isinstance(client, type) and issubclass(client, DatabaseClient)):
        hint = "Derive it from django_rclone.clients.base.DatabaseClient."
        raise InvalidSettings("CLIENTS", f"of {alias!r} is no database client: {path}", hint)
    return client
