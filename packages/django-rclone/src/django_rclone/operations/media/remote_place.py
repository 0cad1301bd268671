"""Media files on a remote of rclone."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from ...backups.index import Kind, text_of
from ...exceptions import MediaGuardError
from ...rclone.copying import Copying
from ...scratch import scratch_directory
from .scan import Found, Rules
from .spooled_place import SpooledPlace, found_file, nanoseconds


class RemotePlace(SpooledPlace):
    """A remote."""

    def __init__(self, address: str, rules: Rules, copying: Copying) -> None:
        self.address = address
        self._rules = rules
        self._copying = copying

    def scan(self) -> Iterator[Found]:
        """See ``MediaPlace``."""
        empty = True
        with closing(self._copying.files(self.address)) as files:
            for file in files:
                empty = False
                path = file.path.encode("utf-8", "surrogateescape")
                if self._rules.leaves_out(path):
                    continue
                if "\n" in file.path:
                    reason = "rclone cannot be asked for a name with a line break"
                    yield Found(path, Kind.LEFT_OUT, reason=reason)
                    continue
                yield found_file(path, file.size, _modified(file.modified))
        if empty and not self._copying.exists(self.address):
            raise MediaGuardError(
                f"There is no media folder {self.address}.", hint="Correct MEDIA_SOURCES."
            )

    @contextmanager
    def at_hand(
        self, paths: Sequence[bytes], temporary: Path
    ) -> Iterator[tuple[bytes, Mapping[bytes, str]]]:
        """See ``MediaPlace``."""
        names = {text_of(path): path for path in paths}
        with scratch_directory(temporary) as spool:
            copied = self._copying.copy(self.address, str(spool), names=list(names))
            if copied.error is not None and not copied.failed:
                raise copied.error
            root = os.fsencode(spool)
            missing = {names[n]: reason for n, reason in copied.failed.items() if n in names}
            for path in paths:
                if path not in missing and not os.path.lexists(os.path.join(root, path)):
                    missing[path] = "it is gone, or its name is one that this machine cannot hold"
            yield root, missing


def _modified(text: str) -> int:
    """Return a time as rclone writes it; 0 if it is none."""
    try:
        return nanoseconds(datetime.fromisoformat(text))
    except (ValueError, TypeError, OverflowError):
        return 0
