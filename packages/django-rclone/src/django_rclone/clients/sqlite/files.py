"""SQLite files, as bytes and as connections: https://www.sqlite.org/fileformat.html."""

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from ...exceptions import ClientError
from ...interrupts import LOOK, is_interrupted, sleep, time_left

HEADER_SIZE = 100  # bytes
_WAL_VERSIONS = b"\x02\x02"
_CHUNK = 1 << 20
_PAUSE = 0.02  # seconds

BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)

_descriptors: dict[tuple[int, int], int] = {}


class LiveFile:
    """Reads the bytes of a database that others use.

    Its descriptor stays open until the process ends: closing any descriptor of a file gives
    up the locks that this process holds on it, also those of the site's other threads.
    See https://www.sqlite.org/howtocorrupt.html, section 2.2.
    """

    def __init__(self, path: Path) -> None:
        """Raises ``OSError``."""
        status = path.stat()
        identity = (status.st_dev, status.st_ino)
        if identity not in _descriptors:
            _descriptors[identity] = os.open(path, os.O_RDONLY)
        self._descriptor = _descriptors[identity]

    def read(self, size: int, position: int) -> bytes:
        """Return up to ``size`` bytes from ``position``, and nothing at the end."""
        return os.pread(self._descriptor, size, position)

    def read_into(self, buffer: bytearray, position: int) -> int:
        """Fill ``buffer`` from ``position``, and return how many bytes there were."""
        return os.preadv(self._descriptor, [buffer], position)

    def flush(self) -> None:
        """Wait until what anyone has written to the file has reached the disk."""
        os.fsync(self._descriptor)


def connect(path: Path, timeout: float) -> sqlite3.Connection:
    """Open an existing database file; never create one. Usable from every thread."""
    return sqlite3.connect(
        f"{path.as_uri()}?mode=rw",
        uri=True,
        timeout=timeout,
        isolation_level=None,
        check_same_thread=False,
    )


@contextmanager
def closing_live(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Close a connection to a live database after the block, unless a signal leaves no time for it.

    Whoever closes a database last moves its whole write-ahead log into it, which takes long if
    that is large. So another thread does it, which is left behind if need be, or ends with the
    process: what it has not moved is still in the log.
    """
    try:
        yield connection
    finally:
        closer = Thread(target=connection.close, name="django-rclone-sqlite", daemon=True)
        closer.start()
        while closer.is_alive() and not is_interrupted() and time_left() != 0:
            closer.join(LOOK)


def connect_private(path: Path) -> sqlite3.Connection:
    """Open or create a private file, which needs neither a journal nor to reach the disk."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA journal_mode = OFF")
    return connection


@contextmanager
def reading(connection: sqlite3.Connection, timeout: float) -> Iterator[None]:
    """Let nothing that others commit be seen in the block, waiting ``timeout`` for that.

    With a write-ahead log others can commit in the meantime, otherwise they wait. The wait may be
    interrupted, and ends when a signal is deferred. Raises ``sqlite3.Error`` or ``ClientError``.
    """
    give_up = time.monotonic() + timeout
    while True:
        connection.execute("BEGIN")
        try:
            # Unlike a query, it does not need the schema to be sound.
            connection.execute("PRAGMA schema_version").fetchone()
            break
        except sqlite3.Error as error:
            connection.execute("ROLLBACK")
            if not is_busy(error) or time.monotonic() >= give_up:
                raise
        if is_interrupted():
            raise ClientError("A signal ended the wait for a locked database.")
        sleep(_PAUSE)
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


def locked() -> sqlite3.OperationalError:
    """Return the error of SQLite for a lock that was not given up in time."""
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return error


def is_busy(error: Exception) -> bool:
    """Return whether another connection held a lock for too long."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in BUSY


def is_not_a_database(path: Path) -> bool:
    """Return whether SQLite does not recognize the file as a database at all."""
    try:
        with closing_live(connect(path, 0)) as connection:
            connection.execute("PRAGMA schema_version").fetchone()
    except sqlite3.Error as error:
        return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_NOTADB
    return False


def change_counter(path: Path) -> bytes:
    """Return what every commit changes in the header of a database file.

    Empty if there is no such file, or if it has a write-ahead log, where a commit does not
    change it: https://www.sqlite.org/fileformat.html#file_change_counter.
    """
    try:
        header = LiveFile(path).read(HEADER_SIZE, 0)
    except OSError:
        return b""
    return b"" if has_log(header) else counter_in(header)


def counter_in(header: bytes) -> bytes:
    """Return the change counter of a header."""
    return header[24:28]


def has_log(header: bytes) -> bool:
    """Return whether a header says that there is a write-ahead log."""
    return header[18:20] == _WAL_VERSIONS


def has_same_pages(left: Path, right: Path) -> bool:
    """Return whether two private database files hold the same, but for counters in their headers."""
    if left.stat().st_size != right.stat().st_size:
        return False
    with left.open("rb") as one, right.open("rb") as other:
        if _without_counters(one.read(HEADER_SIZE)) != _without_counters(other.read(HEADER_SIZE)):
            return False
        while piece := one.read(_CHUNK):
            if piece != other.read(_CHUNK):
                return False
    return True


def _without_counters(header: bytes) -> bytes:
    # Journal mode, change counter, schema cookie, and the version that wrote it last.
    counters = [*range(18, 20), *range(24, 28), *range(40, 44), *range(92, 100)]
    return bytes(byte for index, byte in enumerate(header) if index not in counters)


def require_space(folder: Path, size: int) -> None:
    """Raise ``ClientError`` unless so many bytes are free on the disk of a folder."""
    free = shutil.disk_usage(folder).free
    if free < size:
        raise ClientError(
            f"Not enough space in {folder}: {free:,} bytes free, {size:,} needed.",
            hint="Free some space there.",
        )
