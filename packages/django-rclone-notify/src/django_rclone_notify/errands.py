"""Work in a thread of its own that can be left behind."""

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from django.db import connections

Result = TypeVar("Result")


class Errand(Generic[Result]):
    """Run ``action`` in the background, at once.

    The thread is a daemon: neither a caller who has waited long enough nor the
    end of the process waits for it. ``action`` must not raise.
    """

    def __init__(self, action: Callable[[], Result], *, name: str) -> None:
        self._action = action
        self._results: list[Result] = []
        self._thread = threading.Thread(
            target=self._run, name=f"django-rclone-notify: {name}", daemon=True
        )
        self._thread.start()

    def wait(self, deadline: float, *, otherwise: Result) -> Result:
        """Return the result; ``otherwise`` if there is none at ``deadline``, a monotonic time."""
        self._thread.join(max(deadline - time.monotonic(), 0.0))
        return self._results[0] if self._results else otherwise

    def _run(self) -> None:
        try:
            self._results.append(self._action())
        finally:
            # A notifier or a cache of the site may have used the database: each thread
            # has connections of its own, which nobody else could close.
            with contextlib.suppress(Exception):
                connections.close_all()
