"""Replaces a live SQLite database at once, while others have it open."""

import contextlib
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from ...exceptions import ClientError
from ..staging import LiveData, swap_and_look
from .files import (
    change_counter,
    connect,
    copy_pages,
    has_same_pages,
    integrity_problems,
    is_busy,
    is_not_a_database,
)

_SIDECARS = ("-wal", "-shm", "-journal")


class FileRestore:
    """Restores into a private file, which then replaces the content of the live database at once."""

    def __init__(
        self,
        live: Path,
        path: Path,
        open_copy: Callable[[Path], sqlite3.Connection],
        timeout: float,
    ) -> None:
        """``path`` is the private file, ``open_copy`` opens it, ``timeout`` is in seconds.

        Raises ``OSError`` when the private file cannot be created.
        """
        self._live = live
        self._path = path
        self._open_copy = open_copy
        self._timeout = timeout
        self._aside = Path(f"{live}.damaged-{datetime.now(UTC):%Y%m%d%H%M%S}")
        self._file = path.open("xb")

    def write(self, data: bytes) -> None:
        """Write more of the private file. Raises ``ClientError``."""
        try:
            self._file.write(data)
        except OSError as error:
            raise ClientError(f"Cannot write the restored file: {error}.") from error

    def close(self) -> None:
        """Close the private file."""
        # A write that failed has been reported, and fails again here.
        with contextlib.suppress(OSError):
            self._file.close()

    def finish(self) -> None:
        """Complete the private file and check it. Raises ``ClientError``."""
        try:
            self._file.close()
            with closing(self._open_copy(self._path)) as restored:
                problems = integrity_problems(restored)
        except (OSError, sqlite3.Error) as error:
            problems = [str(error)]
        if problems:
            raise ClientError("The backup holds a damaged database: " + "; ".join(problems) + ".")

    def swap(self) -> None:
        """Replace the live database; see ``RestoreTarget.swap()``."""
        before = change_counter(self._live)
        swap_and_look(self._replace_live, lambda: self._look(before), hint="Run the restore again.")

    def _replace_live(self) -> None:
        try:
            self._replace()
        except (OSError, sqlite3.Error) as error:
            if is_busy(error):
                raise ClientError(
                    f"The live database stayed locked for {self._timeout:g} seconds.",
                    hint="Stop what writes to it, or raise OPTIONS['timeout'] of this database.",
                ) from None
            raise ClientError(f"Cannot replace the live database: {error}.") from None

    def _look(self, before: bytes) -> LiveData:
        if not self._path.exists():
            return LiveData.NEW  # it was renamed to the live one
        # Every commit changes it, and it can be read while others lock the database.
        if before and change_counter(self._live) == before:
            return LiveData.OLD
        if not self._live.exists():
            return LiveData.OLD  # there was none
        copy = self._path.with_name("live.sqlite3")
        try:
            with (
                closing(connect(self._live, self._timeout)) as live,
                closing(sqlite3.connect(copy, isolation_level=None)) as target,
            ):
                copy_pages(live, target)
                problems = integrity_problems(target)
            if has_same_pages(copy, self._path):
                return LiveData.NEW
        except (OSError, sqlite3.Error) as error:
            raise ClientError(f"Cannot read the live database: {error}.") from error
        return LiveData.MIXED if problems else LiveData.OLD

    def _replace(self) -> None:
        if not self._live.exists():
            self._set_sidecars_aside()
            self._install(0o666 & ~_umask())
        elif is_not_a_database(self._live):
            status = self._live.stat()
            self._aside.hardlink_to(self._live)
            self._set_sidecars_aside()
            # The web server must be able to open the new file, whoever restores it.
            with contextlib.suppress(PermissionError):
                os.chown(self._path, status.st_uid, status.st_gid)
            self._install(status.st_mode & 0o777)
        else:
            self._copy_in()

    def _copy_in(self) -> None:
        """Replace all pages in one transaction; other connections see it at once."""
        with closing(connect(self._live, self._timeout)) as live:
            self._adopt_page_size(live)
            with closing(self._open_copy(self._path)) as restored:
                copy_pages(restored, live)

    def _adopt_page_size(self, live: sqlite3.Connection) -> None:
        # The page size of a WAL database cannot change: https://www.sqlite.org/pragma.html
        if live.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            return
        size = live.execute("PRAGMA page_size").fetchone()[0]
        with closing(self._open_copy(self._path)) as restored:
            if restored.execute("PRAGMA page_size").fetchone()[0] != size:
                restored.execute(f"PRAGMA page_size = {int(size)}")
                restored.execute("VACUUM")

    def _install(self, mode: int) -> None:
        """Put the restored file where there is no working one."""
        self._path.chmod(mode)
        with self._path.open("rb") as file:
            os.fsync(file.fileno())
        self._path.replace(self._live)

    def _set_sidecars_aside(self) -> None:
        """Keep the log of the former file, but keep it from the new one.

        SQLite would replay it into the restored database.
        """
        for sidecar in _SIDECARS:
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self._live}{sidecar}").rename(f"{self._aside}{sidecar}")


def _umask() -> int:
    umask = os.umask(0o077)
    os.umask(umask)
    return umask
