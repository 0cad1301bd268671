"""Where media files are: a folder, a remote of rclone, or a storage of Django."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from ...conf import Settings
from ...conf.media_sources import MediaSource
from ...exceptions import InvalidSettings, MediaGuardError
from ...rclone.copying import Copying
from .hashing import Hashed
from .remote_place import RemotePlace
from .scan import Found, Rules, of_status, scan
from .storage_place import StoragePlace
from .storages import folder_of, storage_of
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

    def note(self, work: WorkSet, hashed: Iterable[Hashed]) -> None:
        """Note what files were like when they were read."""

    def changed(self, root: bytes, found: Found) -> bool:
        """Return whether a file is no longer as it was when it was read below ``root``."""


class FolderPlace:
    """A folder of this machine."""

    def __init__(self, folder: str, rules: Rules) -> None:
        self.address = folder
        self.follows = rules.links == "follow"
        self.has_patterns = rules.included is not None or rules.excluded is not None
        self._rules = rules

    def scan(self) -> Iterator[Found]:
        """See ``MediaPlace``."""
        try:
            yield from scan(os.fsencode(self.address), self._rules)
        except (FileNotFoundError, NotADirectoryError):
            raise MediaGuardError(
                f"There is no media folder {self.address}.",
                hint="Correct its path, or mount it. Create it only if nothing was ever uploaded.",
            ) from None
        except OSError as error:
            raise MediaGuardError(f"The media folder cannot be reached: {error}.") from error

    @contextmanager
    def at_hand(
        self, paths: Sequence[bytes], temporary: Path
    ) -> Iterator[tuple[bytes, Mapping[bytes, str]]]:
        """See ``MediaPlace``."""
        yield os.fsencode(self.address), {}

    def note(self, work: WorkSet, hashed: Iterable[Hashed]) -> None:
        """See ``MediaPlace``."""
        work.run_many(
            "UPDATE found SET size = ?, modified = ?, changed = ?, inode = ?, mode = ?, sha256 = ?"
            " WHERE path = ?",
            (
                (f.size, f.modified, f.changed, f.inode, f.mode, sha256, f.path)
                for f, sha256, _ in hashed
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
    rules = replace(Rules.of(source), backups=_folder_of_remote(settings))
    if source.storage:
        storage = storage_of(source)
        if folder := folder_of(storage):
            return FolderPlace(folder, rules)
        return StoragePlace(source.place, storage, rules)
    if source.remote:
        return RemotePlace(source.remote, rules, copying)
    if not source.folder:
        raise InvalidSettings(
            "MEDIA_SOURCES", f"of {source.name!r} has no FOLDER, and MEDIA_ROOT is empty",
            "Set MEDIA_ROOT, or name a STORAGE or a REMOTE of rclone there.",
        )  # fmt: skip
    return FolderPlace(source.folder, rules)


def _folder_of_remote(settings: Settings) -> tuple[int, int] | None:
    """Return device and inode of the remote; ``None`` if there is no such folder here."""
    if not settings.remote.startswith("/"):
        return None
    try:
        status = os.stat(settings.remote)
    except OSError:
        return None
    return status.st_dev, status.st_ino
