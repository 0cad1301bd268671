"""Copying a SQLite database that others use: of one moment, interruptible, out of their way."""

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from django_rclone.clients.sqlite import files
from django_rclone.clients.sqlite.copying import copy_out
from django_rclone.exceptions import ClientError, OperationInterrupted
from django_rclone.interrupts import deferred_signals, uninterrupted

TIMEOUT = 60.0  # seconds


@contextmanager
def database(path: Path, *statements: str) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None, timeout=TIMEOUT)) as connection:
        for statement in statements:
            connection.executescript(statement)
        yield connection


def add_pairs(connection: sqlite3.Connection, megabytes: int) -> None:
    """Create two tables that always have the same number of rows, and a large one."""
    connection.executescript(
        "CREATE TABLE one (id INTEGER PRIMARY KEY); CREATE TABLE other (id INTEGER PRIMARY KEY);"
        "CREATE TABLE large (content BLOB);"
    )
    connection.execute("BEGIN")
    for _ in range(megabytes):
        connection.execute("INSERT INTO large VALUES (zeroblob(1 << 20))")
    connection.execute("COMMIT")


class Writer(threading.Thread):
    """A site that commits all the time, as Django does: with a timeout of five seconds."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.commits = 0
        self.error: Exception | None = None
        self.over = threading.Event()

    def run(self) -> None:
        try:
            with closing(sqlite3.connect(self.path, isolation_level=None, timeout=5)) as site:
                while not self.over.is_set():
                    site.execute("BEGIN IMMEDIATE")
                    site.execute("INSERT INTO one DEFAULT VALUES")
                    # Pages at the beginning and at the end of the file change.
                    site.execute("INSERT INTO large VALUES (randomblob(5000))")
                    site.execute("INSERT INTO other DEFAULT VALUES")
                    site.execute("COMMIT")
                    self.commits += 1
                    self.over.wait(0.01)
        except sqlite3.Error as error:
            self.error = error

    def __enter__(self) -> "Writer":
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.over.set()
        self.join()


def count_of(path: Path, table: str) -> int:
    with database(path) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


@pytest.mark.parametrize("mode", ["delete", "truncate", "persist", "wal"])
def test_copy_is_of_one_moment_while_the_site_writes(tmp_path: Path, mode: str) -> None:
    live, copy = tmp_path / "live", tmp_path / "copy"
    with database(live, f"PRAGMA journal_mode = {mode}") as connection:
        add_pairs(connection, 60)
        with Writer(live) as writer:
            while writer.commits < 3 and writer.error is None:
                time.sleep(0.01)
            before = writer.commits
            copy_out(live, copy, TIMEOUT)
            after = writer.commits
    assert writer.error is None
    assert after > before, "the site could not write meanwhile"
    with database(copy) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert count_of(copy, "one") == count_of(copy, "other")
    assert before <= count_of(copy, "one") <= after + 1


def test_copy_follows_a_file_that_shrinks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live, copy = tmp_path / "live", tmp_path / "copy"
    read = files.LiveFile.read
    with database(live) as connection:
        add_pairs(connection, 20)

        def read_and_shrink(file: files.LiveFile, size: int, position: int) -> bytes:
            data = read(file, size, position)
            if position == 10 << 20 and not connection.execute("SELECT * FROM one").fetchall():
                connection.executescript("DELETE FROM large; INSERT INTO one VALUES (7); VACUUM;")
            return data

        monkeypatch.setattr(files.LiveFile, "read", read_and_shrink)
        copy_out(live, copy, TIMEOUT)
    assert copy.read_bytes() == live.read_bytes()
    assert count_of(copy, "one") == 1


def test_copy_rolls_back_what_a_killed_writer_left(tmp_path: Path) -> None:
    live, copy = tmp_path / "live", tmp_path / "copy"
    with database(live) as connection:
        add_pairs(connection, 5)
    child = os.fork()
    if not child:
        killed = sqlite3.connect(live, isolation_level=None)
        killed.executescript("PRAGMA cache_size = 1; BEGIN; UPDATE large SET content = 'x';")
        os._exit(0)
    os.waitpid(child, 0)
    assert (tmp_path / "live-journal").exists()
    copy_out(live, copy, TIMEOUT)
    assert count_of(copy, "large WHERE length(content) > 1") == 5


def test_copy_ends_a_read_lock_of_the_same_process_for_nobody(tmp_path: Path) -> None:
    live = tmp_path / "live"
    with database(live) as connection:
        add_pairs(connection, 1)
        connection.execute("BEGIN IMMEDIATE")
        copy_out(live, tmp_path / "copy", TIMEOUT)
        child = os.fork()
        if not child:
            other = sqlite3.connect(live, isolation_level=None, timeout=0)
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                os._exit(5)  # locked, as it must be
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5


def test_locked_database_is_given_up_after_the_timeout(tmp_path: Path) -> None:
    live = tmp_path / "live"
    with database(live) as connection:
        add_pairs(connection, 1)
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError) as caught:
            copy_out(live, tmp_path / "copy", 0.2)
    assert files.is_busy(caught.value)


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def copy_until_stopped(live: Path, copy: Path, killer: threading.Thread) -> None:
    with deferred_signals():
        killer.start()
        copy_out(live, copy, TIMEOUT)


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_signal_interrupts_a_copy_in_the_middle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    live, copy = tmp_path / "live", tmp_path / "copy"
    with database(live, f"PRAGMA journal_mode = {mode}") as connection:
        add_pairs(connection, 60)

        def kill_when_begun() -> None:
            while not copy.exists() or copy.stat().st_size < 1 << 20:
                time.sleep(0.001)
            interrupt()

        read = files.LiveFile.read

        def read_slowly(file: files.LiveFile, size: int, position: int) -> bytes:
            time.sleep(0.05)
            return read(file, size, position)

        monkeypatch.setattr(files.LiveFile, "read", read_slowly)
        monkeypatch.setattr("django_rclone.clients.sqlite.copying._STEP", 10)
        killer = threading.Thread(target=kill_when_begun)
        with pytest.raises(OperationInterrupted):
            copy_until_stopped(live, copy, killer)
        killer.join()
    assert copy.stat().st_size < live.stat().st_size


def test_signal_interrupts_the_wait_for_a_lock(tmp_path: Path) -> None:
    live = tmp_path / "live"
    with database(live) as connection:
        add_pairs(connection, 1)
        connection.execute("BEGIN EXCLUSIVE")
        timer = threading.Timer(0.3, interrupt)
        begin = time.monotonic()
        with pytest.raises(OperationInterrupted):
            copy_until_stopped(live, tmp_path / "copy", timer)
    assert time.monotonic() - begin < TIMEOUT / 2


def wait_until_stopped(connection: sqlite3.Connection, killer: threading.Thread) -> None:
    with deferred_signals(), uninterrupted():
        killer.start()
        with pytest.raises(ClientError, match="signal"), files.reading(connection, TIMEOUT):
            pass


def test_signal_ends_a_wait_that_it_may_not_interrupt(tmp_path: Path) -> None:
    live = tmp_path / "live"
    with database(live) as holder:
        add_pairs(holder, 1)
        holder.execute("BEGIN EXCLUSIVE")
        begin = time.monotonic()
        with closing(files.connect(live, 0)) as waiting, pytest.raises(OperationInterrupted):
            wait_until_stopped(waiting, threading.Timer(0.3, interrupt))
    assert time.monotonic() - begin < TIMEOUT / 2


def test_everything_is_read_again_when_others_commit_between_the_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, copy = tmp_path / "live", tmp_path / "copy"
    monkeypatch.setattr("django_rclone.clients.sqlite.copying._SLICE", 0.0)
    commits: list[Any] = []
    with database(live) as connection, database(live) as site:
        add_pairs(connection, 5)

        def commit(seconds: float) -> None:
            if seconds:
                commits.append(site.execute("INSERT INTO one DEFAULT VALUES"))

        monkeypatch.setattr("django_rclone.clients.sqlite.copying.sleep", commit)
        copy_out(live, copy, TIMEOUT)
    assert commits
    assert copy.read_bytes() == live.read_bytes()
