"""Where media files are: a folder, a remote of rclone, or a storage of Django."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from ...conf import Settings
from ...conf.media_sources import MediaSource
from ...exceptions import InvalidSettings, MediaGuardError
from ...rclone.copying import Copying
from .remote_place import RemotePlace
from .scan import Found, Rules, of_status, scan
from .storage_place import StoragePlace
from .storages import local_folder, storage_of
from .workset import WorkSet


class MediaPlace(Protocol):
    """A place with media files. Paths are relative to it."""

    @property
    def address(self) -> str:
        """The place as rclone names it, and people do."""

    @property
    def follows(self) -> bool:
        """Whether links are read and written through."""

    def scan(self) -> Iterator[Found]:
        """Yield all that is there. Raises ``MediaGuardError`` if the place itself is missing."""

    def at_hand(
        self, paths: Sequence[bytes], temporary: Path
    ) -> AbstractContextManager[tuple[bytes, Mapping[bytes, str]]]:
        """Have files in a folder of this machine: yield it, and what could not be had and why.

        ``temporary`` is where copies can be made.
        """

    def note(self, work: WorkSet, found: Found, sha256: bytes) -> None:
        """Note what a file was like when it was read."""

    def changed(self, root: bytes, found: Found) -> bool:
        """Return whether a file is no longer as it was when it was read below ``root``."""


class FolderPlace:
    """A folder of this machine."""

    def __init__(self, folder: str, rules: Rules) -> None:
        self.address = folder
        self.follows = rules.links == "follow"
        self._rules = rules

    def scan(self) -> Iterator[Found]:
        """See ``MediaPlace``."""
        try:
            yield from scan(os.fsencode(self.address), self._rules)
        except (FileNotFoundError, NotADirectoryError):
            raise MediaGuardError(
                f"There is no media folder {self.address}.", hint="Correct its path, or mount it."
            ) from None
        except OSError as error:
            raise MediaGuardError(f"The media folder cannot be reached: {error}.") from error

    @contextmanager
    def at_hand(
        self, paths: Sequence[bytes], temporary: Path
    ) -> Iterator[tuple[bytes, Mapping[bytes, str]]]:
        """See ``MediaPlace``."""
        yield os.fsencode(self.address), {}

    def note(self, work: WorkSet, found: Found, sha256: bytes) -> None:
        """See ``MediaPlace``."""
        work.run(
            "UPDATE found SET size = ?, modified = ?, changed = ?, inode = ?, mode = ?, sha256 = ?"
            " WHERE path = ?",
            (
                *(found.size, found.modified, found.changed, found.inode, found.mode),
                *(sha256, found.path),
            ),
        )

    def changed(self, root: bytes, found: Found) -> bool:
        """See ``MediaPlace``."""
        path = os.path.join(root, found.path)
        try:
            status = os.stat(path, follow_symlinks=self.follows)
        except OSError:
            return True
        return of_status(found.path, status) != found


def media_place(source: MediaSource, settings: Settings, copying: Copying) -> MediaPlace:
    """Return the place of a source. Raises ``InvalidSettings`` if it has none."""
    rules = Rules.of(source)
    if source.storage and not (folder := local_folder(source)):
        return StoragePlace(source.place, storage_of(source), rules)
    if source.storage:
        return FolderPlace(folder, rules)
    if source.remote:
        return RemotePlace(source.remote, rules, copying)
    if not source.folder:
        raise InvalidSettings(
            "MEDIA_SOURCES", f"of {source.name!r} has no FOLDER, and MEDIA_ROOT is empty",
            "Set MEDIA_ROOT.",
        )  # fmt: skip
    return FolderPlace(source.folder, rules)
