"""The clients, one for each kind of database."""

from collections.abc import Iterator

from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.utils.connection import ConnectionDoesNotExist
from django.utils.module_loading import import_string

from ..conf import Settings
from ..conf.clients import ClientSettings
from ..exceptions import InvalidSettings
from .base import DatabaseClient

CLIENTS = {
    "mongodb": f"{__name__}.mongodb.MongodbClient",
    "mysql": f"{__name__}.mysql.MysqlClient",
    "postgresql": f"{__name__}.postgresql.PostgresqlClient",
    "sqlite": f"{__name__}.sqlite.SqliteClient",
}
"""By ``connection.vendor``, which wrapped and derived engines share. Imported when needed."""

_FOR_ANY_ENGINE = f"{__name__}.orm.OrmClient"


def get_client(alias: str, settings: Settings) -> DatabaseClient:
    """Return the client of a database: the one set in ``CLIENTS``, or the vendor's.

    Without either it is that for any engine. Raises ``InvalidSettings`` when it
    cannot be made, or its options are wrong.
    """
    try:
        connection = connections[alias]
    except ConnectionDoesNotExist as error:
        raise InvalidSettings("", str(error), "Name one of DATABASES.") from error
    except ImproperlyConfigured as error:
        problem = f"Database {alias!r} cannot be used: {error}"
        raise InvalidSettings("", problem, "Correct DATABASES, or install its driver.") from error
    if connection.vendor == "unknown":
        problem = f"Database {alias!r} names no engine"
        raise InvalidSettings("", problem, "Correct DATABASES.")
    chosen = settings.clients.get(alias, ClientSettings())
    # An engine without a client of its own is one that Django can read all the same.
    usual = CLIENTS.get(connection.vendor, _FOR_ANY_ENGINE)
    client = _imported(alias, chosen.backend or usual)
    try:
        return client(connection, **chosen.options)
    except TypeError as error:
        hint = "Correct its OPTIONS."
        raise InvalidSettings("CLIENTS", f"of {alias!r} cannot be used: {error}", hint) from None


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
        raise InvalidSettings("CLIENTS", f"of {alias!r} is not a database client: {path}", hint)
    return client


def kinds_of(head: bytes) -> Iterator[tuple[str, str]]:
    """Yield the vendors whose clients restore what begins with ``head``, and what it is, in words."""
    for vendor, path in CLIENTS.items():
        client: type[DatabaseClient] = import_string(path)
        if words := client.recognize(head):
            yield vendor, words
