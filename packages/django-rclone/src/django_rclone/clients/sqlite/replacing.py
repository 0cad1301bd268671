"""Replaces the content of a live database in one transaction, and stops in time for a signal.

To undo it SQLite writes back every page that it has overwritten, and to complete it, it waits
for the disk. For a large database either takes longer than a process has that is asked to
stop. So another thread does it, which is left behind if need be: it goes on until it is
done, or ends with the process. Then the journal next to the database rolls back the rest when
the database is next opened, as after every other end of a process:
https://www.sqlite.org/atomiccommit.html.
"""

import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing, suppress
from pathlib import Path
from threading import Event, Thread

from ...exceptions import SwapRefused
from ...interrupts import LOOK, add_note, interruption_here
from .copying import patience
from .files import LiveFile, connect, connect_private

_STEP = 2_000  # pages
_CACHE = 32_000  # KiB, while a live database is replaced
_PAUSE = 0.05  # seconds
_TRY = 1.0  # seconds of waiting for a lock within SQLite, where no signal is seen
_UNDOING = 1.5  # seconds, after a signal
_UNWRITTEN = 64 << 20  # bytes that may have to reach the disk at once

_STOPPED = "The restore was stopped by a signal."
_LEFT = (
    "SQLite rolls back the rest of the restore when the database is next opened. Until then, do not "
    "move or copy its file without the one next to it that ends in -journal."
)


def copy_in(restored: Path, live: Path, timeout: float) -> None:
    """Replace the content of a live database in one transaction, waiting ``timeout`` for locks.

    Others see it at once. Signals do not interrupt it, but it stops when one is deferred, and
    raises ``SwapRefused``: then, as after every other error, the database is as it was. Raises
    ``sqlite3.Error`` or ``ClientError``, too.
    """
    _Replacement(restored, live, timeout).run()


class _Replacement:
    """One transaction, in a thread of its own."""

    def __init__(self, restored: Path, live: Path, timeout: float) -> None:
        self._restored, self._live, self._timeout = restored, live, timeout
        self._must_stop = interruption_here()
        self._outcome: Future[None] = Future()
        self._has_ended, self._is_undone, self._is_committed = Event(), Event(), Event()
        self._copied = 0
        self._target: sqlite3.Connection | None = None

    def run(self) -> None:
        """Do it. Without a signal, wait for its end."""
        worker = Thread(target=self._work, name="django-rclone-sqlite", daemon=True)
        worker.start()
        file, flushed, give_up = LiveFile(self._live), 0, 0.0
        while not self._has_ended.wait(LOOK):
            if self._may_be_left() or self._copied - flushed >= _UNWRITTEN:
                flushed = self._copied
                # Little is left then of what a commit, or the end of the process, waits for.
                file.flush()
                _flush(Path(f"{self._live}-wal"))
            if not self._must_stop() or not self._may_be_left():
                continue
            if not give_up:
                give_up = time.monotonic() + _UNDOING
                self._stop_emptying_the_log()
            if time.monotonic() >= give_up:
                break
        if self._has_ended.is_set():
            self._outcome.result()
        elif not self._is_committed.is_set():
            add_note(_LEFT)
            raise SwapRefused(_STOPPED, hint=_LEFT)

    def _stop_emptying_the_log(self) -> None:
        if self._is_committed.is_set() and self._target is not None:
            with suppress(sqlite3.Error):  # it is closed
                self._target.interrupt()

    def _may_be_left(self) -> bool:
        return self._is_undone.is_set() or self._is_committed.is_set()

    def _work(self) -> None:
        try:
            self._replace()
            self._outcome.set_result(None)
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that waits
            self._outcome.set_exception(error)
        finally:
            self._has_ended.set()

    def _replace(self) -> None:
        with closing(connect(self._live, min(self._timeout, _TRY))) as target:
            self._target = target
            with closing(connect_private(self._restored)) as source:
                [page_size] = source.execute("PRAGMA page_size").fetchone()
                watch = self._watch(page_size)
                # Every time that it is full, SQLite waits for the disk.
                target.execute(f"PRAGMA cache_size = -{_CACHE}")
                source.backup(target, pages=_STEP, progress=watch, sleep=_PAUSE)
            self._is_committed.set()
            _empty_log(target)

    def _watch(self, page_size: int) -> Callable[[int, int, int], None]:
        go_on = patience(self._timeout)

        def watch(status: int, remaining: int, total: int) -> None:
            self._copied = (total - remaining) * page_size
            # It is committed when it is done: nothing can be stopped any more.
            if status != sqlite3.SQLITE_DONE and self._must_stop():
                self._undo()
            go_on(status, remaining, total)

        return watch

    def _undo(self) -> None:
        """Let SQLite undo it, as it does for every error."""
        self._is_undone.set()
        raise SwapRefused(_STOPPED)


def _empty_log(connection: sqlite3.Connection) -> None:
    """Move what is in a write-ahead log to the database; else whoever closes it last would do that."""
    with suppress(sqlite3.Error):  # it stays in the log, and counts
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


def _flush(path: Path) -> None:
    """Wait until what is written to a file has reached the disk, if there is such a file."""
    with suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
