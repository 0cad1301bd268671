"""A connection to a live database is closed, however long that takes, unless a signal came."""

import os
import signal
import sqlite3
from pathlib import Path
from threading import Event
from typing import cast

import pytest

from django_rclone.clients.sqlite.files import closing_live, connect
from django_rclone.exceptions import OperationInterrupted
from django_rclone.interrupts import deferred_signals, interruptible


class _Slow:
    """Takes until it may end, as a connection does that moves a large write-ahead log."""

    def __init__(self) -> None:
        self.may_end = Event()

    def close(self) -> None:
        self.may_end.wait(240)


@pytest.mark.parametrize("is_deferred", [True, False])
def test_a_signal_does_not_wait_for_a_large_log(
    is_deferred: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_rclone.interrupts._TIDYING", 0.1)
    slow = _Slow()

    def stopped() -> None:
        with deferred_signals(), closing_live(cast(sqlite3.Connection, slow)):
            os.kill(os.getpid(), signal.SIGTERM)
            if not is_deferred:
                with interruptible():
                    pass

    try:
        with pytest.raises(OperationInterrupted):
            stopped()
        assert not slow.may_end.is_set()
    finally:
        slow.may_end.set()


def test_without_a_signal_it_is_closed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite3"
    with sqlite3.connect(path) as plain:
        plain.execute("PRAGMA journal_mode = wal")
        plain.execute("CREATE TABLE t (n int)")
    plain.close()
    with closing_live(connect(path, 0)) as connection:
        connection.execute("INSERT INTO t VALUES (1)")
        assert (tmp_path / "x.sqlite3-wal").exists()
    assert not (tmp_path / "x.sqlite3-wal").exists()
