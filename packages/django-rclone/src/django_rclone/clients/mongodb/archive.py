"""The archives of mongodump, as far as it must be known whether one is whole.

https://github.com/mongodb/mongo-tools/blob/master/common/archive/spec.md
"""

from ...exceptions import DumpError
from ...processes import Process

_BEGIN = b"\x6d\xe2\x99\x81"
_END = b"\xff\xff\xff\xff"


class Ends:
    """Remembers how a stream begins and ends."""

    def __init__(self) -> None:
        self._first = b""
        self._last = b""

    def see(self, data: bytes) -> None:
        """Look at the next piece."""
        self._first = (self._first + data[:4])[:4]
        self._last = (self._last + data[-4:])[-4:]

    @property
    def are_whole(self) -> bool:
        """Whether what was seen begins and ends as an archive does."""
        return self._first == _BEGIN and self._last == _END


class Archive:
    """A source of the relay: what mongodump writes."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._ends = Ends()

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        data = self._process.read(size)
        self._ends.see(data)
        return data

    def finish(self) -> None:
        """Raise ``ProcessError`` or ``DumpError`` unless the archive is whole."""
        self._process.finish()
        if not self._ends.are_whole:
            raise DumpError(
                "mongodump ended well, but its archive is not whole.",
                hint="Run it again; if it stays so, try another version of mongodump.",
            )
