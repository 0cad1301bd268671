"""SQLite, through its own online backup API: https://www.sqlite.org/backup.html.

No program is needed, and no SQL text is written; only that of other tools is run.
"""

import os
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import IO, ClassVar

from django.db.backends.base.base import BaseDatabaseWrapper

from ...backups.inventory import Inventory
from ...backups.manifest import Manifest
from ...conf.client_options import size_option
from ...conf.places import file_of
from ...exceptions import ClientError
from ...processes import StallTimeout
from ...scratch import scratch_directory
from ..base import DatabaseClient, Versions
from .checking import FULL, QUICK, integrity_of, open_as_site, uncheckable
from .copying import copy_out
from .files import closing_live, connect, is_busy, require_space
from .foreign_keys import broken_foreign_keys
from .kinds import inventory_of
from .loading import recognized
from .restore import FileRestore
from .salvage import FileSalvage

_FULL_CHECK_LIMIT = 64 << 20  # bytes; they take half a second
_DEFAULT_TIMEOUT = 5.0  # seconds; that of sqlite3.connect(), which Django keeps


class SqliteClient(DatabaseClient):
    """Dumps are copies of the database file, consistent and self-contained."""

    vendor = "sqlite"
    format: ClassVar[str] = "sqlite3"
    magic: ClassVar[tuple[bytes, ...]] = (b"SQLite format 3\0",)
    recognize = staticmethod(recognized)
    extension: ClassVar[str] = "sqlite3"

    def __init__(
        self, connection: BaseDatabaseWrapper, *, full_check_limit: int | None = _FULL_CHECK_LIMIT
    ) -> None:
        """Files of up to ``full_check_limit`` bytes are checked in full; ``None``: all files."""
        super().__init__(connection)
        self._full_check_limit = size_option("full_check_limit", full_check_limit)
        self._dumped: Path | None = None

    def versions(self) -> Versions:
        version = sqlite3.sqlite_version
        return Versions(tool="sqlite3", tool_version=version, server_version=version)

    def describe_target(self) -> str:
        return str(file_of(self.connection.settings_dict["NAME"]))

    def check_dump(self) -> None:
        path = self._require_file()
        with _translated_errors("Cannot access the database file"):
            if not os.access(path, os.R_OK):
                raise ClientError(f"The database file {path} cannot be read by this user.")
            size = path.stat().st_size
            if size == 0:
                raise ClientError(
                    f"The database file {path} is empty: there is nothing to back up."
                )
            require_space(Path(tempfile.gettempdir()), size)

    def check_restore(self, manifest: Manifest | None) -> None:
        path = self._require_path()
        with _translated_errors("Cannot access the database file"):
            if path.exists() and not path.is_file():
                raise ClientError(f"{path} is not a file.")
            if not path.parent.is_dir():
                raise ClientError(f"There is no folder {path.parent}.", hint="Create it first.")
            files = [path.parent, *([path] if path.exists() else [])]
            if not all(os.access(file, os.W_OK) for file in files):
                raise ClientError(f"{path} cannot be written by this user.")
            raw_size = (manifest.raw_size if manifest else None) or 0
            # Once for the restored file, once for the journal of replacing the live one.
            require_space(path.parent, 2 * raw_size)

    def nothing_to_lose(self) -> str:
        path = self._require_path()
        with suppress(OSError, sqlite3.Error):  # it is damaged: there may be something
            if not path.exists() or not path.stat().st_size:
                return "there is none"
            with closing_live(connect(path, self._timeout())) as live:
                if not live.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    return "it is empty"
        return ""

    def dump_warnings(self) -> Sequence[str]:
        try:
            file = self._require_file()
            with closing_live(open_as_site(self.connection, file)) as live:
                unchecked = uncheckable(live, self._check_of(file))
        except (OSError, sqlite3.Error):
            return ()  # dump() says why
        return tuple(
            f"The check for damage leaves out {one}. Register it in a receiver of connection_created "
            "that manage.py imports, too."
            for one in unchecked
        )

    @contextmanager
    def dump(self, *, stall_timeout: StallTimeout | None) -> Iterator["_File"]:
        live = self._require_file()
        with ExitStack() as stack:
            with _translated_errors("Cannot copy the database"):
                temporary = Path(tempfile.gettempdir())
                copy = stack.enter_context(scratch_directory(temporary)) / "dump.sqlite3"
                self._copy_out(live, copy)
                file = stack.enter_context(copy.open("rb"))
            self._dumped = copy
            yield _File(file)

    def dump_inventory(self) -> Inventory | None:
        if self._dumped is None:
            return None
        with _translated_errors("Cannot read the copy of the database"):
            return inventory_of(self._dumped)

    @contextmanager
    def restore(self, expected: Inventory | None = None) -> Iterator[FileRestore]:
        live = self._require_path()
        self.connection.close()
        with ExitStack() as stack:
            with _translated_errors(f"Cannot write to the folder of {live}"):
                # In the same folder: where there is no live file, a rename puts it in place.
                folder = stack.enter_context(scratch_directory(live.parent))
                path = folder / "restored.sqlite3"
                # With an inventory, its bytes are proven to be those that were checked when they
                # were backed up.
                check = expected is None
                target = FileRestore(
                    self.connection, live, path, self._timeout(), expected, check=check
                )
            yield stack.enter_context(closing(target))

    @contextmanager
    def rehearse(self, expected: Inventory | None = None) -> Iterator[FileRestore]:
        with ExitStack() as stack:
            with _translated_errors("Cannot write to the temporary folder"):
                folder = stack.enter_context(scratch_directory(Path(tempfile.gettempdir())))
                # No live file: a rehearsal is not made to fit one.
                live, path = folder / "live.sqlite3", folder / "rehearsed.sqlite3"
                target = FileRestore(
                    self.connection, live, path, self._timeout(), expected, check=True
                )
            yield stack.enter_context(closing(target))

    def rehearsal_problem(self) -> str:
        return ""

    def broken_foreign_keys(self, connection: BaseDatabaseWrapper) -> Sequence[str]:
        return broken_foreign_keys(connection)

    @contextmanager
    def salvage(self, expected: Inventory | None = None) -> Iterator[FileSalvage]:
        live = self._require_path()
        with ExitStack() as stack:
            with _translated_errors(f"Cannot write to the folder of {live}"):
                folder = stack.enter_context(scratch_directory(live.parent))
                path = folder / "salvaged.sqlite3"
                target = FileSalvage(self.connection, live, path, expected)
            yield stack.enter_context(closing(target))

    def _timeout(self) -> float:
        """Return how long Django waits for a locked database, in seconds."""
        options = self.connection.settings_dict.get("OPTIONS") or {}
        return float(options.get("timeout", _DEFAULT_TIMEOUT))

    def _copy_out(self, live: Path, copy: Path) -> None:
        try:
            copy_out(live, copy, self._timeout())
            with closing(connect(copy, 0)) as opened:
                # A dump is one file: it must not refer to a write-ahead log.
                opened.execute("PRAGMA journal_mode = DELETE").fetchone()
            self.damage_check = self._check_of(copy)
            with closing(open_as_site(self.connection, copy)) as opened:
                findings = integrity_of(opened, self.damage_check)
        except sqlite3.Error as error:
            if is_busy(error):
                raise ClientError(
                    f"The database stayed locked for {self._timeout():g} seconds.",
                    hint="Run it again, or raise OPTIONS['timeout'] of this database.",
                ) from None
            raise ClientError(f"The database cannot be read: {error}.") from None
        if problems := findings.problems:
            raise ClientError(
                f"The database is damaged: {'; '.join(problems)}.", hint=findings.way_out
            )

    def _check_of(self, file: Path) -> str:
        limit = self._full_check_limit
        return FULL if limit is None or file.stat().st_size <= limit else QUICK

    def _require_file(self) -> Path:
        path = self._require_path()
        if not path.is_file():
            raise ClientError(
                f"There is no database file {path}.",
                hint="Correct NAME of this database, or run `manage.py migrate` first.",
            )
        return path

    def _require_path(self) -> Path:
        path = file_of(self.connection.settings_dict["NAME"])
        if path is None:
            raise ClientError("The database is in memory: it has no file.")
        return path


class _File:
    """A source of the relay: the private copy."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        return self._file.read(size)

    def finish(self) -> None:
        """The copy was checked before the first byte was read."""


@contextmanager
def _translated_errors(problem: str) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise ClientError(f"{problem}: {error}.") from error
