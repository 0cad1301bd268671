"""A place that files are restored to through a folder: they are put there, and sent on."""

import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from ...backups.index import text_of


class SpooledTarget(ABC):
    """The methods of ``Target`` for a place that has no links, and no empty folders."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is where files wait to be sent."""
        self._folder = folder
        self._waiting: dict[str, bytes] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(  # noqa: B027 - there is nothing to close
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass

    @abstractmethod
    def remove(self, path: bytes) -> None:
        """Delete a file. Raises ``RcloneError`` or ``OSError``."""

    @abstractmethod
    def _send(self, waiting: Mapping[str, bytes]) -> dict[bytes, str]:
        """Send the files that wait in the folder; return those that failed, with the reason.

        ``waiting`` are their names with their paths. Raises ``RcloneError``.
        """

    def make_folder(self, path: bytes, mode: int) -> bool:
        """Do nothing: folders come with the files in them."""
        return False

    def put(self, staged: bytes, path: bytes, *, modified: int, mode: int) -> None:
        """Let a file wait to be sent."""
        place = os.path.join(os.fsencode(self._folder), path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        os.replace(staged, place)
        os.utime(place, ns=(modified, modified))
        self._waiting[text_of(path)] = path

    def put_copy(self, staged: bytes, path: bytes, *, modified: int, mode: int) -> None:
        """Let a copy of a file wait to be sent."""
        copy = staged + b".copy"
        shutil.copyfile(staged, copy)
        self.put(copy, path, modified=modified, mode=mode)

    def put_link(self, staged: bytes, path: bytes, target: bytes) -> None:
        """Raise ``OSError``."""
        raise OSError("links cannot be stored there")

    def set_status(  # noqa: B027 - there is nothing to set
        self, path: bytes, *, modified: int, mode: int
    ) -> None:
        """Do nothing: the time of what is stored is that of its storing."""

    def flush(self) -> dict[bytes, str]:
        """Send what waits; return what could not be sent. Raises ``RcloneError``."""
        waiting, self._waiting = self._waiting, {}
        if not waiting:
            return {}
        failed = self._send(waiting)
        shutil.rmtree(self._folder)
        self._folder.mkdir()
        return failed

    def forget(self) -> None:  # noqa: B027 - there are no folders
        """Do nothing."""
