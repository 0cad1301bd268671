"""Ctrl-C, SIGTERM and SIGHUP, raised only where what was begun can be undone.

Python raises from a signal handler between any two steps: also between the
start of a program and the ``with`` block that would stop it, which then lives
on. So a signal is kept until the code comes to where it said that it may be
interrupted: in the body of such a block, where it waits for programs, receivers
or people.
"""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .exceptions import OperationInterrupted

_regions = 0
_pending: BaseException | None = None


@contextmanager
def interruptible(*, raise_pending: bool = True) -> Iterator[None]:
    """Let a signal interrupt the block; one that is kept does so at once, unless not ``raise_pending``."""
    global _regions
    if not _is_main_thread():
        yield
        return
    _regions += 1
    try:
        if raise_pending:
            _raise_pending()
        yield
    finally:
        _regions -= 1


def sleep(seconds: float) -> None:
    """Sleep; a signal ends it."""
    with interruptible():
        time.sleep(seconds)


@contextmanager
def deferred_signals() -> Iterator[None]:
    """Turn signals into exceptions within the block, and raise a kept one at its end.

    They are ``KeyboardInterrupt`` for Ctrl-C and ``OperationInterrupted`` for the
    others. What the parent chose to ignore (``nohup``) stays ignored, a handler
    of the site stays in charge, and other threads than the main one have no say.
    """
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    usual = (signal.SIG_DFL, signal.default_int_handler)
    ours = [n for n in numbers if _is_main_thread() and signal.getsignal(n) in usual]
    before = {number: signal.signal(number, _interrupt) for number in ours}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    _raise_pending()


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _pending
    if number == signal.SIGINT:
        _pending = KeyboardInterrupt()
    else:
        # Whoever sent it may send it again while we undo; once is enough.
        signal.signal(number, signal.SIG_IGN)
        _pending = OperationInterrupted(signal.Signals(number).name, 128 + number)
    if _regions:
        _raise_pending()


def _raise_pending() -> None:
    global _pending
    pending, _pending = _pending, None
    if pending is not None:
        raise pending


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
