"""Copies of databases that others use.

A copy is of one moment, can be interrupted at any time, and locks others out as briefly as
the journal mode allows.
"""

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from math import inf
from pathlib import Path
from typing import IO

from ...exceptions import ClientError
from ...interrupts import interruptible, look, sleep
from .files import (
    BUSY,
    HEADER_SIZE,
    LiveFile,
    closing_live,
    connect,
    connect_private,
    counter_in,
    has_log,
    locked,
    reading,
)

_CHUNK = 1 << 20  # bytes copied at once
_PIECE = 1 << 17  # bytes compared at once
_STEP = 2_000  # pages
_SLICE = 0.2  # seconds that writers have to wait for a part of a copy
_PAUSE = 0.05  # seconds for writers, before the next part


def copy_out(live: Path, copy: Path, timeout: float) -> None:
    """Copy a live database into a new private file, waiting ``timeout`` for locks.

    With a write-ahead log, nobody waits. Otherwise nobody can commit while a copy is compared
    with the file, which takes a fraction of the time: that is done in parts, with pauses for
    others, and in one go only if others commit in every pause. Raises ``sqlite3.Error``,
    ``OSError`` or ``ClientError``.
    """
    with closing_live(connect(live, 0)) as source:
        with reading(source, timeout):
            [mode] = source.execute("PRAGMA journal_mode").fetchone()
        if mode == "wal":
            with (
                closing(connect_private(copy)) as target,
                reading(source, timeout),
                interruptible(),
            ):
                source.backup(target, pages=_STEP, progress=patience(timeout), sleep=_PAUSE)
            return
        file = LiveFile(live)
        with copy.open("xb+", buffering=0) as target_file:
            _copy_roughly(file, target_file)
            for seconds in (_SLICE, _SLICE, inf):
                if _correct(source, file, target_file.fileno(), timeout, seconds):
                    return


def patience(timeout: float) -> Callable[[int, int, int], None]:
    """Return what watches the progress of a copy: Python would wait for a lock without end."""
    give_up = time.monotonic() + timeout

    def watch(status: int, remaining: int, total: int) -> None:
        nonlocal give_up
        look()
        if status not in BUSY:
            give_up = time.monotonic() + timeout
        elif time.monotonic() >= give_up:
            raise locked()

    return watch


def _copy_roughly(file: LiveFile, target: IO[bytes]) -> None:
    """Copy without a lock: parts may be of different moments."""
    position = 0
    while piece := file.read(_CHUNK, position):
        target.write(piece)
        position += len(piece)
        _let_signals_in()


def _correct(
    source: sqlite3.Connection, file: LiveFile, target: int, timeout: float, seconds: float
) -> bool:
    """Make a rough copy equal the file, in parts of ``seconds`` during which nobody can commit.

    Returns whether nobody did so between the parts: the copy is of one moment then.
    """
    position = 0
    counters = set()
    is_at_end = False
    buffers = bytearray(_PIECE), bytearray(_PIECE)
    while not is_at_end:
        with reading(source, timeout):
            header = file.read(HEADER_SIZE, 0)
            if has_log(header):
                raise ClientError(
                    "The journal mode of the database was changed while it was copied.",
                    hint="Run the backup again.",
                )
            counters.add(counter_in(header))
            pause = time.monotonic() + seconds
            while size := _correct_piece(file, target, position, *buffers):
                position += size
                _let_signals_in()
                if time.monotonic() >= pause:
                    break
            is_at_end = not size
        if not is_at_end:
            sleep(_PAUSE)
    os.truncate(target, position)
    return len(counters) == 1


def _correct_piece(
    file: LiveFile, target: int, position: int, new: bytearray, old: bytearray
) -> int:
    """Correct what is at ``position``, and return its size; zero at the end of the file.

    The buffers are used again and again: others wait for this.
    """
    size = file.read_into(new, position)
    if os.preadv(target, [old], position) < size or old != new:
        os.pwrite(target, memoryview(new)[:size], position)
    return size


def _let_signals_in() -> None:
    with interruptible():
        pass
