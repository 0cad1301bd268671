"""rclone: what we ask of the remote, with the commands and flags that ask it.

Exit codes and flags are those of https://rclone.org/docs/.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from ..conf import Settings
from ..exceptions import RcloneError
from ..interrupts import sleep
from ..processes import Process, run
from . import output
from .binary import RcloneBinary
from .log import TransferStats
from .output import FolderSize, RemoteObject

NOT_FOUND = (3, 4)
"""The exit codes for a folder and for a file that is not there."""

_SMALL = 1 << 20  # bytes; no manifest of ours comes near

# rclone's own ten tries are squared on S3: it would be silent for many minutes.
_FEW_TRIES = "--low-level-retries=3"
_BACKOFF_SECONDS = (
    1.0  # seconds before the second try of a small request; then three times as long, each
)

_Answer = TypeVar("_Answer")

logger = logging.getLogger(__name__)


class Upload:
    """rclone storing one new object: a target of the relay."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.complete = False
        """Whether rclone saw the end of the stream and stored all of it."""

    def write(self, data: bytes) -> None:
        """Store more."""
        self._process.write(data)

    def commit(self) -> None:
        """Let rclone see the end, which it takes for success, and wait until all is stored."""
        self._process.finish()
        self.complete = True


class Remote:
    """The remote, through rclone. All paths are relative to it.

    Every method raises ``RcloneError`` when rclone fails, with its own last words.
    Small requests are tried again after what may pass, ``RETRIES`` times; dumps
    are not, and ``sync`` has retries of its own.
    """

    def __init__(self, settings: Settings) -> None:
        self._binary = RcloneBinary(settings)
        self._remote = settings.remote
        self._retries = settings.retries

    def address(self, path: str) -> str:
        """Return what rclone calls ``path``."""
        joint = "" if self._remote.endswith((":", "/")) else "/"
        return f"{self._remote}{joint}{path}"

    @property
    def version(self) -> tuple[int, ...]:
        """The version of rclone, such as ``(1, 75, 2)``."""
        return self._binary.version

    def require_supported(self) -> None:
        """Raise ``RcloneError`` for an rclone that is too old."""
        self._binary.require_supported()

    @contextmanager
    def upload(self, path: str, *, progress: Callable[[int], None]) -> Iterator[Upload]:
        """Stream a new object to ``path``. Unless it is complete, nothing stays there.

        ``progress`` is told the bytes on their way, from another thread: rclone
        knows them better than we do, since it reads ahead.
        """
        complete = False
        try:
            with self._binary.process(
                "rcat", self.address(path), stats=TransferStats(progress)
            ) as process:
                upload = Upload(process)
                yield upload
                complete = upload.complete
        finally:
            if not complete:
                self.try_delete(path)

    def download(self, path: str) -> Process:
        """Return the process that streams the object at ``path``, yet to be started."""
        return self._binary.process("cat", self.address(path))

    def write(self, path: str, data: bytes) -> None:
        """Store a small object."""
        self._run("rcat", self.address(path), data=data)

    def read(self, path: str) -> bytes | None:
        """Return a small object, or ``None`` if there is none (or an empty one).

        Of a large one only the beginning is read.
        """
        flags = (f"--count={_SMALL}",)
        return (
            _ask_twice_if_empty(
                lambda: self._run_unless_missing("cat", self.address(path), flags=flags)
            )
            or None
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
        return _ask_twice_if_empty(lambda: self._list(folder))

    def _list(self, folder: str) -> Sequence[RemoteObject]:
        # Asking for times costs a request per object on S3.
        flags = ("--files-only", "--no-modtime", "--no-mimetype")
        data = self._run_unless_missing("lsjson", _folder(self.address(folder)), flags=flags)
        return [] if data is None else output.objects(folder, data)

    def size(self, path: str) -> int | None:
        """Return the bytes stored at ``path``, or ``None`` if nothing is."""
        return _ask_twice_if_empty(lambda: self._size(path))

    def exists(self, path: str) -> bool:
        """Return whether something is stored at ``path``, a name that nobody else chooses: asked once."""
        return self._size(path) is not None

    def _size(self, path: str) -> int | None:
        flags = ("--stat", "--files-only", "--no-modtime", "--no-mimetype")
        data = self._run_unless_missing("lsjson", self.address(path), flags=flags)
        return output.size_of(data or b"null")

    def delete(self, path: str, *, retries: int | None = None) -> None:
        """Delete one object; having none is fine."""
        flags = ("--retries=1",)
        self._run_unless_missing("deletefile", self.address(path), flags=flags, retries=retries)

    def try_delete(self, path: str) -> bool:
        """Delete what an unsuccessful run stored, and tell whether it is gone. Failing is logged."""
        try:
            # Whatever made the run fail would make each further try fail as well.
            self.delete(path, retries=0)
        except RcloneError as error:
            # Without a manifest it is no backup; a later clean-up takes it away.
            logger.warning("%s could not be removed from the remote: %s", path, error.message)
            return False
        return True

    def folder_size(self, place: str, *, follow_links: bool = False) -> FolderSize | None:
        """Count the files below ``place`` (a folder, or a full rclone address)."""
        found = self._folder_size(place, follow_links)
        return found if found and found.count else self._folder_size(place, follow_links)

    def _folder_size(self, place: str, follow_links: bool) -> FolderSize | None:
        flags = ("--json", *(("--copy-links",) if follow_links else ()))
        data = self._run_unless_missing("size", _folder(place), flags=flags)
        return None if data is None else output.folder_size(data)

    def hashes(self, place: str) -> frozenset[str]:
        """Return the names of the hashes that the storage at ``place`` knows."""
        return output.hashes(self._run("backend", "features", place))

    def count_deletions(self, source: str, destination: str, *, follow_links: bool) -> int:
        """Return how many files ``sync`` would delete at the destination."""
        stats = TransferStats()
        flags = ("--dry-run", "--size-only", *_sync_flags(follow_links))
        places = (_folder(source), _folder(destination))
        run(self._binary.process("sync", *places, flags=flags, stats=stats))
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
        stats = TransferStats(progress)
        flags = (
            *_sync_flags(follow_links),
            *(() if max_delete is None else (f"--max-delete={max_delete}",)),
            *(("--checksum",) if by_hash else ()),
        )
        places = (_folder(source), _folder(destination))
        run(self._binary.process("sync", *places, flags=flags, stats=stats))
        return stats.bytes

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
        for attempts_left in range(retries, -1, -1):
            try:
                return run(
                    self._binary.process(
                        verb, *operands, overridable_flags=[_FEW_TRIES], flags=flags
                    ),
                    data,
                )
            except RcloneError as error:
                if not attempts_left or not error.transient:
                    raise
                logger.info("%s Trying again.", error.message)
            sleep(_BACKOFF_SECONDS * 3 ** (retries - attempts_left))
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


def _folder(place: str) -> str:
    """Tell rclone that a place is a folder.

    It would ask S3 whether it is a file, and take a question that failed for a yes:
    the file is not found then, and the folder is empty.
    """
    return place if place.endswith((":", "/")) else f"{place}/"


def _ask_twice_if_empty(ask: Callable[[], _Answer]) -> _Answer:
    """Ask again where nothing was found: remotes that wrap another do ask it about a file."""
    return ask() or ask()


def _sync_flags(follow_links: bool) -> tuple[str, ...]:
    flags = ("--create-empty-src-dirs",)
    return (*flags, "--copy-links") if follow_links else flags
