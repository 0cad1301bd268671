"""Waiting for what other processes do."""

import time
from collections.abc import Callable


def wait_until_gone(find: Callable[[], object], *, seconds: float = 30) -> None:
    """Wait until ``find`` finds nothing any more.

    Raises ``AssertionError`` with what it still finds when the ``seconds`` are over.
    """
    deadline = time.monotonic() + seconds
    while found := find():
        assert time.monotonic() < deadline, f"still there: {found}"
        time.sleep(0.05)
