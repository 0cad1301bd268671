"""The remote: every request to it.

Requests are those of https://rclone.org/rc/, flags those of https://rclone.org/flags/.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..conf import Settings
from ..exceptions import RcloneError
from . import output, places
from .binary import RcloneBinary
from .daemon import Daemon
from .diagnosis import cause_below
from .output import RemoteObject
from .places import Sections
from .requests import Requests, as_folder
from .sessions import begin, running, session
from .traits import Traits, traits
from .transfers import Download, Upload

SMALL = 8 << 20
"""Bytes of the largest object that is read at once; no manifest comes near."""

_FILES = {"filesOnly": True, "noModTime": True, "noMimeType": True}
_DATED_FILES = {"filesOnly": True, "noMimeType": True}
logger = logging.getLogger(__name__)


class Remote:
    """The remote of the settings. All paths are relative to it.

    Every method raises ``RcloneError`` with rclone's own message when rclone fails.
    Small requests are retried ``RETRIES`` times after transient errors; dumps are not.
    """

    def __init__(self, settings: Settings) -> None:
        self._binary = RcloneBinary(settings)
        self._remote = settings.remote
        self._fs = as_folder(settings.remote)
        self._requests = Requests(self._binary, self._fs, settings.retries)

    def address(self, path: str) -> str:
        """Return ``path`` as rclone's commands expect it."""
        joint = "" if self._remote.endswith((":", "/")) else "/"
        return f"{self._remote}{joint}{path}"

    @property
    def version(self) -> tuple[int, ...]:
        """The version of rclone, such as ``(1, 75, 2)``. Raises ``RcloneError`` if it is too old."""
        with session():
            return running(self._binary).version

    def begin(self) -> None:
        """Start rclone, so that it is ready once it is asked. Raises ``RcloneError`` if it cannot be."""
        begin(self._binary)

    def require_supported(self) -> None:
        """Raise ``RcloneError`` if rclone is too old, or does not start."""
        with session():
            running(self._binary)

    def require_reachable(self, path: str) -> None:
        """Raise ``RcloneError`` if the remote does not say whether ``path`` is there.

        An upload to one that cannot be reached would be tried for minutes, without a word.
        """
        with session():
            try:
                self._requests.ask_unless_missing(self._stat(path))
            except RcloneError as error:
                raise cause_below(running(self._binary), error, self._below()) from None

    def upload(self, path: str, *, progress: Callable[[int], None]) -> Upload:
        """Return the upload of a new object to ``path``, yet to be started.

        ``progress`` is called with the bytes that rclone has taken so far. Without
        ``finish()`` part of the stream may stay at ``path``: delete it.
        """
        return Upload(self._binary, split(self.address(path)), self._fs, progress)

    def download(self, path: str) -> Download:
        """Return the stream of the object at ``path``, yet to be asked for."""
        return Download(self._binary, split(self.address(path)), self._fs)

    def write(self, path: str, data: bytes) -> None:
        """Store a small object."""

        def store() -> None:
            place = split(self.address(path))
            with Upload(self._binary, place, self._fs, lambda _: None, few_retries=True) as upload:
                upload.write(data)
                upload.finish()

        self._requests.repeat(store)

    def write_and_read_back(self, path: str, data: bytes, what: str) -> None:
        """Store a small object, and read it back.

        Raises ``RcloneError`` if it cannot be stored, or not as it was written; ``what`` is what
        it is, such as ``"manifest"``.
        """
        self.write(path, data)
        if self.read(path) != data:
            raise RcloneError(f"The {what} could not be read back as it was written.")

    def read(self, path: str) -> bytes | None:
        """Return a small object, or ``None`` if it is missing or empty.

        Of one larger than ``SMALL`` only the beginning is read, a byte more than that.
        """

        def read(daemon: Daemon) -> bytes:
            daemon.storage(self._fs, **daemon.options.small)
            return daemon.api.read(self._fs, path, SMALL + 1, f"read {path}")

        return self._requests.twice_if_empty(
            lambda: self._requests.ask_unless_missing(read) or None
        )

    def read_all(self, folder: str, suffix: str) -> list[bytes]:
        """Return the small objects in ``folder`` whose names end in ``suffix``.

        In a run of its own: 10,000 of them take it 2 seconds of processor time, and one who
        takes requests 6, since each is looked for before it is opened, on S3 by a request.
        """
        chosen = (f"--include=*{suffix}", f"--max-size={SMALL}B")
        flags = ("--max-depth=1", *chosen, "--separator=\n")
        data = self._requests.run("cat", as_folder(self.address(folder)), flags=flags)
        return [line for line in data.split(b"\n") if line]

    def list(self, folder: str) -> Sequence[RemoteObject]:
        """Return the objects directly in ``folder``; none if there is no such folder."""
        question = self._requests.question(
            "operations/list", f"list {folder}", remote=folder, opt=_DATED_FILES
        )

        def found() -> Sequence[RemoteObject]:
            data = self._requests.ask_unless_missing(question)
            return [] if data is None else output.objects(data)

        return self._requests.twice_if_empty(found)

    def size(self, path: str) -> int | None:
        """Return the size in bytes of the object at ``path``, or ``None`` if there is none."""
        question = self._stat(path)

        def found() -> int | None:
            data = self._requests.ask_unless_missing(question)
            return None if data is None else output.size_of(data)

        return self._requests.twice_if_empty(found)

    def _stat(self, path: str) -> Callable[[Daemon], bytes]:
        return self._requests.question("operations/stat", f"find {path}", remote=path, opt=_FILES)

    def free_space(self) -> int | None:
        """Return the bytes that the storage has left, or ``None`` if it does not say."""
        with session():
            if not self._features()["About"]:
                return None
            question = self._requests.question("operations/about", "ask for free space")
            data = self._requests.ask_unless_missing(question)
        return None if data is None else output.free_space(data)

    def takes_streams(self) -> bool:
        """Return whether uploads of unknown size go there at once.

        If not, rclone keeps each in the temporary folder first.
        """
        with session():
            return bool(self._features()["PutStream"])

    def _features(self) -> Mapping[str, Any]:
        daemon = running(self._binary)
        found: Mapping[str, Any] = daemon.storage(self._fs, **daemon.options.small)["Features"]
        return found

    def traits(self, path: str) -> Traits:
        """Return what the storage says of itself, and of the object at ``path``."""

        def ask() -> Traits:
            with session():
                return traits(running(self._binary), self._fs, self._below(), path)

        return self._requests.repeat(ask)

    def _below(self) -> str:
        """Return the folder of the storage itself, below one that encrypts."""
        return as_folder(next(map(str, self.places_behind(self._remote)), self._remote))

    def delete(self, path: str, *, retries: int | None = None) -> None:
        """Delete one object, if it exists."""
        question = self._requests.question("operations/deletefile", f"delete {path}", remote=path)
        self._requests.ask_unless_missing(question, retries=retries)

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

    def places_behind(self, place: str) -> Sequence[Path]:
        """Return the folders, here or on remotes, in which ``place``, an address, keeps its files."""
        return list(
            places.places_behind(place, self._sections(place), self._binary.remote_variables)
        )

    def is_configured(self, place: str) -> bool:
        """Whether the remote of ``place``, an address, is known to rclone. It is not asked itself."""
        return places.is_configured(place, self._sections(place), self._binary.remote_variables)

    def _sections(self, place: str) -> Sections:
        if place.startswith("/"):
            return {}
        return output.sections(
            self._requests.ask(self._requests.question("config/dump", "read its configuration"))
        )


def split(address: str) -> tuple[str, str]:
    """Return the folder of an object, and its name."""
    folder, slash, name = address.rpartition("/")
    if not slash:
        folder, slash, name = address.rpartition(":")
    return folder + slash, name
