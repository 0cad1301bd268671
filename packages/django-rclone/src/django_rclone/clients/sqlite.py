"""SQLite, through its own online backup API: https://www.sqlite.org/backup.html.

No program is needed, and no SQL text is made or run.
"""

import contextlib
import errno
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, ClassVar, cast
from urllib.parse import unquote, urlsplit

from ..exceptions import DumpError, RestoreError
from ..manifest import Manifest
from ..scratch import scratch_directory
from .base import DatabaseClient, Versions

_DEFAULT_TIMEOUT = 5.0  # seconds; that of sqlite3.connect(), which Django keeps
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_SIDECARS = ("-wal", "-shm", "-journal")


class SqliteClient(DatabaseClient):
    """Dumps are copies of the database file, consistent and self-contained."""

    vendor: ClassVar[str] = "sqlite"
    format: ClassVar[str] = "sqlite3"
    extension: ClassVar[str] = "sqlite3"

    def versions(self) -> Versions:
        version = sqlite3.sqlite_version
        return Versions(tool="sqlite3", tool_version=version, server_version=version)

    def describe_target(self) -> str:
        return str(self._path())

    def check_dump(self) -> None:
        path = self._path()
        if path is None:
            raise DumpError("The database lives in memory: there is no file to back up.")
        if not path.is_file():
            raise DumpError(
                f"There is no database file {path}.",
                hint="Correct NAME of this database, or run `manage.py migrate` first.",
            )
        if not os.access(path, os.R_OK):
            raise DumpError(f"The database file {path} cannot be read by this user.")
        size = path.stat().st_size
        if size == 0:
            raise DumpError(f"The database file {path} is empty: there is nothing to back up.")
        _require_space(Path(tempfile.gettempdir()), size, DumpError)

    def check_restore(self, manifest: Manifest | None) -> None:
        path = self._path()
        if path is None:
            raise RestoreError("The database lives in memory: there is no file to restore to.")
        if self.connection.in_atomic_block:
            raise RestoreError("A transaction is open on this connection; end it first.")
        if path.exists() and not path.is_file():
            raise RestoreError(f"{path} is no file.")
        if not path.parent.is_dir():
            raise RestoreError(f"There is no folder {path.parent}.", hint="Create it first.")
        if not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
            raise RestoreError(f"{path} cannot be written by this user.")
        raw_size = (manifest.raw_size if manifest else None) or 0
        # Once for the restored file, once for the journal of replacing the live one.
        _require_space(path.parent, 2 * raw_size, RestoreError)

    @contextmanager
    def dump(self) -> Iterator["_File"]:
        live = self._existing_path()
        try:
            with scratch_directory(Path(tempfile.gettempdir())) as folder:
                copy = folder / "dump.sqlite3"
                self._copy_out(live, copy)
                with copy.open("rb") as file:
                    yield _File(file)
        except OSError as error:
            raise DumpError(f"The database could not be copied: {error.strerror}.") from error

    @contextmanager
    def restore(self) -> Iterator["_Replacement"]:
        live = self._path()
        if live is None:
            raise RestoreError("The database lives in memory: there is no file to restore to.")
        self.connection.close()
        try:
            # Beside the live file: a missing one is then replaced by a plain rename.
            with scratch_directory(live.parent) as folder:
                replacement = _Replacement(self, live, folder / "restored.sqlite3")
                with closing(replacement):
                    yield replacement
        except OSError as error:
            raise RestoreError(
                f"The restored file could not be written: {error.strerror}."
            ) from error

    def timeout(self) -> float:
        """Return how long Django waits for a locked database, in seconds."""
        options = self.connection.settings_dict.get("OPTIONS") or {}
        return float(options.get("timeout", _DEFAULT_TIMEOUT))

    def open_copy(self, path: Path) -> sqlite3.Connection:
        """Open a private file with the functions that Django gives its connections.

        Indexes, generated columns and constraints made by Django may call them.
        Neither ``init_command`` nor ``connection_created`` may touch the file.
        """
        wrapper = self.connection.copy()
        options = dict(wrapper.settings_dict.get("OPTIONS") or {})
        options.pop("init_command", None)
        wrapper.settings_dict["OPTIONS"] = options
        wrapper.settings_dict["NAME"] = str(path)
        parameters = wrapper.get_connection_params()
        opened = cast(sqlite3.Connection, wrapper.get_new_connection(parameters))
        opened.isolation_level = None
        return opened

    def problems_of(self, path: Path) -> list[str]:
        """Return what ``PRAGMA integrity_check`` says of a private file's structure.

        Rows that break a constraint are the site's own business, not damage:
        a backup must hold them all the same.
        """
        try:
            with closing(self.open_copy(path)) as connection:
                connection.execute("PRAGMA ignore_check_constraints = 1")
                rows = connection.execute("PRAGMA integrity_check(10)").fetchall()
        except sqlite3.Error as error:
            return [str(error)]
        return [row[0] for row in rows if row[0] != "ok" and not row[0].startswith("NULL value in")]

    def _copy_out(self, live: Path, copy: Path) -> None:
        try:
            with (
                closing(_connect(live, self.timeout())) as source,
                closing(sqlite3.connect(copy, isolation_level=None)) as target,
            ):
                _copy_pages(source, target)
            with closing(self.open_copy(copy)) as target:
                # A dump is one file: it may not look for a write-ahead log.
                target.execute("PRAGMA journal_mode = DELETE").fetchone()
        except sqlite3.Error as error:
            if _is_busy(error):
                raise DumpError(
                    f"The database stayed locked for {self.timeout():g} seconds.",
                    hint="Run it again, or raise OPTIONS['timeout'] of this database.",
                ) from None
            raise DumpError(f"The database cannot be read: {error}.") from None
        if problems := self.problems_of(copy):
            raise DumpError(
                "The database is damaged: " + "; ".join(problems) + ".",
                hint="Restore an earlier backup, or see https://www.sqlite.org/recovery.html.",
            )

    def _existing_path(self) -> Path:
        path = self._path()
        if path is None or not path.is_file():
            raise DumpError(f"There is no database file {path}.")
        return path

    def _path(self) -> Path | None:
        """Return the database file, absolute; ``None`` for a database in memory."""
        name = os.fspath(self.connection.settings_dict["NAME"])
        if name == ":memory:" or "mode=memory" in name or name.startswith("file::memory:"):
            return None
        if name.startswith("file:"):
            name = unquote(urlsplit(name).path)
        return Path(name).absolute()


class _File:
    """A source of the relay: the private copy."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        return self._file.read(size)

    def finish(self) -> None:
        """The copy was checked before the first byte was read."""


class _Replacement:
    """A target of the relay: a private file that replaces the live database at once."""

    def __init__(self, client: SqliteClient, live: Path, path: Path) -> None:
        self._client = client
        self._live = live
        self._path = path
        self._file = path.open("xb")
        self.changed: bool | None = False

    def write(self, data: bytes) -> None:
        self._file.write(data)

    def close(self) -> None:
        self._file.close()

    def commit(self) -> None:
        self.close()
        if problems := self._client.problems_of(self._path):
            raise RestoreError("The backup holds a damaged database: " + "; ".join(problems) + ".")
        # From here on an interruption cannot tell on which side of the commit it came.
        self.changed = None
        try:
            self._replace()
        except sqlite3.Error as error:
            self.changed = False
            if _is_busy(error):
                raise RestoreError(
                    f"The live database stayed locked for {self._client.timeout():g} seconds.",
                    hint="Stop what writes to it, or raise OPTIONS['timeout'] of this database.",
                ) from None
            raise RestoreError(f"The live database cannot be replaced: {error}.") from None
        self.changed = True

    def _replace(self) -> None:
        if not self._live.exists():
            self._install()
        elif _is_no_database(self._live):
            self._set_damaged_aside()
            self._install()
        else:
            self._copy_in()

    def _copy_in(self) -> None:
        """Replace all pages in one transaction; other connections see it at once."""
        with closing(_connect(self._live, self._client.timeout())) as live:
            self._adopt_page_size(live)
            with closing(self._client.open_copy(self._path)) as restored:
                _copy_pages(restored, live)

    def _adopt_page_size(self, live: sqlite3.Connection) -> None:
        # The page size of a WAL database cannot change: https://www.sqlite.org/pragma.html
        if live.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            return
        size = live.execute("PRAGMA page_size").fetchone()[0]
        with closing(self._client.open_copy(self._path)) as restored:
            if restored.execute("PRAGMA page_size").fetchone()[0] != size:
                restored.execute(f"PRAGMA page_size = {int(size)}")
                restored.execute("VACUUM")

    def _install(self) -> None:
        """Put the restored file where there is none, with the usual rights."""
        umask = os.umask(0o077)
        os.umask(umask)
        self._path.chmod(0o666 & ~umask)
        with self._path.open("rb") as file:
            os.fsync(file.fileno())
        self._path.replace(self._live)

    def _set_damaged_aside(self) -> None:
        """Keep the damaged file under another name, and keep its log from the new one.

        A write-ahead log left in place would be replayed into the new database.
        """
        stamp = datetime.now(UTC).strftime("%Y%m%d%H%M%S")
        aside = f"{self._live}.damaged-{stamp}"
        self._live.with_name(Path(aside).name).hardlink_to(self._live)
        for sidecar in _SIDECARS:
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self._live}{sidecar}").rename(f"{aside}{sidecar}")


def _connect(path: Path, timeout: float) -> sqlite3.Connection:
    """Open an existing database file; never make one."""
    return sqlite3.connect(
        f"{path.as_uri()}?mode=rw", uri=True, timeout=timeout, isolation_level=None
    )


def _copy_pages(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Copy all pages in one step, waiting for locks as long as either connection would."""

    def give_up_when_locked(status: int, remaining: int, total: int) -> None:
        # Python would try again for ever; SQLite has waited for the timeout by now.
        if status in _BUSY:
            raise _locked()

    source.backup(target, pages=-1, progress=give_up_when_locked)


def _locked() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return error


def _is_busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY


def _is_no_database(path: Path) -> bool:
    """Tell whether SQLite does not take the file for a database at all."""
    try:
        with closing(_connect(path, 0)) as connection:
            connection.execute("PRAGMA schema_version").fetchone()
    except sqlite3.Error as error:
        return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_NOTADB
    return False


def _require_space(folder: Path, size: int, error: type[DumpError] | type[RestoreError]) -> None:
    free = shutil.disk_usage(folder).free
    if free < size:
        raise error(
            f"{folder} has {free:,} bytes free, {size:,} are needed.",
            hint=f"Make room there ({os.strerror(errno.ENOSPC).lower()} otherwise).",
        )
