"""What operations have to do with clients in general: their errors, and open transactions."""

from collections.abc import Iterator
from contextlib import contextmanager

from ..clients.base import DatabaseClient
from ..exceptions import ClientError, DumpError, RestoreError


@contextmanager
def translated(failure: type[DumpError] | type[RestoreError]) -> Iterator[None]:
    """Raise ``failure`` for a ``ClientError`` in the block: a client does not know the operation."""
    try:
        yield
    except ClientError as error:
        raise failure(error.message, hint=error.hint) from error


def require_no_transaction(client: DatabaseClient) -> None:
    """Raise ``ClientError`` while a transaction is open: a client closes the connection."""
    if client.connection.in_atomic_block:
        raise ClientError("A transaction is open on this connection; end it first.")
