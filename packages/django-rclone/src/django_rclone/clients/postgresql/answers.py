"""Many small questions and statements in few requests to the server."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from ..session import Session

_MOST = 200  # questions in a request
_SIZE = 8 << 20  # bytes of the tables that they read

T = TypeVar("T")


def in_lots(things: Iterable[T], *, size: Callable[[T], int] = lambda _: 0) -> Iterator[list[T]]:
    """Part things, in their order, into lots of many small ones, or of a large one.

    ``size`` returns how many bytes of rows one is about.
    """
    lot: list[T] = []
    total = 0
    for thing in things:
        weight = size(thing)
        if lot and (len(lot) >= _MOST or total + weight > _SIZE):
            yield lot
            lot, total = [], 0
        lot.append(thing)
        total += weight
    if lot:
        yield lot


def answers(session: Session, queries: Sequence[str]) -> list[Any]:
    """Return the one value that each of some queries finds. Raises ``ServerError``."""
    [row] = session.rows(f"SELECT {', '.join(f'({query})' for query in queries)}")
    return list(row)


def execute_all(session: Session, statements: Sequence[str]) -> None:
    """Run statements in their order. Raises ``ServerError``."""
    for lot in in_lots(statements):
        session.execute(";\n".join(lot))


def count_of(table: str) -> str:
    """Return the query for the number of a table's own rows, given its quoted name."""
    return f"SELECT count(*) FROM ONLY {table}"
