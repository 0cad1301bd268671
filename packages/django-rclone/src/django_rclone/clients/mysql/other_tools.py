"""Dumps of MySQL and MariaDB that other tools made: the output of the dump program alone."""

import re
from collections.abc import Callable

from ...exceptions import ClientError

SQL_TEXT = "SQL text of MySQL or MariaDB"

_HEADS = (b"-- django-rclone ", b"-- MySQL dump ", b"-- MariaDB dump ")
_TRAILER = b"-- Dump completed"
_TAIL = 200  # bytes at the end of a dump that contain its trailer
_LINE = 1_000  # bytes; the lines that are looked for have fewer
# What `--databases` adds, a line each: the scratch schema is the one to be filled.
_CHOOSING = re.compile(
    rb"^[ \t]*(?:(?:CREATE|DROP|/\*!\d+ DROP) (?:DATABASE|SCHEMA)\b[^\n]*"
    rb"|USE[ \t]+(?P<name>`[^`\n]+`|\w+)[ \t]*);[ \t]*\r?$",
    re.IGNORECASE | re.MULTILINE,
)


def recognized(head: bytes) -> str:
    """Return what can be restored, in words; empty for anything else."""
    return SQL_TEXT if any(start in head for start in _HEADS) else ""


class OtherDump:
    """Passes the dump of another tool on, without what would lead to another database."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._pending = b""
        self._tail = b""
        self._in_line = False
        self._names: set[bytes] = set()

    def write(self, data: bytes) -> None:
        """Pass more of it on. Raises ``ClientError`` for a dump of several databases."""
        data = self._pending + data
        end = data.rfind(b"\n") + 1
        # Of a line that is longer, the beginning says enough.
        if len(data) - end > _LINE:
            end = len(data)
        self._pending = data[end:]
        self._pass_on(data[:end])

    def finish(self) -> None:
        """Pass the rest on. Raises ``ClientError`` if the last line of a dump is missing."""
        self._pass_on(self._pending)
        if _TRAILER not in self._tail:
            raise ClientError(
                "The dump is truncated, or was made without comments: its last line is missing.",
                hint="If you know that it is whole, load it by hand into an empty database with "
                "the server's own client, and back that up.",
            )

    def _pass_on(self, data: bytes) -> None:
        if not data:
            return
        start = data.find(b"\n") + 1 or len(data) if self._in_line else 0
        self._in_line = not data.endswith(b"\n")
        kept = data[:start] + _CHOOSING.sub(self._left_out, data[start:])
        self._tail = (self._tail + data[-_TAIL:])[-_TAIL:]
        if kept:
            self._write(kept)

    def _left_out(self, line: re.Match[bytes]) -> bytes:
        if line["name"]:
            self._names.add(line["name"].strip(b"`"))
        if len(self._names) > 1:
            raise ClientError(
                "The dump is of several databases.",
                hint="Dump each one by itself, or load it by hand with the server's own client.",
            )
        return b""
