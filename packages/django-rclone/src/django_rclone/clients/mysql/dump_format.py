"""A dump of MySQL or MariaDB: the tables as the dump tool prints them, then the rest by us.

What has a body (views, triggers, routines, events) the dump tool cannot be trusted
with: that of MariaDB 10.11 never ends when the body of an event holds ``;;``, and
prints what no client can read when that of a routine does. Besides, a scratch
schema would run events. So that part is ours, and a restore holds it back.

The parts are told apart by a line with a random word, announced in the first line:
nothing that the database holds can forge it. For the vendor's own client these
lines are comments, and a dump can be loaded by hand.
"""

import re
import secrets
from collections.abc import Callable, Sequence

from ...exceptions import DumpError, RestoreError
from ...processes import Process

_ANNOUNCED = re.compile(rb"-- django-rclone ([0-9a-f]{14})\n")
_HEADER_SIZE = len(b"-- django-rclone \n") + 14
_HEADS = (b"--", b"/*")
_TRAILER = b"-- Dump completed"
_TAIL = 200  # bytes at the end of a dump, in which its trailer is
_LIMIT = 64 << 20  # bytes of what has a body
_ALLOWED = re.compile(r"(SET SESSION|CREATE)\s", re.IGNORECASE)


class Parts:
    """A source of the relay: what the dump tool prints, and then ``making``."""

    def __init__(self, process: Process, making: Sequence[str]) -> None:
        # Delimiters of the client are at most 15 characters long.
        word = secrets.token_hex(7)
        delimiter = f"\n{word}\n"
        rest = f"\n-- django-rclone {word} rest\nDELIMITER {word}\n"
        rest += "".join(statement + delimiter for statement in making)
        rest += "DELIMITER ;\n"
        self._process = process
        self._waiting = f"-- django-rclone {word}\n".encode()
        self._rest = rest.encode("utf-8", "surrogateescape")
        self._head = self._tail = b""
        self._ended = False

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes; nothing at the end. Raises ``DumpError`` for no dump."""
        if not self._waiting and not self._ended:
            if data := self._process.read(size):
                self._require_head(data)
                self._tail = (self._tail + data)[-_TAIL:]
                return data
            self._ended = True
            self._waiting = self._rest
        data, self._waiting = self._waiting[:size], self._waiting[size:]
        return data

    def finish(self) -> None:
        """Raise ``DumpError`` or ``ProcessError`` unless the dump is whole."""
        self._process.finish()
        if not self._ended or self._waiting or _TRAILER not in self._tail:
            raise DumpError("The dump tool ended without the last line of a dump.")

    def _require_head(self, data: bytes) -> None:
        # What a wrapper of the tool prints before it would keep the dump from being loaded.
        if len(self._head) < 2:
            self._head = (self._head + data)[:2]
            if not any(head.startswith(self._head) for head in _HEADS):
                raise DumpError("What the dump tool printed is no dump: it begins otherwise.")


class Divider:
    """Takes a dump apart: passes its tables on, and keeps the rest."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._word: bytes | None = None
        self._begun = False
        self._waiting = b""
        self._rest: bytearray | None = None

    def write(self, data: bytes) -> None:
        """Take a piece. Raises ``RestoreError`` for a rest that is too large."""
        if self._rest is not None:
            self._keep(data)
            return
        self._waiting += data
        if not self._begun:
            if len(self._waiting) < _HEADER_SIZE:
                return
            self._begin()
        self._pass_on()

    def finish(self) -> None:
        """Pass on what still waited to be known as no divider."""
        if self._rest is None:
            if self._word is not None:
                raise RestoreError("The backup ends before its views, triggers and routines.")
            self._write(self._waiting)
            self._waiting = b""

    @property
    def is_ours(self) -> bool:
        """Whether the dump announced its two parts, as every dump of ours does."""
        return self._word is not None

    @property
    def making(self) -> list[str]:
        """The statements that make views, triggers, routines and events."""
        if self._rest is None or self._word is None:
            return []
        script = bytes(self._rest).decode("utf-8", "surrogateescape")
        word = self._word.decode()
        *statements, end = script.removeprefix(f"DELIMITER {word}\n").split(f"\n{word}\n")
        if end != "DELIMITER ;\n" or not all(map(_ALLOWED.match, statements)):
            raise RestoreError("The backup holds something else where its views should be.")
        return statements

    def _begin(self) -> None:
        self._begun = True
        # Without that line it is a dump of another tool, and has one part.
        if announced := _ANNOUNCED.match(self._waiting):
            self._word = announced[1]

    def _pass_on(self) -> None:
        if self._word is None:
            self._write(self._waiting)
            self._waiting = b""
            return
        line = b"\n-- django-rclone " + self._word + b" rest\n"
        before, found, after = self._waiting.partition(line)
        if found:
            self._write(before + b"\n")
            self._waiting = b""
            self._rest = bytearray()
            self._keep(after)
            return
        # The line may lie across two pieces.
        known = max(0, len(before) - len(line))
        self._write(before[:known])
        self._waiting = before[known:]

    def _keep(self, data: bytes) -> None:
        assert self._rest is not None
        self._rest += data
        if len(self._rest) > _LIMIT:
            raise RestoreError("The views, triggers and routines are larger than they can be.")
