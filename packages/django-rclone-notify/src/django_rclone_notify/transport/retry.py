"""Repeated attempts at a delivery, within the deadline."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ..exceptions import NotifierError
from .deadline import remaining

PAUSES: tuple[float, ...] = (0.5, 1.0)
"""Seconds between the attempts: there is one attempt more than there are pauses."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A failed attempt.

    A value instead of an exception, which would keep the exception of the HTTP
    library as its context, and that one contains the URL.
    """

    message: str
    retryable: bool = False
    """Whether another attempt can help."""
    retry_after: float = 0.0
    """Seconds to wait before the next attempt, as requested by the service."""
    permanent: bool = False
    """Whether every attempt will fail until the configuration changes."""


def retry(attempt: Callable[[], Result | Failure]) -> Result:
    """Call ``attempt`` until it returns a result.

    Raises ``NotifierError`` if a failure is not retryable, or attempts or time have
    run out.
    """
    deadline = time.monotonic() + remaining()
    for pause in (*PAUSES, None):
        outcome = attempt()
        if not isinstance(outcome, Failure):
            return outcome
        failure = outcome
        if not failure.retryable or pause is None:
            break
        wait = max(pause, failure.retry_after)
        if time.monotonic() + wait >= deadline:
            break
        time.sleep(wait)
    raise NotifierError(failure.message, permanent=failure.permanent)
