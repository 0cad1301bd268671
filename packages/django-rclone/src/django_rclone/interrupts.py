"""Ctrl-C, SIGTERM and the like, raised only where the work so far can be undone.

A signal handler may raise between any two steps of Python, even between the start
of a program and the ``with`` block that would stop it; the program would then live
on. So a signal is deferred until the code reaches a block marked as interruptible,
in which it waits for programs, receivers or people.

Python handles signals in the main thread alone. Other threads hear of them as members
of a ``Crew``, and only where they look: whatever waits in an interruptible block waits for
``LOOK`` at most, and calls ``look()`` before it waits again.
"""

import copy
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from .exceptions import OperationInterrupted

LOOK = 0.2  # seconds
_TIDYING = 3.0  # seconds, after a signal, for what waits for others

# The last one says that the limit of processor time is reached: see setrlimit(2).
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGXCPU)


@dataclass(slots=True, eq=False)
class _Thread:
    """What a thread that can be interrupted does, and what it has not heard of yet."""

    regions: int = 0
    shielded: bool = False
    pending: BaseException | None = None
    give_up: float | None = None
    """Until when, by the monotonic clock, what it began is tidied up; ``None`` without a signal."""

    def raise_pending(self) -> None:
        pending, self.pending = self.pending, None
        if pending is not None:
            self.give_up = time.monotonic() + _TIDYING
            raise pending


_main = _Thread()
_local = threading.local()


def _current() -> _Thread | None:
    """Return the state of this thread, or ``None`` if it cannot be interrupted."""
    if threading.current_thread() is threading.main_thread():
        return _main
    member: _Thread | None = getattr(_local, "member", None)
    return member


@contextmanager
def interruptible(*, raise_pending: bool = True) -> Iterator[None]:
    """Let signals interrupt the block, and first raise a deferred one if ``raise_pending``."""
    thread = _current()
    if thread is None or thread.shielded:
        yield
        return
    thread.regions += 1
    try:
        if raise_pending:
            thread.raise_pending()
        yield
    finally:
        thread.regions -= 1


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Defer signals during the block, whatever in it is ``interruptible()``."""
    thread = _current()
    if thread is None:
        yield
        return
    before = thread.regions, thread.shielded
    thread.regions, thread.shielded = 0, True
    try:
        yield
    finally:
        thread.regions, thread.shielded = before


def look() -> None:
    """Raise what was deferred, in an ``interruptible()`` block that is about to wait again."""
    thread = _current()
    if thread is not None and thread.regions:
        thread.raise_pending()


def must_look() -> bool:
    """Return whether this thread hears of a signal only by ``look()``."""
    return _current() not in (None, _main)


def is_interrupted() -> bool:
    """Return whether a signal is deferred, for work that is ``uninterrupted()`` and can be undone."""
    thread = _current()
    return thread is not None and thread.pending is not None


def time_left() -> float | None:
    """Return how many seconds are left to tidy up after a signal; ``None`` if there was none.

    Whoever waits for programs or remotes gives up then. A process that does not end soon after
    it was asked to is killed, and leaves the same behind.
    """
    thread = _current()
    if thread is None or thread.give_up is None:
        return None
    return max(0.0, thread.give_up - time.monotonic())


def add_note(note: str) -> None:
    """Let a signal that is deferred say more when it is raised."""
    thread = _current()
    if thread is not None and thread.pending is not None:
        thread.pending.add_note(note)


def interruption_here() -> Callable[[], bool]:
    """Return a function that says to any thread whether this one ``is_interrupted()``."""
    thread = _current()
    return lambda: thread is not None and thread.pending is not None


def sleep(seconds: float) -> None:
    """Sleep until the time is over or a signal arrives."""
    end = time.monotonic() + seconds
    with interruptible():
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, LOOK))
            look()


class Crew:
    """Threads that are interrupted together, when the thread that waits for them is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._members: list[_Thread] = []
        self._error: BaseException | None = None

    @property
    def is_interrupted(self) -> bool:
        """Whether nothing more should be begun."""
        return self._error is not None

    @contextmanager
    def member(self) -> Iterator[None]:
        """Let this thread be one of them during the block."""
        member = _Thread()
        with self._lock:
            self._members.append(member)
            member.pending = self._error and _another(self._error)
        _local.member = member
        try:
            yield
        finally:
            del _local.member

    def interrupt(self, error: BaseException) -> None:
        """Raise such an error in every member, once, where it looks for one."""
        with self._lock:
            self._error = error
            for member in self._members:
                member.pending = _another(error)


def _another(error: BaseException) -> BaseException:
    """Return an equal error: one that is raised in two threads would get a mixed traceback."""
    try:
        return copy.copy(error)
    except Exception:  # noqa: BLE001 - that of a handler of the site, which cannot be copied
        return error


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
    is_main = _current() is _main
    ours = [n for n in _SIGNALS if is_main and signal.getsignal(n) in usual]
    before = {number: signal.signal(number, _interrupt) for number in ours}
    blocked = signal.pthread_sigmask(signal.SIG_UNBLOCK, ours)
    try:
        yield
    except BaseException:
        # It ends the run as well; the next one in this process has nothing to do with the signal.
        if ours:
            _main.pending = None
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        for number, handler in before.items():
            signal.signal(number, handler)
        if ours:
            _main.give_up = None
    try:
        _main.raise_pending()
    finally:
        if ours:
            _main.give_up = None


def _interrupt(number: int, frame: FrameType | None) -> None:
    if number == signal.SIGINT:
        _main.pending = KeyboardInterrupt()
    else:
        # A second one must not interrupt the undoing.
        signal.signal(number, signal.SIG_IGN)
        _main.pending = OperationInterrupted(signal.Signals(number).name, 128 + number)
    if _main.regions:
        _main.raise_pending()
