"""Replacing a SQLite database that others use: a signal ends it in time, and never half-way."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from django_rclone.clients.sqlite import replacing
from django_rclone.clients.sqlite.replacing import copy_in
from django_rclone.exceptions import OperationInterrupted, SwapRefused
from django_rclone.interrupts import deferred_signals, uninterrupted

TIMEOUT = 60.0  # seconds

LEAVING = """
import os, signal, sys, time
from pathlib import Path
from django_rclone.clients.sqlite import replacing
from django_rclone.exceptions import OperationInterrupted, SwapRefused
from django_rclone.interrupts import deferred_signals, uninterrupted

def undo_slowly(replacement):
    replacement._is_undone.set()
    time.sleep(600)

def kill_after_a_step(timeout):
    return lambda status, remaining, total: os.kill(os.getpid(), signal.SIGTERM)

replacing._STEP, replacing._CACHE, replacing._UNDOING = 1_000, 100, 0
replacing._Replacement._undo = undo_slowly
replacing.patience = kill_after_a_step
new, live = map(Path, sys.argv[1:])
try:
    with deferred_signals(), uninterrupted():
        try:
            replacing.copy_in(new, live, 60)
        except SwapRefused as error:
            print(error.message)
except OperationInterrupted as error:
    print(*error.__notes__, file=sys.stderr)
    sys.exit(error.exit_code)
"""


def make(path: Path, *, megabytes: int, mode: str = "delete") -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(f"PRAGMA journal_mode = {mode}; CREATE TABLE large (content);")
        connection.executemany(
            "INSERT INTO large VALUES (zeroblob(?))", [(1 << 20,) for _ in range(megabytes)]
        )


def size_of(path: Path) -> int:
    """Return how many megabytes were made."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return int(connection.execute("SELECT count(*) FROM large").fetchone()[0])


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def replace_until_stopped(new: Path, live: Path, killer: threading.Thread, *, wait: bool) -> None:
    with deferred_signals(), uninterrupted():
        killer.start()
        if wait:
            killer.join()
        copy_in(new, live, TIMEOUT)


@pytest.mark.parametrize("locked", [False, True])
def test_signal_stops_a_replacement_and_leaves_the_database_as_it_was(
    tmp_path: Path, locked: bool
) -> None:
    live, new = tmp_path / "live", tmp_path / "new"
    make(live, megabytes=20)
    make(new, megabytes=30)
    with closing(sqlite3.connect(live)) as holder:
        if locked:
            holder.execute("BEGIN")
            holder.execute("SELECT * FROM large").fetchone()
        begin = time.monotonic()
        timer = threading.Timer(0.3 if locked else 0, interrupt)
        with pytest.raises((SwapRefused, OperationInterrupted)) as caught:
            replace_until_stopped(new, live, timer, wait=not locked)
    assert isinstance(caught.value.__context__ or caught.value, SwapRefused)
    assert time.monotonic() - begin < TIMEOUT / 2
    assert size_of(live) == 20


def test_signal_does_not_undo_what_is_complete(tmp_path: Path) -> None:
    live, new = tmp_path / "live", tmp_path / "new"
    make(live, megabytes=2)
    make(new, megabytes=3)  # less than SQLite copies in one step
    with pytest.raises(OperationInterrupted) as caught:
        replace_until_stopped(new, live, threading.Timer(0, interrupt), wait=True)
    assert caught.value.__context__ is None
    assert size_of(live) == 3


def test_signal_is_not_late_for_a_log_that_takes_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in the write-ahead log counts already."""
    live, new = tmp_path / "live", tmp_path / "new"
    make(live, megabytes=2, mode="wal")
    make(new, megabytes=3)
    over = threading.Event()
    monkeypatch.setattr(replacing, "_UNDOING", 0)
    monkeypatch.setattr(replacing, "_empty_log", lambda connection: over.wait(TIMEOUT))
    begin = time.monotonic()
    try:
        with pytest.raises(OperationInterrupted):
            replace_until_stopped(new, live, threading.Timer(0, interrupt), wait=True)
        assert time.monotonic() - begin < TIMEOUT / 2
        assert size_of(live) == 3
    finally:
        over.set()


def test_process_that_is_asked_to_stop_does_not_wait_until_all_is_undone(tmp_path: Path) -> None:
    live, new = tmp_path / "live", tmp_path / "new"
    make(live, megabytes=10)
    make(new, megabytes=12)
    ended = subprocess.run(
        [sys.executable, "-c", LEAVING, new, live], capture_output=True, text=True, timeout=300
    )
    assert ended.returncode == 128 + signal.SIGTERM, ended.stderr
    assert ended.stdout == "The restore was stopped by a signal.\n"
    assert "do not move or copy" in ended.stderr
    assert Path(f"{live}-journal").stat().st_size
    assert size_of(live) == 10
