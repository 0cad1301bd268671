"""Many objects at once: listing, copying and deleting them, by a run of rclone for each batch.

Flags are those of https://rclone.org/commands/rclone_copy/ and
https://rclone.org/filtering/#files-from-raw, the ones for links those of
https://rclone.org/local/.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ..conf import Settings
from ..exceptions import RcloneError
from ..processes import StallTimeout, run
from . import small_batches
from .binary import RcloneBinary
from .copies import NAMED, Copied, Copy, lines_of
from .decoding import json_object
from .listing import lines
from .log import TransferStats
from .parallel import FILES, SMALL_OBJECTS
from .requests import as_folder
from .sessions import running, session

_COPY = (
    # What is there is not asked for: whoever copies knows that it is missing.
    "--no-check-dest",
    # A retry would send everything again.
    "--retries=1",
    "--no-update-dir-modtime",
    "--ignore-errors=false",
    "--error-on-no-transfer=false",
    "--use-server-modtime",
)
Progress = Callable[[int, int], None]
_LIST = ("--recursive", "--files-only", "--checkers=32")


@dataclass(frozen=True, slots=True)
class Listed:
    """One file of a listing."""

    path: str
    size: int
    modified: str
    """As rclone writes it; empty if the storage knows no times."""


class Copying:
    """Copies between folders and remotes. Places are full addresses."""

    def __init__(self, settings: Settings) -> None:
        self._binary = RcloneBinary(settings)

    @property
    def stall_timeout(self) -> StallTimeout | None:
        """How long a program may make no progress."""
        return self._binary.stall_timeout

    def copy(
        self,
        source: str,
        destination: str,
        *,
        names: Sequence[str] | None = None,
        into_scratch: bool = False,
        small: bool = False,
    ) -> Copied:
        """Copy a folder with the files that its links point to, or only ``names`` in it.

        ``into_scratch`` is whether the caller compares what arrives with hashes: then files need
        not be renamed when they are whole, and rclone need not compute hashes of its own.
        ``small`` is whether the files are known to be, as ``are_small()`` says: of small objects,
        more are copied at once.

        What is there already is replaced. Names that are missing in the source are left out
        without a word. Only the start of rclone itself raises ``RcloneError``.
        """
        with self.begin(
            source, destination, names=names, into_scratch=into_scratch, small=small
        ) as copy:
            return copy.finish()

    def copy_little(self, source: str, destination: str, *, progress: Progress) -> Copied | None:
        """Copy a folder that has so little that to start an rclone takes longer.

        The one that takes requests does it, unless it would have to obey flags of the user.
        Returns ``None`` if not all has arrived: ``copy()`` says why, and at which files.
        """
        if self._binary.flags:
            return None
        hashes = self._wants_hashes(source, destination, into_scratch=False)
        at_once = SMALL_OBJECTS if self._has_objects(destination) else FILES
        try:
            with session():
                daemon = running(self._binary)
                if small_batches.copied(
                    daemon, source, destination, progress, hashes=hashes, at_once=at_once
                ):
                    return Copied()
        except RcloneError as error:
            return Copied({}, error)
        return None

    def begin(
        self,
        source: str,
        destination: str,
        *,
        names: Sequence[str] | None = None,
        progress: Progress = lambda size, files: None,
        into_scratch: bool = False,
        listed_after: bool = False,
        small: bool = False,
    ) -> Copy:
        """Return a copy as ``copy()`` makes it, yet to be started by entering it.

        ``listed_after`` is whether the caller lists what has arrived: then rclone need not ask
        S3 for each file that it has sent. What S3 answered still says its hash. ``progress`` gets
        the bytes and the files copied so far.
        """
        remote = destination if source.startswith("/") else source
        at_once = SMALL_OBJECTS if small and self._has_objects(remote) else FILES
        hashes = self._wants_hashes(source, destination, into_scratch=into_scratch)
        stats = TransferStats(lambda size: progress(size, stats.files))
        process = self._binary.process(
            "copy",
            as_folder(source),
            as_folder(destination),
            transfer=True,
            overridable_flags=(*at_once.flags, f"--s3-no-head={str(listed_after).lower()}"),
            flags=(
                *_COPY,
                *("--links=false", "--copy-links", f"--inplace={str(into_scratch).lower()}"),
                *(() if hashes else ("--ignore-checksum",)),
                *(() if names is None else (NAMED,)),
            ),
            stats=stats,
        )
        return Copy(process, stats, names or ())

    def _wants_hashes(self, source: str, destination: str, *, into_scratch: bool) -> bool:
        """Return whether rclone is to compare hashes: not where they would guard nothing.

        From folder to folder, it would compare what it has read with what it reads again.
        """
        if into_scratch or not source.startswith("/"):
            return not into_scratch
        return not self._features(destination)["IsLocal"]

    def _has_objects(self, place: str) -> bool:
        """Return whether a place is known to be in a storage of objects, such as S3."""
        with suppress(RcloneError):  # whoever copies says what is wrong
            return not place.startswith("/") and bool(self._features(place)["BucketBased"])
        return False

    def _features(self, place: str) -> Mapping[str, bool]:
        """Return what a storage can do: https://rclone.org/rc/#operations-fsinfo."""
        with session():
            storage = running(self._binary).storage(as_folder(place))
        features: Mapping[str, bool] = storage["Features"]
        return features

    def sizes(
        self, folder: str, names: Sequence[str] | None = None
    ) -> Generator[tuple[str, int], None, None]:
        """Yield the path and size of every file below a folder, or of those of ``names``.

        Nothing is yielded for a folder that does not exist. Raises ``RcloneError``.
        """
        if names is not None:
            with session():
                found = small_batches.sizes(running(self._binary), folder, names)
            # If one is missing, an rclone of its own asks again, which is more patient.
            if len(found) == len(names):
                yield from found
                return
        flags = (*_LIST, "--format=sp", "--separator= ")
        for line in lines(self._binary, "lsf", folder, flags, names):
            size, _, path = line.decode("utf-8", "replace").partition(" ")
            if size.isdigit():
                yield path, int(size)

    def files(self, folder: str) -> Generator[Listed, None, None]:
        """Yield every file below a folder with its time. Raises ``RcloneError``."""
        # On S3 the time that a file was given costs a request.
        flags = (*_LIST, "--no-mimetype", "--use-server-modtime")
        for line in lines(self._binary, "lsjson", folder, flags):
            text = line.strip().rstrip(b",")
            if text in (b"[", b"]", b""):
                continue
            try:
                row = json_object(text)
                yield Listed(str(row["Path"]), int(row["Size"]), str(row.get("ModTime", "")))
            except (KeyError, TypeError, ValueError):
                raise RcloneError("The output of rclone cannot be read.") from None

    def exists(self, folder: str) -> bool:
        """Return whether there is such a folder. Raises ``RcloneError``."""
        try:
            run(self._binary.process("lsf", as_folder(folder), flags=("--max-depth=1",)))
        except RcloneError as error:
            if error.missing:
                return False
            raise
        return True

    def delete(self, folder: str, names: Sequence[str]) -> None:
        """Delete files by their names; those that are missing are none. Raises ``RcloneError``."""
        if names:
            at_once = SMALL_OBJECTS if self._has_objects(folder) else FILES
            flags = (NAMED, *at_once.flags)
            run(self._binary.process("delete", as_folder(folder), flags=flags), lines_of(names))
