"""A remote that files are restored to."""

from collections.abc import Mapping
from pathlib import Path

from ...backups.index import text_of
from ...rclone.copying import Copying
from .spooled_target import SpooledTarget


class RemoteTarget(SpooledTarget):
    """A remote of rclone."""

    def __init__(self, address: str, copying: Copying, folder: Path) -> None:
        super().__init__(folder)
        self._address = address
        self._copying = copying

    def remove(self, path: bytes) -> None:
        """See ``SpooledTarget``."""
        self._copying.delete(self._address, [text_of(path)])

    def _send(self, waiting: Mapping[str, bytes]) -> dict[bytes, str]:
        copied = self._copying.copy(str(self._folder), self._address)
        failed = {waiting[name]: why for name, why in copied.failed.items() if name in waiting}
        if copied.error is not None and not failed:
            raise copied.error
        return failed
