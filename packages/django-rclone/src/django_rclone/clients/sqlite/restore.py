"""Replacing a live SQLite database at once, while others have it open."""

import contextlib
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from ...exceptions import RestoreError
from .files import connect, copy_pages, is_busy, is_no_database, problems_of

_SIDECARS = ("-wal", "-shm", "-journal")


class Replacement:
    """A target of the relay: a private file that replaces the live database at once."""

    def __init__(
        self,
        live: Path,
        path: Path,
        open_copy: Callable[[Path], sqlite3.Connection],
        timeout: float,
    ) -> None:
        """``path`` is the private file, ``open_copy`` opens it, ``timeout`` is in seconds.

        Raises ``OSError`` when the private file cannot be made.
        """
        self._live = live
        self._path = path
        self._open_copy = open_copy
        self._timeout = timeout
        self._aside = Path(f"{live}.damaged-{datetime.now(UTC):%Y%m%d%H%M%S}")
        self._file = path.open("xb")
        self.changed = False

    def write(self, data: bytes) -> None:
        """Write more of the private file. Raises ``RestoreError``."""
        try:
            self._file.write(data)
        except OSError as error:
            raise RestoreError(f"The restored file cannot be written: {error}.") from error

    def close(self) -> None:
        """Let go of the private file."""
        # What could not be written before cannot be written now, and does not count.
        with contextlib.suppress(OSError):
            self._file.close()

    def commit(self) -> None:
        """Check the private file and replace the live database. Raises ``RestoreError``."""
        try:
            self._file.close()
            with closing(self._open_copy(self._path)) as restored:
                problems = problems_of(restored)
        except (OSError, sqlite3.Error) as error:
            problems = [str(error)]
        if problems:
            raise RestoreError("The backup holds a damaged database: " + "; ".join(problems) + ".")
        try:
            self._replace()
        except (OSError, sqlite3.Error) as error:
            if is_busy(error):
                raise RestoreError(
                    f"The live database stayed locked for {self._timeout:g} seconds.",
                    hint="Stop what writes to it, or raise OPTIONS['timeout'] of this database.",
                ) from None
            raise RestoreError(f"The live database cannot be replaced: {error}.") from None
        self.changed = True

    def _replace(self) -> None:
        if not self._live.exists():
            self._set_sidecars_aside()
            self._install(0o666 & ~_umask())
        elif is_no_database(self._live):
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
        """Put the restored file where there is none that works."""
        self._path.chmod(mode)
        with self._path.open("rb") as file:
            os.fsync(file.fileno())
        self._path.replace(self._live)

    def _set_sidecars_aside(self) -> None:
        """Keep the log of the former file, but keep it from the new one.

        SQLite would replay into the restored database what it finds beside it.
        """
        for sidecar in _SIDECARS:
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self._live}{sidecar}").rename(f"{self._aside}{sidecar}")


def _umask() -> int:
    umask = os.umask(0o077)
    os.umask(umask)
    return umask
