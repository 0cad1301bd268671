"""Some files whose content is sent together: read, named by their content, and copied."""

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from ...rclone.copies import Copied, Copy
from ...rclone.copying import Copying, Progress
from ...rclone.parallel import are_small
from ...scratch import scratch_directory
from .content_store import content_name
from .hashing import Hashed, hash_files
from .places import MediaPlace
from .scan import Found

# Thousands of links are made and deleted; a disk would be written for nothing.
_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - private folders are made in it
_FEW = 1_000  # files
_LITTLE = 64 << 20  # bytes


class Batch:
    """Files on their way. It is a context manager: leaving it stops the copy."""

    def __init__(self, place: MediaPlace, paths: Sequence[bytes], temporary: Path) -> None:
        """``temporary`` is a folder for what must be copied before it can be read."""
        self.paths = paths
        self.sources: Mapping[bytes, Found] = {}
        """The files that are sent, by the hash of their content."""
        self.size = 0
        """Bytes of all its files."""
        self.root = b""
        """The folder that they are read in."""
        self.missing: Mapping[bytes, str] = {}
        """What could not be had, and why."""
        self._place = place
        self._temporary = temporary
        self._outcome: Copied | Copy = Copied()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        links = _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else self._temporary
        with self._stack:
            at_hand = self._place.at_hand(self.paths, self._temporary)
            self.root, self.missing = self._stack.enter_context(at_hand)
            self._links = self._stack.enter_context(scratch_directory(links))
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the copy, and forget the files: whoever keeps many batches needs little memory."""
        self._stack.close()
        self.paths, self.sources = (), {}

    def read(self) -> list[Hashed]:
        """Return what reading each file gave."""
        here = [path for path in self.paths if path not in self.missing]
        hashed = hash_files(self.root, here, follow=self._place.follows)
        self.size = sum(one.found.size for one in hashed)
        return hashed

    def choose(self, sources: Mapping[bytes, Found]) -> None:
        """Let the content of ``sources`` be sent, by links that are named by it."""
        self.sources = sources
        place = os.fsencode(self._links) + b"/"
        for folder in {sha256[:1] for sha256 in sources}:
            os.mkdir(place + folder.hex().encode())
        for sha256, found in sources.items():
            name = place + content_name(sha256).encode()
            os.symlink(os.path.join(self.root, found.path), name)

    def begin(self, copying: Copying, content: str, progress: Progress) -> None:
        """Begin to copy what was chosen to the folder of contents. Raises ``RcloneError``.

        A few files are copied at once, since there is no rclone to start.
        """
        files, size = len(self.sources), sum(found.size for found in self.sources.values())
        if files and files <= _FEW and size <= _LITTLE:
            done = copying.copy_little(str(self._links), content, progress=progress)
            if done is not None:
                self._outcome = done
                return
        if files:
            copy = copying.begin(
                str(self._links),
                content,
                progress=progress,
                listed_after=True,
                small=are_small(files, size),
            )
            self._outcome = self._stack.enter_context(copy)

    def finish(self) -> Copied:
        """Wait until all is copied, and return what became of it."""
        return self._outcome.finish() if isinstance(self._outcome, Copy) else self._outcome
