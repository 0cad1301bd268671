"""The archives of mongodump, as far as it takes to see whether one is complete.

https://github.com/mongodb/mongo-tools/blob/master/common/archive/spec.md
"""

from ...exceptions import ClientError
from ...processes import Process

BEGIN = b"\x6d\xe2\x99\x81"
_END = b"\xff\xff\xff\xff"


class ArchiveCheck:
    """Watches how a stream begins and ends."""

    def __init__(self) -> None:
        self._first = b""
        self._last = b""

    def feed(self, data: bytes) -> None:
        """Look at the next bytes."""
        self._first = (self._first + data[:4])[:4]
        self._last = (self._last + data[-4:])[-4:]

    @property
    def is_complete(self) -> bool:
        """Whether the bytes so far begin and end as an archive does."""
        return self._first == BEGIN and self._last == _END


class Archive:
    """A source of the relay: the output of mongodump."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._check = ArchiveCheck()

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes, and nothing at the end."""
        data = self._process.read(size)
        self._check.feed(data)
        return data

    def finish(self) -> None:
        """Raise ``ProcessError`` or ``ClientError`` unless the archive is complete."""
        self._process.finish()
        if not self._check.is_complete:
            raise ClientError(
                "mongodump reported success, but its archive is truncated.",
                hint="Run the backup again; if that does not help, try another version of mongodump.",
            )
