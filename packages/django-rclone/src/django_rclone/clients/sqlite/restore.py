"""Replaces a live SQLite database at once, while others have it open."""

import contextlib
import logging
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from django.db.backends.base.base import BaseDatabaseWrapper

from ...backups.inventory import Inventory
from ...exceptions import ClientError
from ..staging import LiveData, swap_and_look
from .checking import Findings, integrity_of, open_as_site
from .copying import copy_out
from .files import (
    change_counter,
    closing_live,
    connect,
    has_same_pages,
    is_busy,
    is_not_a_database,
    reading,
)
from .kinds import inventory_of
from .loading import Loader, loader
from .paging import change_page_size, page_size_of
from .replacing import copy_in

logger = logging.getLogger(__name__)

_SIDECARS = ("-wal", "-shm", "-journal")


class FileRestore:
    """Restores into a private file, which then replaces the content of the live database at once."""

    def __init__(
        self,
        wrapper: BaseDatabaseWrapper,
        live: Path,
        path: Path,
        timeout: float,
        expected: Inventory | None,
        *,
        check: bool,
    ) -> None:
        """``path`` is the private file, ``timeout`` is in seconds.

        ``check`` is whether the file is checked for damage, in full. Raises ``OSError`` when the private file cannot be created.
        """
        self._wrapper = wrapper
        self._live = live
        self._path = path
        self._timeout = timeout
        self._expected = expected
        self._check = check
        self.place: Mapping[str, object] = {"NAME": str(path)}
        self._aside = Path(f"{live}.damaged-{datetime.now(UTC):%Y%m%d%H%M%S}")
        path.touch(exist_ok=False)
        self._loader: Loader | None = None

    def write(self, data: bytes) -> None:
        """Write more of the private file. Raises ``ClientError``."""
        try:
            if self._loader is None:
                self._loader = loader(self._path, data)
            self._loader.write(data)
        except (OSError, sqlite3.Error) as error:
            raise ClientError(f"Cannot write the restored file: {error}.") from error

    def close(self) -> None:
        """Close the private file."""
        if self._loader is not None:
            self._loader.close()

    def finish(self) -> None:
        """Complete the private file and check it. Raises ``ClientError``."""
        with self._translated_errors():
            if self._loader is not None:
                self._loader.finish()
        if self._check:
            self._require_sound()
        with self._translated_errors():
            if size := self._required_page_size():
                change_page_size(self._wrapper, self._path, size)
        if self._expected:
            self._expected.require(self._inventory())

    def _require_sound(self) -> None:
        try:
            with closing(open_as_site(self._wrapper, self._path)) as restored:
                findings = integrity_of(restored)
        except sqlite3.Error as error:
            findings = Findings(problems=[str(error)])
        if findings.problems:
            raise ClientError(
                f"The backup holds a damaged database: {'; '.join(findings.problems)}."
            )
        for one in findings.unchecked:
            logger.warning("This part of the backup could not be checked: %s", one)

    def _inventory(self) -> Inventory:
        try:
            return inventory_of(self._path)
        except sqlite3.Error as error:
            raise ClientError(f"Cannot read the restored file: {error}.") from error

    def _required_page_size(self) -> int | None:
        """Return the size that pages must have to be copied into the live file, if another one."""
        if not self._live.exists() or is_not_a_database(self._live):
            return None
        with closing_live(connect(self._live, 0)) as live, reading(live, self._timeout):
            # The page size of a WAL database cannot change: https://www.sqlite.org/pragma.html
            if live.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                return None
            size = int(live.execute("PRAGMA page_size").fetchone()[0])
        return size if page_size_of(self._path) != size else None

    def swap(self) -> None:
        """Replace the live database; see ``RestoreTarget.swap()``.

        It stops when a signal is deferred, since the live database is as it was then.
        """
        counter = change_counter(self._live)
        with contextlib.ExitStack() as stack:
            watcher = self._watcher(stack)
            before = counter, _version(watcher)
            swap_and_look(
                self._replace_live,
                lambda: self._look(before, watcher),
                hint="Run the restore again.",
            )

    def _replace_live(self) -> None:
        with self._translated_errors():
            self._replace()

    @contextlib.contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            if is_busy(error):
                raise ClientError(
                    f"The live database stayed locked for {self._timeout:g} seconds.",
                    hint="Stop what writes to it, or raise OPTIONS['timeout'] of this database.",
                ) from None
            raise ClientError(f"Cannot replace the live database: {error}.") from None

    def _watcher(self, stack: contextlib.ExitStack) -> sqlite3.Connection | None:
        """Return a connection that sees whether others change the live database, if there is one."""
        if not self._live.exists():
            return None
        try:
            return stack.enter_context(closing_live(connect(self._live, 0)))
        except sqlite3.Error:
            return None

    def _look(
        self, before: tuple[bytes, int | None], watcher: sqlite3.Connection | None
    ) -> LiveData:
        if not self._path.exists():
            return LiveData.NEW  # it was renamed to the live one
        if not self._live.exists():
            return LiveData.OLD  # there was none
        counter, version = before
        # Every commit changes it, and it can be read while others lock the database.
        if counter and change_counter(self._live) == counter:
            return LiveData.OLD
        if version is not None and _version(watcher) == version:
            return LiveData.OLD
        copy = self._path.with_name("live.sqlite3")
        try:
            copy_out(self._live, copy, self._timeout)
            with closing(open_as_site(self._wrapper, copy)) as opened:
                problems = integrity_of(opened).problems
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
        elif self._required_page_size():
            raise ClientError(
                "The page size or the journal mode of the live database was changed in the meantime.",
                hint="Run the restore again.",
            )
        else:
            copy_in(self._path, self._live, self._timeout)

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


def _version(watcher: sqlite3.Connection | None) -> int | None:
    """Return what is another number after others have committed, or ``None``.

    See https://www.sqlite.org/pragma.html#pragma_data_version.
    """
    if watcher is None:
        return None
    try:
        return int(watcher.execute("PRAGMA data_version").fetchone()[0])
    except sqlite3.Error:
        return None


def _umask() -> int:
    umask = os.umask(0o077)
    os.umask(umask)
    return umask
