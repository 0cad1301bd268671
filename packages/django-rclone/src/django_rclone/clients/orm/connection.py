"""Django's connection during a dump or a restore, and what it reports."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import Error

from ...exceptions import ClientError
from ..session import connecting

_SNAPSHOT = {
    # Rows that a policy would hide are an error.
    "postgresql": (
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL row_security = off"
    ),
    "cockroachdb": "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE READ ONLY",
    "mysql": "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    "oracle": "SET TRANSACTION READ ONLY",
    "sqlite": "",
}
"""By vendor, the statement that lets a transaction see nothing but the moment it began."""


def supports_snapshot(vendor: str) -> bool:
    """Return whether a dump of such a database is known to be of one moment."""
    return vendor in _SNAPSHOT


def fresh_connection(connection: BaseDatabaseWrapper) -> None:
    """Reconnect with autocommit, so that ``atomic()`` really begins and ends a transaction."""
    connection.close()
    with connecting(connection):
        connection.ensure_connection()
        connection.set_autocommit(True)


@contextmanager
def snapshot(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Let all that is read in the block be of one moment, where the engine can do that."""
    with transaction.atomic(using=connection.alias, durable=True):
        if statement := _SNAPSHOT.get(connection.vendor):
            with connection.cursor() as cursor:
                cursor.execute(statement)
        use_utc(connection)
        yield


def use_utc(connection: BaseDatabaseWrapper) -> None:
    """Let times without a zone be in UTC, where no hour comes twice a year."""
    if connection.vendor == "postgresql" and connection.timezone is None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL TIME ZONE 'UTC'")


def applied_migrations(connection: BaseDatabaseWrapper) -> tuple[str, ...]:
    """Return the migrations applied now, as ``app.name``, sorted; leave the connection open."""
    applied = MigrationRecorder(connection).applied_migrations()
    return tuple(sorted(f"{app}.{name}" for app, name in applied))


@contextmanager
def translated_errors(problem: str) -> Iterator[None]:
    """Raise ``ClientError`` with ``problem`` and the code of what the database reports."""
    try:
        yield
    except Error as error:
        raise ClientError(f"{problem}: {describe(error)}.") from None


def describe(error: Exception) -> str:
    """Return the kind of an error and the server's code for it.

    Its text is left out: drivers quote the values that they complain about.
    """
    cause = error.__cause__ if isinstance(error, Error) else None
    code = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    code = code or getattr(cause, "sqlite_errorname", None) or _number(cause)
    return f"{type(error).__name__} {code}" if code else type(error).__name__


def _number(cause: BaseException | None) -> str:
    """Return the number that the drivers of MySQL and Oracle give."""
    first = cause.args[0] if cause and cause.args else None
    code = getattr(first, "full_code", first)
    return str(code) if isinstance(code, int) or code is not first else ""
