"""Trying a remote: one small object is written, listed, read back and deleted, by the same
requests as those of a backup.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import median

from ...backups.retention import CLOCK_TOLERANCE
from ...backups.wording import duration
from ...conf import Settings
from ...exceptions import DjangoRcloneError, InvalidSettings, RcloneError
from ...rclone import Remote, session
from ..places import require_backups_apart
from .findings import Finding, State, failed, ok, warning

PREFIX = "trial-of-backupsetup-"
"""How the name of the object begins. No backup has such a name, and no restore picks it."""

_RETRIES = 1  # whoever waits for it wants to know soon
_BYTES = 1_000
_REQUESTS = 3  # whose times are taken
_SLOW = 1.0  # seconds
_DELETE = (
    "Credentials that cannot delete are enough for backups without --clean, and the safest: let "
    "the storage expire old ones. Otherwise grant this right."
)
_VERSIONS = (
    "Turn on versioning, or object lock, where the credentials here cannot turn it off: what is "
    "deleted or replaced can then be recovered."
)


def try_remote(settings: Settings) -> Iterator[Finding]:
    """Yield what is found of each step, as it is found. Nothing is left on the remote, if it may
    be deleted.
    """
    try:
        remote = Remote(replace(settings, retries=min(_RETRIES, settings.retries)))
    except (DjangoRcloneError, InvalidSettings) as error:
        yield of_error("rclone", error)
        return
    with session():
        yield from _Trial(remote, settings).steps()


def try_proposed(settings: Settings) -> Iterator[Finding]:
    """Yield the same for settings that are not in use yet, unless the place is none for backups."""
    try:
        require_backups_apart(settings)
    except (RcloneError, InvalidSettings) as error:
        yield of_error("places", error)
    else:
        yield from try_remote(settings)


def of_error(step: str, error: DjangoRcloneError | InvalidSettings) -> Finding:
    """Return the finding of a step that raised ``error``."""
    if isinstance(error, InvalidSettings):
        where = f"{error.key} " if error.key else ""
        return failed(step, f"{where}{error.problem}.", error.hint)
    return failed(step, error.message, error.hint)


class _Trial:
    def __init__(self, remote: Remote, settings: Settings) -> None:
        self._remote = remote
        self._folder = settings.db_backup_dir
        self._path = f"{self._folder}/{PREFIX}{secrets.token_hex(8)}"
        self._data = secrets.token_bytes(_BYTES)
        self._is_gone = False

    def steps(self) -> Iterator[Finding]:
        reached = self._done("reach", self._reach)
        yield reached
        if reached.state is State.FAILED:
            return
        try:
            written = self._done("write", self._write)
            yield written
            if written.state is State.FAILED:
                return
            yield self._done("list", self._list)
            yield self._done("read", self._read)
            yield self._done("delay", self._delay)
            yield from self._traits()
            yield self._delete()
        finally:
            if not self._is_gone:
                # It may be there after all, or the caller has enough.
                self._remote.try_delete(self._path)

    def _done(self, step: str, attempt: Callable[[], str]) -> Finding:
        try:
            return ok(step, attempt())
        except (DjangoRcloneError, InvalidSettings) as error:
            return of_error(step, error)

    def _reach(self) -> str:
        self._remote.require_supported()
        self._remote.require_reachable(self._path)
        return "The storage answers, and accepts the credentials."

    def _write(self) -> str:
        self._remote.write(self._path, self._data)
        return f"An object of {_BYTES:,} bytes was stored."

    def _list(self) -> str:
        sizes = {item.path: item.size for item in self._remote.list(self._folder)}
        if sizes.get(self._path) != _BYTES:
            raise RcloneError(
                "What was stored is not in the listing of its folder, or with another size.",
                hint="A storage that lists objects late, or by other names, cannot be used.",
            )
        return "It is in the listing of its folder, with its size."

    def _read(self) -> str:
        if self._remote.read(self._path) != self._data:
            raise RcloneError(
                "What was read back is not what was written.",
                hint="Something on the way changes data: choose another storage.",
            )
        return "It was read back, byte by byte the same."

    def _delay(self) -> str:
        times = []
        for _ in range(_REQUESTS):
            started = time.monotonic()
            self._remote.size(self._path)
            times.append(time.monotonic() - started)
        usual = median(times)
        slow = ": media backups of many files will take long" if usual > _SLOW else ""
        return f"A small request takes {1000 * usual:,.0f} ms{slow}."

    def _traits(self) -> Iterator[Finding]:
        try:
            yield _way_up(streams=self._remote.takes_streams())
            found = self._remote.traits(self._path)
        except RcloneError as error:
            yield of_error("traits", error)
            return
        if found.stored_at:
            yield _clock(found.stored_at - datetime.now(UTC))
        if found.lock:
            yield ok("versions", f"Objects are locked ({found.lock.lower()} mode).")
        elif found.versioning == "Enabled":
            yield ok("versions", "The bucket keeps versions of what is deleted or replaced.")
        elif found.versioning:
            yield warning("versions", "The bucket keeps no versions.", _VERSIONS)

    def _delete(self) -> Finding:
        try:
            self._remote.delete(self._path)
            self._is_gone = self._remote.size(self._path) is None
            if self._is_gone:
                return ok("delete", "It was deleted again.")
        except RcloneError as error:
            left = f"{self._path} stays there."
            return warning("delete", f"{error.message} {left}", _DELETE)
        said = f"{self._path} is still there after it was deleted."
        return failed("delete", said, "A storage that deletes late, or not at all, cannot be used.")


def _clock(difference: timedelta) -> Finding:
    apart = abs(difference)
    if apart <= CLOCK_TOLERANCE:
        return ok("clock", "The clock of the storage and of this machine agree.")
    return failed(
        "clock",
        f"The clock of the storage and of this machine are {duration(apart)} apart.",
        "Let this machine get its time from the network (NTP).",
    )


def _way_up(*, streams: bool) -> Finding:
    if streams:
        return ok("upload", "Dumps are streamed, without a file on this machine.")
    return warning(
        "upload",
        "This storage takes no streams: rclone keeps each dump in the temporary folder first, as "
        "it is before any encryption.",
        "Let TMPDIR be a private folder on a disk with room for the largest dump, not in memory.",
    )
