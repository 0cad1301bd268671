"""The remote: every request to it, as a command of rclone with its flags.

Exit codes and flags are those of https://rclone.org/docs/.
"""

import logging
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from ..conf import Settings
from ..exceptions import RcloneError
from ..interrupts import sleep
from ..processes import Process, run
from . import output
from .binary import RcloneBinary
from .log import TransferStats
from .mirroring import LINK_FLAGS, Basis, Mirroring, common_basis
from .output import FolderSize, RemoteObject
from .places import Sections, local_places

NOT_FOUND = (3, 4)
"""The exit codes for a missing folder and a missing file."""

SMALL = 8 << 20
"""Bytes of the largest object that is read at once; no manifest comes near."""

# rclone's default of ten is squared on S3: it would be silent for many minutes.
_FEW_RETRIES = "--low-level-retries=3"
_BACKOFF_SECONDS = 1.0  # before the second try of a small request; tripled for each further one

_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")

logger = logging.getLogger(__name__)


def _ask_twice_if_empty(ask: Callable[_Arguments, _Answer]) -> Callable[_Arguments, _Answer]:
    """Let a question be asked again if nothing was found.

    ``crypt`` reports a folder as missing if the remote below failed to answer whether
    it is a file. tests/faults/test_answers.py drops every single answer in turn, and
    fails without the second request.
    """

    @wraps(ask)
    def ask_twice(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Answer:
        return ask(*args, **kwargs) or ask(*args, **kwargs)

    return ask_twice


class Remote:
    """The remote of the settings. All paths are relative to it.

    Every method raises ``RcloneError`` with rclone's own message when rclone fails.
    Small requests are retried ``RETRIES`` times after transient errors; dumps are
    not, and rclone itself retries media runs.
    """

    def __init__(self, settings: Settings) -> None:
        self._binary = RcloneBinary(settings)
        self._remote = settings.remote
        self._retries = settings.retries

    def address(self, path: str) -> str:
        """Return ``path`` as rclone's commands expect it."""
        joint = "" if self._remote.endswith((":", "/")) else "/"
        return f"{self._remote}{joint}{path}"

    @property
    def version(self) -> tuple[int, ...]:
        """The version of rclone, such as ``(1, 75, 2)``."""
        return self._binary.version

    def require_supported(self) -> None:
        """Raise ``RcloneError`` if rclone is too old."""
        self._binary.require_supported()

    def upload(self, path: str, *, progress: Callable[[int], None]) -> Process:
        """Return the process that streams a new object to ``path``, yet to be started.

        rclone takes the end of its input for success. Without ``finish()`` part of the
        stream may stay at ``path``: delete it. ``progress`` is called from another thread
        with the bytes sent so far. rclone reads ahead, so that only its own count is right.
        """
        stats = TransferStats(progress)
        return self._binary.process("rcat", self.address(path), transfer=True, stats=stats)

    def download(self, path: str) -> Process:
        """Return the process that streams the object at ``path``, yet to be started."""
        return self._binary.process("cat", self.address(path), transfer=True)

    def write(self, path: str, data: bytes) -> None:
        """Store a small object."""
        self._run("rcat", self.address(path), transfer=True, data=data)

    @_ask_twice_if_empty
    def read(self, path: str) -> bytes | None:
        """Return a small object, or ``None`` if it is missing or empty.

        Of one larger than ``SMALL`` only the beginning is read, a byte more than that.
        """
        flags = (f"--count={SMALL + 1}",)
        return self._run_unless_missing("cat", self.address(path), flags=flags) or None

    def read_all(self, folder: str, suffix: str) -> list[bytes]:
        """Return the small objects in ``folder`` whose names end in ``suffix``, in one run."""
        chosen = (f"--include=*{suffix}", f"--max-size={SMALL}B")
        flags = ("--max-depth=1", *chosen, "--separator=\n")
        data = self._run("cat", _folder(self.address(folder)), flags=flags)
        return [line for line in data.split(b"\n") if line]

    @_ask_twice_if_empty
    def list(self, folder: str) -> Sequence[RemoteObject]:
        """Return the objects directly in ``folder``; none if there is no such folder."""
        # The times that S3 keeps in metadata would cost a request per object.
        flags = ("--files-only", "--use-server-modtime", "--no-mimetype")
        data = self._run_unless_missing("lsjson", _folder(self.address(folder)), flags=flags)
        return [] if data is None else output.objects(folder, data)

    @_ask_twice_if_empty
    def size(self, path: str) -> int | None:
        """Return the size in bytes of the object at ``path``, or ``None`` if there is none."""
        return self._size(path)

    def exists(self, path: str) -> bool:
        """Return whether there is an object at ``path``. For names that nobody else uses: it asks once."""
        return self._size(path) is not None

    def _size(self, path: str) -> int | None:
        flags = ("--stat", "--files-only", "--no-modtime", "--no-mimetype")
        data = self._run_unless_missing("lsjson", self.address(path), flags=flags)
        return output.size_of(data or b"null")

    def delete(self, path: str, *, retries: int | None = None) -> None:
        """Delete one object, if it exists."""
        flags = ("--retries=1",)
        self._run_unless_missing("deletefile", self.address(path), flags=flags, retries=retries)

    def try_delete(self, path: str) -> bool:
        """Delete what a failed run stored. Return whether it is gone; an error is only logged."""
        try:
            # The cause of the failure would make every retry fail as well.
            self.delete(path, retries=0)
        except RcloneError as error:
            # Without a manifest it is not a backup; a later clean-up deletes it.
            logger.warning("%s could not be deleted from the remote: %s", path, error.message)
            return False
        return True

    @_ask_twice_if_empty
    def folder_size(self, place: str, *, links: str = "skip") -> FolderSize | None:
        """Return the size of ``place``, a folder or a full rclone address, if it exists.

        ``links`` are those of a folder, as in ``MEDIA_LINKS``.
        """
        flags = ("--json", *LINK_FLAGS[links])
        data = self._run_unless_missing("size", _folder(place), flags=flags)
        return None if data is None else output.folder_size(data)

    def names(self, place: str, *, links: str = "skip") -> frozenset[str]:
        """Return the paths of all files in ``place``, relative to it; none if there is no such folder.

        ``links`` are those of a folder, as in ``MEDIA_LINKS``.
        """
        wanted = ("--recursive", "--files-only", "--no-modtime", "--no-mimetype")
        flags = (*wanted, *LINK_FLAGS[links])
        return output.names(
            self._run_unless_missing("lsjson", _folder(place), flags=flags) or b"[]"
        )

    def local_places(self, place: str) -> Sequence[Path]:
        """Return the folders of this machine in which ``place``, an address, keeps its files."""
        sections: Sections = {}
        if not place.startswith("/"):
            sections = output.sections(self._run("config dump"))
        return list(local_places(place, sections))

    def mirroring(
        self,
        source: str,
        destination: str,
        *,
        prefer: Basis,
        links: str = "skip",
        leave_out: Sequence[str] = (),
    ) -> Mirroring:
        """Return the run that makes ``destination`` equal ``source``, yet to be started.

        ``prefer`` is what files are compared by if both sides have it; otherwise it is what
        they have. ``links`` is one of the values of ``MEDIA_LINKS``; ``leave_out`` are paths
        that are neither read nor written nor deleted, with all below them; one with a slash
        at its end means only what is below.
        """
        sides = [
            output.features(self._run("backend", "features", p)) for p in (source, destination)
        ]
        return Mirroring(
            self._binary,
            (_folder(source), _folder(destination)),
            basis=common_basis(*sides, prefer=prefer),
            links=links,
            leave_out=leave_out,
        )

    def _run(
        self,
        verb: str,
        *operands: str,
        transfer: bool = False,
        flags: Sequence[str] = (),
        data: bytes = b"",
        retries: int | None = None,
    ) -> bytes:
        """Run a small request, which must be safe to repeat."""
        retries = self._retries if retries is None else retries
        for attempts_left in range(retries, -1, -1):
            process = self._binary.process(
                verb, *operands, transfer=transfer, overridable_flags=[_FEW_RETRIES], flags=flags
            )
            try:
                return run(process, data)
            except RcloneError as error:
                if not attempts_left or not error.transient:
                    raise
                logger.info("%s Trying again.", error.message)
            sleep(_BACKOFF_SECONDS * 3 ** (retries - attempts_left))
        raise AssertionError("the loop returns or raises")

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
    """Mark a place as a folder for rclone.

    Otherwise rclone asks S3 whether it is a file, and takes a failed request for a
    yes: the file is then missing, and the folder appears empty.
    """
    return place if place.endswith((":", "/")) else f"{place}/"
