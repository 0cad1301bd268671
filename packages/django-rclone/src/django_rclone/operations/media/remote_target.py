"""A remote that files are restored to: they are put into a folder, and sent from there."""

import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

from ...rclone.copying import Copying


class RemoteTarget:
    """A remote, with the methods of ``Target``. A remote has no links, and no empty folders."""

    def __init__(self, address: str, copying: Copying, folder: Path) -> None:
        """``folder`` is where files wait to be sent."""
        self._address = address
        self._copying = copying
        self._folder = folder
        self._waiting: dict[str, bytes] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass

    def make_folder(self, path: bytes, mode: int) -> bool:
        """Do nothing: folders come with the files in them."""
        return False

    def put(self, staged: bytes, path: bytes, *, modified: int, mode: int) -> None:
        """Let a file wait to be sent."""
        place = os.path.join(os.fsencode(self._folder), path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        os.replace(staged, place)
        os.utime(place, ns=(modified, modified))
        self._waiting[path.decode("utf-8", "surrogateescape")] = path

    def put_copy(self, staged: bytes, path: bytes, *, modified: int, mode: int) -> None:
        """Let a copy of a file wait to be sent."""
        copy = staged + b".copy"
        shutil.copyfile(staged, copy)
        self.put(copy, path, modified=modified, mode=mode)

    def put_link(self, staged: bytes, path: bytes, target: bytes) -> None:
        """Raise ``OSError``."""
        raise OSError("a remote has no links")

    def set_status(self, path: bytes, *, modified: int, mode: int) -> None:
        """Do nothing: the time of what is stored is that of its storing."""

    def remove(self, path: bytes) -> None:
        """Delete a file. Raises ``RcloneError``."""
        self._copying.delete(self._address, [path.decode("utf-8", "surrogateescape")])

    def flush(self) -> dict[bytes, str]:
        """Send what waits; return what could not be sent. Raises ``RcloneError``."""
        waiting, self._waiting = self._waiting, {}
        if not waiting:
            return {}
        copied = self._copying.copy(str(self._folder), self._address)
        shutil.rmtree(self._folder)
        self._folder.mkdir()
        failed = {waiting[name]: why for name, why in copied.failed.items() if name in waiting}
        if copied.error is not None and not failed:
            raise copied.error
        return failed

    def forget(self) -> None:
        """Do nothing."""
