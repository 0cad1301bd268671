"""The deadline of the delivery that runs in the current thread."""

import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar

DEFAULT_SECONDS = 10.0
"""The time limit of a channel without ``TIMEOUT``."""

_MIN_SECONDS = 0.05
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Set the deadline of the ``with`` block, in this thread, to ``seconds`` from now."""
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


def remaining() -> float:
    """Return the seconds left until the deadline.

    Use it as the timeout of everything that waits for a service. It is never 0,
    which some libraries take for "no limit"; without a deadline it is
    ``DEFAULT_SECONDS``.
    """
    deadline = _deadline.get()
    if deadline is None:
        return DEFAULT_SECONDS
    return max(deadline - time.monotonic(), _MIN_SECONDS)


def expired() -> bool:
    """Return whether the deadline has passed."""
    deadline = _deadline.get()
    return deadline is not None and time.monotonic() >= deadline
