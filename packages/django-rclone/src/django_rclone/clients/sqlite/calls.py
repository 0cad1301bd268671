"""Calls of SQLite that may take long: a signal ends them at once."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from threading import Event, Thread, current_thread, main_thread
from typing import TypeVar

from ...interrupts import interruptible, uninterrupted

_POLL = 0.02  # seconds

T = TypeVar("T")


def interruptibly(connection: sqlite3.Connection, call: Callable[[], T]) -> T:
    """Return what ``call`` returns, which may use ``connection`` in another thread.

    Python handles signals between two of its own steps, and SQLite may take minutes for
    one: the main thread waits, and lets SQLite stop if a signal arrives.
    See https://www.sqlite.org/c3ref/interrupt.html.
    """
    if current_thread() is not main_thread():
        return call()
    outcome: Future[T] = Future()
    is_over = Event()

    def work() -> None:
        try:
            if not is_over.is_set():
                outcome.set_result(call())
        except BaseException as error:  # noqa: BLE001 - it is raised in the main thread
            outcome.set_exception(error)

    worker = Thread(target=work, name="django-rclone-sqlite", daemon=True)
    try:
        with interruptible():
            worker.start()
            return outcome.result()
    finally:
        with uninterrupted():
            is_over.set()
            while worker.is_alive():
                if not outcome.done():
                    connection.interrupt()
                worker.join(_POLL)
