"""What is seen of tables in the stream of a dump: their names and rows, and their largest line.

MariaDB's program prints a row per line; if it names the columns, the first one on the line of
the statement. Of a program that does not, no row is counted.
"""

import re
from collections.abc import Iterable, Mapping

from ...exceptions import ClientError

# Each begins with a character, and not with an assertion, for which Python looks ten times as long.
_MARK = re.compile(
    rb"\n(?:(?P<what>CREATE (?:TABLE|SEQUENCE)|INSERT INTO) `(?P<name>(?:[^`]|``)+)`(?P<rest>[^\n]*)"
    rb"|-- Dumping data for table )"
)
_UNFINISHED = re.compile(rb"\n(?:CREATE (?:TABLE|SEQUENCE)|INSERT INTO) `(?:[^`]|``)*\n\Z")
_HEAD_LIMIT = 1_000  # bytes of a statement with the longest name: 64 characters, all quoted
_LINE_LIMIT = 1 << 20  # bytes of a line that are kept; statements about tables start one


class TableCounter:
    """Is shown a dump, and counts."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        """The tables and sequences."""
        self.longest = 0
        """Bytes of the longest line, if it is longer than the pieces of the dump."""
        self._rows: dict[str, int] = {}
        self._table = ""
        self._created = ""
        self._with_rows: set[str] = set()  # tables whose rows are dumped, if they have some
        self._started: set[str] = set()  # tables with rows on the line of a statement
        self._has_row_per_line = False
        self._pending: list[bytes] = []
        self._pending_size = 0

    @property
    def tables(self) -> frozenset[str]:
        """The tables alone."""
        return frozenset(self._rows)

    @property
    def rows(self) -> Mapping[str, int]:
        """The rows of tables."""
        unknown = self.without_rows | (set() if self._has_row_per_line else self._started)
        return {name: n for name, n in self._rows.items() if name not in unknown}

    @property
    def without_rows(self) -> frozenset[str]:
        """The tables whose rows the dump tool leaves out, as their engine has them elsewhere."""
        return self.tables - self._with_rows

    def see(self, data: bytes) -> None:
        """Look at the next piece of the dump."""
        end = data.rfind(b"\n") + 1
        if not end:
            self._keep(data)
            return
        self.longest = max(self.longest, self._pending_size + data.find(b"\n"))
        # Each line has the line break before it.
        lines = b"".join([b"\n", *self._pending, memoryview(data)[:end]])
        self._pending, self._pending_size = [], 0
        # A name may hold a line break.
        unfinished = _UNFINISHED.search(lines, max(0, len(lines) - _HEAD_LIMIT))
        if unfinished:
            self._keep(lines[unfinished.start() + 1 :])
            lines = lines[: unfinished.start() + 1]
        self._look(lines)
        self._keep(data[end:])

    def _keep(self, data: bytes) -> None:
        if self._pending_size < _LINE_LIMIT:
            self._pending.append(data)
        self._pending_size += len(data)

    def _look(self, lines: bytes) -> None:
        start = 0
        for mark in _MARK.finditer(lines):
            self._count(lines, start, mark.start())
            start = mark.end()
            if not mark["what"]:
                self._with_rows.add(self._created)
                continue
            name = mark["name"].replace(b"``", b"`").decode("utf-8", "surrogateescape")
            if mark["what"] == b"INSERT INTO":
                self._table = name
                self._has_row_per_line |= not mark["rest"].endswith(b";")
                if name in self._rows and not mark["rest"].endswith(b" VALUES"):
                    self._started.add(name)
                    self._rows[name] += 1
            else:
                self._table = ""
                self._created = name
                self.names.add(name)
                if mark["what"] == b"CREATE TABLE":
                    self._rows[name] = 0
        self._count(lines, start, len(lines))

    def _count(self, lines: bytes, start: int, end: int) -> None:
        if self._table in self._rows:
            self._rows[self._table] += lines.count(b"\n(", start, end)


class LineLimit:
    """Is shown a dump, and refuses a line that the server would not take: a statement has lines."""

    def __init__(self, limit: int | None) -> None:
        """``limit`` is in bytes; less than a piece of the dump is not looked for."""
        self._limit = limit
        self._started = 0

    def see(self, data: bytes) -> None:
        """Look at the next piece of the dump. Raises ``ClientError``."""
        if self._limit is None:
            return
        end = data.find(b"\n")
        length = self._started + (len(data) if end < 0 else end)
        self._started = length if end < 0 else len(data) - data.rfind(b"\n") - 1
        if length > self._limit:
            raise ClientError(
                f"A row of the backup has more than {self._limit:,} bytes, the max_allowed_packet "
                "of this server.",
                hint="Raise max_allowed_packet of the server.",
            )


class LineReplacer:
    """Passes a dump on with some of its lines replaced, each as often as it was announced."""

    def __init__(self, lines: Iterable[tuple[bytes, bytes]]) -> None:
        self._lines: dict[bytes, tuple[bytes, int]] = {}
        for old, new in lines:
            self._lines[old] = (new, self._lines.get(old, (new, 0))[1] + 1)
        self._wanted = re.compile(b"\n(%b)(?=\n)" % b"|".join(map(re.escape, self._lines)))
        self._longest = max(map(len, self._lines), default=0)
        self._pending = b""

    def passed(self, data: bytes) -> bytes:
        """Return what can be passed on after this piece of the dump."""
        if not self._lines:
            return data
        data = self._pending + data
        parts, end = [], 0
        for match in self._wanted.finditer(data):
            new, left = self._lines[match[1]]
            self._lines[match[1]] = (new, left - 1)
            parts += [data[end : match.start(1)], new]
            end = match.end()
        # The rest may hold the start of another.
        known = max(end, len(data) - self._longest - 1)
        parts.append(data[end:known])
        self._pending = data[known:]
        return b"".join(parts)

    def rest(self) -> bytes:
        """Return the end of the dump. Raises ``ClientError`` unless every line was seen."""
        if any(left for _, left in self._lines.values()):
            raise ClientError(
                "The schema changed while it was dumped.", hint="Run the backup again."
            )
        data, self._pending = self._pending, b""
        return data
