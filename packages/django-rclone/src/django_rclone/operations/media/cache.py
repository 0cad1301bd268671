"""What this host remembers of the files of a source: the last run, and what it has stored.

It saves reading files that have not changed, and the index of the last run. It may be lost
at any time: then both are read again.
"""

import contextlib
import hashlib
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from ...backups import Backup
from ...conf import Settings
from ...exceptions import MediaGuardError
from .workset import WorkSet

_VERSION = 2
_SCHEMA = """
DROP TABLE IF EXISTS cache.files;
DROP TABLE IF EXISTS cache.last;
CREATE TABLE cache.files (
    path BLOB PRIMARY KEY, kind TEXT NOT NULL, size INTEGER NOT NULL, modified INTEGER NOT NULL,
    changed INTEGER NOT NULL, inode INTEGER NOT NULL, mode INTEGER NOT NULL, target BLOB NOT NULL,
    reason TEXT NOT NULL, sha256 BLOB NOT NULL, settled INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE cache.last (path TEXT NOT NULL, sha256 TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS cache.sending (
    sha256 BLOB PRIMARY KEY, confirmed INTEGER NOT NULL
) WITHOUT ROWID;
"""
# Nanoseconds. A file that changed so shortly before it was read could change again with no
# other time: two seconds are what the clocks of some file systems distinguish.
_SETTLED = 2_000_000_000

_COLUMNS = "path, kind, size, modified, changed, inode, mode, target, reason"
_SAME = """files.path = found.path AND files.size = found.size
    AND files.modified = found.modified AND files.changed = found.changed
    AND files.inode = found.inode
    AND files.kind = 'file' AND files.settled AND length(files.sha256) = 32"""


class Cache:
    """The memory of one source and remote, attached to the facts of a run.

    Nothing here raises: without a file that can be used, nothing is remembered.
    """

    def __init__(self, work: WorkSet, path: Path | None) -> None:
        self._work = work
        self._started = time.time_ns()
        self._usable = path is not None and self._attached(path)

    def _attached(self, path: Path) -> bool:
        for _ in range(2):
            try:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._work.run("ATTACH ? AS cache", (str(path),))
                if self._work.number("PRAGMA cache.user_version") != _VERSION:
                    self._work.run("PRAGMA cache.page_size = 16384")
                    self._work.connection.executescript(_SCHEMA)
                    self._work.run(f"PRAGMA cache.user_version = {_VERSION}")
                self._work.run("PRAGMA cache.journal_mode = WAL")
                # What is lost in a power cut is read again; nothing becomes wrong.
                self._work.run("PRAGMA cache.synchronous = NORMAL")
                self._work.run("SELECT 1 FROM cache.files, cache.last, cache.sending LIMIT 1")
            except sqlite3.OperationalError:
                return False
            except sqlite3.DatabaseError:
                # It is damaged, or no database.
                with contextlib.suppress(sqlite3.Error):
                    self._work.run("DETACH cache")
                with contextlib.suppress(OSError):
                    path.unlink()
            except OSError:
                return False
            else:
                return True
        return False

    def recall_hashes(self) -> None:
        """Fill in the hashes of the files found that have not changed since they were read."""
        if not self._usable:
            return
        with contextlib.suppress(sqlite3.Error):
            self._work.run(
                f"UPDATE found SET sha256 = (SELECT sha256 FROM cache.files AS files WHERE {_SAME})"
                " WHERE kind = 'file' AND sha256 IS NULL"
            )

    def recall_run(self, run: Backup) -> bool:
        """Add the entries of a run to the facts if it is the last one that this host made.

        Return whether it is.
        """
        if not self._usable or run.manifest is None:
            return False
        with contextlib.suppress(sqlite3.Error):
            if self._work.rows("SELECT path, sha256 FROM cache.last") == [_named(run)]:
                self._work.run(
                    "INSERT INTO run (path, kind, size, modified, mode, sha256, target, reason)"
                    " SELECT path, kind, size, modified, mode, sha256, target, reason"
                    " FROM cache.files"
                )
                return True
        self._work.run("DELETE FROM run")
        return False

    def distrust_stored(self) -> None:
        """Forget what is stored unless the run that was read has it, or this host confirmed it.

        A run that was killed may have stored a file while it changed.
        """
        doubtful = "sha256 NOT IN (SELECT sha256 FROM run)"
        if self._usable:
            noted = "SELECT NOT confirmed FROM cache.sending WHERE sha256 = stored.sha256"
            doubtful = f"ifnull(({noted}), {doubtful})"
        self._work.run(f"DELETE FROM stored WHERE {doubtful}")

    def begin(self, hashes: Iterable[bytes]) -> None:
        """Remember that content is about to be stored: it is not to be trusted until confirmed."""
        self._note(hashes, confirmed=False)

    def confirm(self, hashes: Iterable[bytes]) -> None:
        """Remember that content was stored, and had not changed until then."""
        self._note(hashes, confirmed=True)

    def _note(self, hashes: Iterable[bytes], *, confirmed: bool) -> None:
        if self._usable:
            with contextlib.suppress(sqlite3.Error), self._work.together():
                self._work.connection.executemany(
                    "INSERT OR REPLACE INTO cache.sending VALUES (?, ?)",
                    ((sha256, confirmed) for sha256 in hashes),
                )

    def remember(self, run: Backup) -> None:
        """Remember what was found as the last run, and nothing else."""
        if not self._usable:
            return
        # Some remotes know no times.
        settled = "(modified != 0 AND max(changed, modified) < :settled)"
        same = " AND ".join(f"files.{column} = found.{column}" for column in _COLUMNS.split(", "))
        with contextlib.suppress(sqlite3.Error), self._work.together():
            self._work.run(
                f"INSERT OR REPLACE INTO cache.files SELECT {_COLUMNS},"
                f" coalesce(sha256, x''), {settled} FROM found WHERE NOT EXISTS ("
                f"SELECT 1 FROM cache.files AS files WHERE {same}"
                f" AND files.sha256 = coalesce(found.sha256, x'') AND files.settled = {settled})",
                {"settled": self._started - _SETTLED},
            )
            count = "SELECT count(*) FROM"
            if self._work.number(f"{count} cache.files") > self._work.number(f"{count} found"):
                gone = "path NOT IN (SELECT path FROM found)"
                self._work.run(f"DELETE FROM cache.files WHERE {gone}")
            self._work.run("DELETE FROM cache.last")
            self._work.run("INSERT INTO cache.last VALUES (?, ?)", _named(run))


def _named(run: Backup) -> tuple[str, str]:
    assert run.manifest
    return run.path, run.manifest.sha256 or ""


def cache_path(settings: Settings, place: str) -> Path | None:
    """Return where what is known of the source at ``place`` is remembered, if anywhere."""
    folder = settings.media_cache_dir or _cache_folder()
    if folder is None:
        return None
    key = "\0".join((settings.remote, settings.media_backup_dir, place))
    digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
    return Path(folder) / f"media-{digest[:32]}.sqlite3"


def temporary_folder(settings: Settings) -> Path:
    """Return where temporary files can be made, such as links to what is sent.

    In a container that can write nowhere else it is the folder of the cache. Raises
    ``MediaGuardError`` if there is none at all.
    """
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        folder = settings.media_cache_dir or _cache_folder()
        with contextlib.suppress(OSError):
            if folder is not None:
                Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
                return Path(folder)
        raise MediaGuardError(
            f"{error.strerror}.", hint="Set TMPDIR to a folder that can be written."
        ) from None


def _cache_folder() -> str | None:
    home = Path(os.environ.get("XDG_CACHE_HOME") or "")
    if not home.is_absolute():
        try:
            home = Path.home() / ".cache"
        except RuntimeError:
            return None
    return str(home / "django-rclone")
