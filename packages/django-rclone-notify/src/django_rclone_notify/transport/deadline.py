"""The seconds that a delivery may still take."""

import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar

DEFAULT_SECONDS = 10.0
"""What a channel gets unless its ``TIMEOUT`` says otherwise."""

_SHORTEST = 0.05
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextlib.contextmanager
def limited_to(seconds: float) -> Iterator[None]:
    """Give what runs in the ``with`` block, in this thread, ``seconds`` from now."""
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


def remaining() -> float:
    """Return the seconds that are left for the delivery that this thread is about.

    Use it as the timeout of whatever waits for a service. It is never 0, which
    some libraries take for "no limit"; outside a delivery it is the default.
    """
    deadline = _deadline.get()
    if deadline is None:
        return DEFAULT_SECONDS
    return max(deadline - time.monotonic(), _SHORTEST)


def is_spent() -> bool:
    """Tell whether nothing is left."""
    deadline = _deadline.get()
    return deadline is not None and time.monotonic() >= deadline
