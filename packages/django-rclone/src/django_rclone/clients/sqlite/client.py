"""SQLite, through its own online backup API: https://www.sqlite.org/backup.html.

No program is needed, and no SQL text is made or run.
"""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import IO, ClassVar, cast
from urllib.parse import unquote, urlsplit

from ...backups.manifest import Manifest
from ...exceptions import DumpError, RestoreError
from ...scratch import scratch_directory
from ..base import DatabaseClient, Versions
from .files import connect, copy_pages, is_busy, problems_of
from .restore import Replacement

_DEFAULT_TIMEOUT = 5.0  # seconds; that of sqlite3.connect(), which Django keeps


class SqliteClient(DatabaseClient):
    """Dumps are copies of the database file, consistent and self-contained."""

    vendor = "sqlite"
    format: ClassVar[str] = "sqlite3"
    begins: ClassVar[tuple[bytes, ...]] = (b"SQLite format 3\0",)
    extension: ClassVar[str] = "sqlite3"

    def versions(self) -> Versions:
        version = sqlite3.sqlite_version
        return Versions(tool="sqlite3", tool_version=version, server_version=version)

    def describe_target(self) -> str:
        return str(self._path())

    def check_dump(self) -> None:
        try:
            self._check_dump()
        except OSError as error:
            raise DumpError(f"The database file cannot be reached: {error}.") from error

    def check_restore(self, manifest: Manifest | None) -> None:
        try:
            self._check_restore(manifest)
        except OSError as error:
            raise RestoreError(f"The database file cannot be reached: {error}.") from error

    @contextmanager
    def dump(self) -> Iterator["_File"]:
        live = self._existing_path()
        with ExitStack() as stack:
            try:
                temporary = Path(tempfile.gettempdir())
                copy = stack.enter_context(scratch_directory(temporary)) / "dump.sqlite3"
                self._copy_out(live, copy)
                file = stack.enter_context(copy.open("rb"))
            except OSError as error:
                raise DumpError(f"The database could not be copied: {error}.") from error
            yield _File(file)

    @contextmanager
    def restore(self) -> Iterator[Replacement]:
        live = self._path()
        if live is None:
            raise RestoreError("The database lives in memory: there is no file to restore to.")
        self.connection.close()
        with ExitStack() as stack:
            try:
                # Beside the live file: a missing one is then replaced by a plain rename.
                folder = stack.enter_context(scratch_directory(live.parent))
                replacement = Replacement(
                    live, folder / "restored.sqlite3", self._open_copy, self._timeout()
                )
            except OSError as error:
                raise RestoreError(f"Nothing can be written beside {live}: {error}.") from error
            yield stack.enter_context(closing(replacement))

    def _check_dump(self) -> None:
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

    def _check_restore(self, manifest: Manifest | None) -> None:
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

    def _timeout(self) -> float:
        """Return how long Django waits for a locked database, in seconds."""
        options = self.connection.settings_dict.get("OPTIONS") or {}
        return float(options.get("timeout", _DEFAULT_TIMEOUT))

    def _open_copy(self, path: Path) -> sqlite3.Connection:
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

    def _copy_out(self, live: Path, copy: Path) -> None:
        try:
            with (
                closing(connect(live, self._timeout())) as source,
                closing(sqlite3.connect(copy, isolation_level=None)) as target,
            ):
                copy_pages(source, target)
            with closing(self._open_copy(copy)) as target:
                # A dump is one file: it may not look for a write-ahead log.
                target.execute("PRAGMA journal_mode = DELETE").fetchone()
                problems = problems_of(target)
        except sqlite3.Error as error:
            if is_busy(error):
                raise DumpError(
                    f"The database stayed locked for {self._timeout():g} seconds.",
                    hint="Run it again, or raise OPTIONS['timeout'] of this database.",
                ) from None
            raise DumpError(f"The database cannot be read: {error}.") from None
        if problems:
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
        # A link is followed, so that what it points to is replaced, and not the link.
        return Path(name).resolve()


class _File:
    """A source of the relay: the private copy."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        return self._file.read(size)

    def finish(self) -> None:
        """The copy was checked before the first byte was read."""


def _require_space(folder: Path, size: int, error: type[DumpError] | type[RestoreError]) -> None:
    free = shutil.disk_usage(folder).free
    if free < size:
        raise error(
            f"{folder} has {free:,} bytes free, {size:,} are needed.", hint="Make room there."
        )
