"""A dump of MySQL or MariaDB: tables as the dump tool prints them, then all other objects.

The dump tool cannot be trusted with objects that have a body (views, triggers, routines,
events): that of MariaDB 10.11 never ends when the body of an event contains ``;;``, and
prints SQL that no client can read when that of a routine does. Also, a scratch schema would
run events. So we write that part, and a restore holds it back.

A line with a random word, announced in the first line, separates the two parts: no
content of a database can forge it. For the vendor's own client these lines are
comments, and a dump can be loaded by hand.
"""

import re
import secrets
from collections.abc import Callable, Iterable

from ...exceptions import ClientError
from ...processes import Process
from .other_tools import OtherDump
from .session_settings import LOAD_MODE
from .statements import Statement, statements_of
from .stream import LineLimit, LineReplacer, TableCounter

_ANNOUNCED = re.compile(rb"-- django-rclone ([0-9a-f]{14})\n")
_HEADER_SIZE = 4_096  # bytes, in which the head of each tool's dump is
# The tools have a mode of their own, in which invalid dates become zeros without a word.
_MODE = re.compile(rb"(?<=, SQL_MODE=')NO_AUTO_VALUE_ON_ZERO(?=')")
_HEADS = (b"--", b"/*")
_TRAILER = b"-- Dump completed"
_TAIL = 200  # bytes at the end of a dump that contain its trailer
_LIMIT = 64 << 20  # bytes of the second part
_ALLOWED = re.compile(rb"(SET SESSION|CREATE|ALTER TABLE|ALTER DATABASE)\s", re.IGNORECASE)


class DumpWithObjects:
    """A source of the relay: the output of the dump tool, then statements that create the rest."""

    def __init__(
        self,
        process: Process,
        script: Iterable[bytes],
        replaced_lines: Iterable[tuple[bytes, bytes]] = (),
    ) -> None:
        """``script`` creates the rest. ``replaced_lines`` are those of the tool, and what for."""
        # Delimiters of the client have at most 15 characters.
        word = secrets.token_hex(7).encode()
        delimiter = b"\n" + word + b"\n"
        self._objects = b"\n-- django-rclone " + word + b" rest\nDELIMITER " + word + b"\n"
        self._objects += b"".join(statement + delimiter for statement in script)
        self._objects += b"DELIMITER ;\n"
        self.tables = TableCounter()
        self._lines = LineReplacer(replaced_lines)
        self._process = process
        self._pending = b"-- django-rclone " + word + b"\n"
        self._head = self._tail = b""
        self._ended = False

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes, none at the end. Raises ``ClientError`` for other output."""
        while not self._pending and not self._ended:
            if data := self._process.read(size):
                self._require_head(data)
                self._tail = (self._tail + data[-_TAIL:])[-_TAIL:]
                self.tables.see(data)
                self._pending = self._lines.passed(data)
            else:
                self._ended = True
                self._pending = self._lines.rest() + self._objects
        data, self._pending = self._pending[:size], self._pending[size:]
        return data

    def finish(self) -> None:
        """Raise ``ClientError`` or ``ProcessError`` unless the dump is complete."""
        self._process.finish()
        if not self._ended or self._pending or _TRAILER not in self._tail:
            raise ClientError("The dump is truncated: the dump tool did not print its last line.")

    def _require_head(self, data: bytes) -> None:
        # Anything that a wrapper of the tool prints before it would keep the dump from loading.
        if len(self._head) < 2:
            self._head = (self._head + data)[:2]
            if not any(head.startswith(self._head) for head in _HEADS):
                raise ClientError(
                    "The dump tool did not print a dump.",
                    hint="Does a wrapper around it print anything else to stdout?",
                )


class DumpSplitter:
    """Passes the tables of a dump on, and keeps the statements that create the rest."""

    def __init__(
        self,
        write: Callable[[bytes], None],
        schemas: Iterable[str] = (),
        *,
        packet_limit: int | None = None,
    ) -> None:
        """``schemas`` are those on the server: a dump of another tool may not name them.

        ``packet_limit`` is how many bytes of a statement the server takes.
        """
        self._write = write
        self._lines = LineLimit(packet_limit)
        self._other = OtherDump(write, schemas)
        self._word: bytes | None = None
        self._started = False
        self._pending = b""
        self._objects: bytearray | None = None

    def write(self, data: bytes) -> None:
        """Take more of the dump. Raises ``ClientError`` if a row or the second part is too large."""
        if self._objects is not None:
            self._keep(data)
            return
        self._pending += data
        if not self._started:
            if len(self._pending) < _HEADER_SIZE:
                return
            self._start()
        self._pass_on()

    def finish(self) -> None:
        """Pass on the end of the tables. Raises ``ClientError`` if the second part is missing."""
        if not self._started:
            self._start()
            self._pass_on()
        if self._objects is None:
            if self._word is not None:
                raise ClientError("The backup is truncated: its views and routines are missing.")
            self._other.write(self._pending)
            self._pending = b""
            self._other.finish()

    @property
    def has_two_parts(self) -> bool:
        """Whether the dump announced its second part, as every ``DumpWithObjects`` does."""
        return self._word is not None

    @property
    def create_statements(self) -> list[Statement]:
        """The statements that complete tables and create everything else."""
        if self._objects is None or self._word is None:
            return []
        script = bytes(self._objects).removeprefix(b"DELIMITER " + self._word + b"\n")
        *statements, end = script.split(b"\n" + self._word + b"\n")
        if end != b"DELIMITER ;\n":
            raise ClientError("The backup is truncated after its tables.")
        if not all(map(_ALLOWED.match, statements)):
            raise ClientError("The backup contains unexpected statements after its tables.")
        return list(statements_of(statements))

    def _start(self) -> None:
        self._started = True
        head = _MODE.sub(LOAD_MODE.encode(), self._pending[:_HEADER_SIZE], count=1)
        self._pending = head + self._pending[_HEADER_SIZE:]
        # Without that line it is a dump of another tool, and has one part.
        if announced := _ANNOUNCED.match(self._pending):
            self._word = announced[1]

    def _pass_on(self) -> None:
        if self._word is None:
            self._other.write(self._pending)
            self._pending = b""
            return
        line = b"\n-- django-rclone " + self._word + b" rest\n"
        before, found, after = self._pending.partition(line)
        if found:
            self._load(before + b"\n")
            self._pending = b""
            self._objects = bytearray()
            self._keep(after)
            return
        # The line may be split between two pieces.
        known = max(0, len(before) - len(line))
        self._load(before[:known])
        self._pending = before[known:]

    def _load(self, data: bytes) -> None:
        self._lines.see(data)
        self._write(data)

    def _keep(self, data: bytes) -> None:
        assert self._objects is not None
        self._objects += data
        if len(self._objects) > _LIMIT:
            raise ClientError(f"The backup has more than {_LIMIT >> 20} MiB after its tables.")
