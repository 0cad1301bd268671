"""SQLite files and their pages: https://www.sqlite.org/backup.html."""

import sqlite3
from contextlib import closing
from pathlib import Path

_HEADER_SIZE = 100  # bytes
_WAL_VERSIONS = b"\x02\x02"
_CHUNK = 1 << 20

BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def connect(path: Path, timeout: float) -> sqlite3.Connection:
    """Open an existing database file; never create one."""
    return sqlite3.connect(
        f"{path.as_uri()}?mode=rw", uri=True, timeout=timeout, isolation_level=None
    )


def copy_pages(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Copy all pages in one step, waiting for locks as long as either connection would."""

    def give_up_when_locked(status: int, remaining: int, total: int) -> None:
        # Python would retry without end; SQLite has waited for the timeout by now.
        if status in BUSY:
            raise _locked()

    source.backup(target, pages=-1, progress=give_up_when_locked)


def _locked() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return error


def is_busy(error: Exception) -> bool:
    """Return whether another connection held a lock for too long."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in BUSY


def is_not_a_database(path: Path) -> bool:
    """Return whether SQLite does not recognize the file as a database at all."""
    try:
        with closing(connect(path, 0)) as connection:
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
        with path.open("rb") as file:
            header = file.read(_HEADER_SIZE)
    except OSError:
        return b""
    return b"" if header[18:20] == _WAL_VERSIONS else header[24:28]


def has_same_pages(left: Path, right: Path) -> bool:
    """Return whether two database files hold the same, but for counters in their headers."""
    if left.stat().st_size != right.stat().st_size:
        return False
    with left.open("rb") as one, right.open("rb") as other:
        if _without_counters(one.read(_HEADER_SIZE)) != _without_counters(other.read(_HEADER_SIZE)):
            return False
        while piece := one.read(_CHUNK):
            if piece != other.read(_CHUNK):
                return False
    return True


def _without_counters(header: bytes) -> bytes:
    # Journal mode, change counter, schema cookie, and the version that wrote it last.
    counters = [*range(18, 20), *range(24, 28), *range(40, 44), *range(92, 100)]
    return bytes(byte for index, byte in enumerate(header) if index not in counters)


def integrity_problems(connection: sqlite3.Connection) -> list[str]:
    """Return what ``PRAGMA integrity_check`` finds in the structure of a private copy.

    Rows that violate a constraint are the site's own business, not damage: a
    backup must hold them as well.
    """
    try:
        connection.execute("PRAGMA ignore_check_constraints = 1")
        rows = connection.execute("PRAGMA integrity_check(10)").fetchall()
    except sqlite3.Error as error:
        return [str(error)]
    return [row[0] for row in rows if row[0] != "ok" and not row[0].startswith("NULL value in")]
