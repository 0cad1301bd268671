"""How often, and for how long, a delivery is tried."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ..exceptions import NotifierError
from . import deadline as budget

PAUSES: tuple[float, ...] = (0.5, 1.0)
"""Seconds between the attempts: one attempt more than there are pauses."""

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One attempt that went wrong.

    A value instead of an exception: an exception would keep the exception of the
    HTTP library as its context, and that one holds the URL.
    """

    message: str
    again: bool = False
    """Whether another attempt can help."""
    pause: float = 0.0
    """Seconds that the service asked to be left alone."""
    permanent: bool = False


def persist(attempt: Callable[[], Answer | Failure]) -> Answer:
    """Call ``attempt`` until it gives an answer, as long as the budget lasts.

    Raises ``NotifierError`` when the last failure cannot be tried again, or
    attempts or time are used up.
    """
    deadline = time.monotonic() + budget.remaining()
    for pause in (*PAUSES, None):
        outcome = attempt()
        if not isinstance(outcome, Failure):
            return outcome
        failure = outcome
        if not failure.again or pause is None:
            break
        wait = max(pause, failure.pause)
        if time.monotonic() + wait >= deadline:
            break
        time.sleep(wait)
    raise NotifierError(failure.message, permanent=failure.permanent)
