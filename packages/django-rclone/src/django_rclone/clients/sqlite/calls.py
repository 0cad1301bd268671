"""Calls of SQLite that may take long: a signal ends them at once."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from threading import Event, Thread
from typing import TypeVar

from ...interrupts import LOOK, interruptible, look, uninterrupted

_POLL = 0.02  # seconds

T = TypeVar("T")


def interruptibly(connection: sqlite3.Connection, call: Callable[[], T]) -> T:
    """Return what ``call`` returns, which may use ``connection`` in another thread.

    Python handles signals between two of its own steps, and SQLite may take minutes for
    one: this thread waits, and lets SQLite stop if a signal arrives.
    See https://www.sqlite.org/c3ref/interrupt.html.
    """
    outcome: Future[T] = Future()
    is_over, has_ended = Event(), Event()

    def work() -> None:
        try:
            if not is_over.is_set():
                outcome.set_result(call())
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that waits
            outcome.set_exception(error)
        finally:
            has_ended.set()

    worker = Thread(target=work, name="django-rclone-sqlite", daemon=True)
    try:
        with interruptible():
            worker.start()
            while not has_ended.wait(LOOK):
                look()
            return outcome.result()
    finally:
        with uninterrupted():
            is_over.set()
            while worker.is_alive():
                if not has_ended.is_set():
                    connection.interrupt()
                worker.join(_POLL)
