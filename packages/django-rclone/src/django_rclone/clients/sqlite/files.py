"""SQLite files and their pages: https://www.sqlite.org/backup.html."""

import sqlite3
from contextlib import closing
from pathlib import Path

BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def connect(path: Path, timeout: float) -> sqlite3.Connection:
    """Open an existing database file; never make one."""
    return sqlite3.connect(
        f"{path.as_uri()}?mode=rw", uri=True, timeout=timeout, isolation_level=None
    )


def copy_pages(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Copy all pages in one step, waiting for locks as long as either connection would."""

    def give_up_when_locked(status: int, remaining: int, total: int) -> None:
        # Python would try again for ever; SQLite has waited for the timeout by now.
        if status in BUSY:
            raise _locked()

    source.backup(target, pages=-1, progress=give_up_when_locked)


def _locked() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return error


def is_busy(error: Exception) -> bool:
    """Tell whether another connection held a lock for too long."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in BUSY


def is_no_database(path: Path) -> bool:
    """Tell whether SQLite does not take the file for a database at all."""
    try:
        with closing(connect(path, 0)) as connection:
            connection.execute("PRAGMA schema_version").fetchone()
    except sqlite3.Error as error:
        return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_NOTADB
    return False


def problems_of(connection: sqlite3.Connection) -> list[str]:
    """Return what ``PRAGMA integrity_check`` says of the structure of a private copy.

    Rows that break a constraint are the site's own business, not damage: a
    backup must hold them all the same.
    """
    try:
        connection.execute("PRAGMA ignore_check_constraints = 1")
        rows = connection.execute("PRAGMA integrity_check(10)").fetchall()
    except sqlite3.Error as error:
        return [str(error)]
    return [row[0] for row in rows if row[0] != "ok" and not row[0].startswith("NULL value in")]
