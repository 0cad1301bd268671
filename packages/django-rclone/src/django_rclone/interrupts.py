"""Ctrl-C, SIGTERM and the like, raised only where the work so far can be undone.

A signal handler may raise between any two steps of Python, even between the start
of a program and the ``with`` block that would stop it; the program would then live
on. So a signal is deferred until the code reaches a block marked as interruptible,
in which it waits for programs, receivers or people.
"""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .exceptions import OperationInterrupted

# The last one says that the limit of processor time is reached: see setrlimit(2).
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGXCPU)

_regions = 0
_shielded = False
_pending: BaseException | None = None


@contextmanager
def interruptible(*, raise_pending: bool = True) -> Iterator[None]:
    """Let signals interrupt the block, and first raise a deferred one if ``raise_pending``."""
    global _regions
    if _shielded or not _is_main_thread():
        yield
        return
    _regions += 1
    try:
        if raise_pending:
            _raise_pending()
        yield
    finally:
        _regions -= 1


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Defer signals during the block, whatever in it is ``interruptible()``."""
    global _regions, _shielded
    if not _is_main_thread():
        yield
        return
    before = _regions, _shielded
    _regions, _shielded = 0, True
    try:
        yield
    finally:
        _regions, _shielded = before


def is_interrupted() -> bool:
    """Return whether a signal is deferred, for work that is ``uninterrupted()`` and can be undone."""
    return _pending is not None


def sleep(seconds: float) -> None:
    """Sleep until the time is over or a signal arrives."""
    with interruptible():
        time.sleep(seconds)


@contextmanager
def deferred_signals() -> Iterator[None]:
    """Turn signals into exceptions within the block, and raise a deferred one at its end.

    Ctrl-C raises ``KeyboardInterrupt``, the others raise ``OperationInterrupted``.
    Signals that the parent chose to ignore (``nohup``) and those that the site
    handles are left alone. One that the parent blocked is let through: whoever starts a
    program from a thread blocks signals without meaning to. Does nothing outside the
    main thread.
    """
    usual = (signal.SIG_DFL, signal.default_int_handler)
    ours = [n for n in _SIGNALS if _is_main_thread() and signal.getsignal(n) in usual]
    before = {number: signal.signal(number, _interrupt) for number in ours}
    blocked = signal.pthread_sigmask(signal.SIG_UNBLOCK, ours)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        for number, handler in before.items():
            signal.signal(number, handler)
    _raise_pending()


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _pending
    if number == signal.SIGINT:
        _pending = KeyboardInterrupt()
    else:
        # A second one must not interrupt the undoing.
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
