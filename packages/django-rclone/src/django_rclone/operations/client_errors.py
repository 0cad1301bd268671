"""What operations have to do with clients in general: their errors, and open transactions."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import Error

from ..clients.base import DatabaseClient
from ..exceptions import ClientError, DumpError, RestoreError
from ..redaction import redact

_SHOWN = 500  # characters of a driver's message
_IDLE = 0  # PQtransactionStatus() of libpq


@contextmanager
def translated(
    failure: type[DumpError] | type[RestoreError], client: DatabaseClient, *, hint: str = ""
) -> Iterator[None]:
    """Raise ``failure`` for a ``ClientError`` in the block: a client does not know the operation.

    The same goes for what Django or the driver raises, of which a client need not think:
    a right is missing, the server ended the connection, a statement took too long.
    ``hint`` is for an error that has none.
    """
    try:
        yield
    except ClientError as error:
        raise failure(error.message, hint=error.hint or hint) from error
    except _errors_of(client.connection) as error:
        # The lines after the first, and the chained errors, may quote rows.
        reason = redact((str(error).strip().splitlines() or [type(error).__name__])[0])[:_SHOWN]
        raise failure(f"The database reported an error: {reason.rstrip('.')}.") from None


def _errors_of(connection: BaseDatabaseWrapper) -> tuple[type[Exception], ...]:
    of_driver = getattr(getattr(connection, "Database", None), "Error", None)
    return (Error, of_driver) if isinstance(of_driver, type) else (Error,)


def require_no_transaction(client: DatabaseClient) -> None:
    """Raise ``ClientError`` while this connection holds work that was not committed.

    A client may close the connection, and the work would be gone.
    """
    connection = client.connection
    if connection.in_atomic_block or _may_hold_work(connection):
        raise ClientError(
            "A transaction is open on this connection; end it first.",
            hint="Call this outside of atomic(). With autocommit off, commit and close the "
            "connection before.",
        )


def _may_hold_work(connection: BaseDatabaseWrapper) -> bool:
    raw: Any = connection.connection
    if raw is None:
        return False
    # A transaction that was begun with a statement, behind Django's back.
    status = getattr(getattr(raw, "info", None), "transaction_status", _IDLE)
    begun = getattr(raw, "in_transaction", False) is True or status not in (_IDLE, None)
    return begun or not connection.autocommit
