"""What a restore is given, written to a private file: the bytes of a file, or SQL text.

Text is what the program sqlite3 prints for ``.dump``, Python for ``iterdump()``, or
django-dbbackup. It is run statement by statement, in one transaction, and cannot get at any
other file.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from ...exceptions import ClientError

FILE = "a file of SQLite"
SQL_TEXT = "SQL text of SQLite"

_HEADER = b"SQLite format 3\0"
_TEXT = re.compile(
    rb"\s*(PRAGMA foreign_keys=|BEGIN TRANSACTION;|CREATE (VIRTUAL )?TABLE )", re.IGNORECASE
)
_TOKEN = re.compile(
    rb"'[^']*'|\"[^\"]*\"|`[^`]*`|\[[^\]]*\]|--[^\n]*\n|/\*.*?\*/|(?P<open>['\"`\[]|--|/\*)|(?P<end>;)",
    re.DOTALL,
)
_COMMENTS = re.compile(rb"(\s|--[^\n]*\n|/\*.*?\*/)*", re.DOTALL)
_WORD = re.compile(rb"[a-z]*", re.IGNORECASE)
_PRAGMAS = ("foreign_keys", "writable_schema", "page_size", "data_version")  # of virtual tables
_REFUSED = (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH)


def recognized(head: bytes) -> str:
    """Return what can be restored, in words; empty for anything else."""
    if head.startswith(_HEADER):
        return FILE
    return SQL_TEXT if _TEXT.match(head) else ""


class Loader(Protocol):
    """Fills a new file. ``write()`` and ``finish()`` raise ``OSError`` or ``sqlite3.Error``."""

    def write(self, data: bytes) -> None: ...

    def finish(self) -> None: ...

    def close(self) -> None: ...


def loader(path: Path, head: bytes) -> Loader:
    """Return what makes the file at ``path``, which is empty, of a dump that begins with ``head``."""
    return TextLoader(path) if recognized(head) == SQL_TEXT else FileLoader(path)


class FileLoader:
    """Writes the file."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("r+b")

    def write(self, data: bytes) -> None:
        """Write more of it."""
        self._file.write(data)

    def finish(self) -> None:
        """Complete it."""
        self._file.close()

    def close(self) -> None:
        """Close it. A write that failed has been reported, and fails again here."""
        with suppress(OSError):
            self._file.close()


class TextLoader:
    """Runs SQL text."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA synchronous = OFF")  # a private file, until it is checked
        self._database.set_authorizer(_authorized)
        self._database.execute("BEGIN")
        self._pending = b""
        self._seen = 0
        self._promised_end = self._ended = False

    def write(self, data: bytes) -> None:
        """Run what is complete. Raises ``ClientError``, too."""
        self._pending += data
        for statement in self._statements():
            self._run(statement)

    def finish(self) -> None:
        """Commit. Raises ``ClientError`` if the text is truncated."""
        self.write(b"\n")
        rest = _COMMENTS.sub(b"", self._pending, count=1)
        if rest or self._promised_end != self._ended:
            raise ClientError(
                "The SQL text is truncated: it ends within a statement or a transaction."
            )
        self._database.execute("COMMIT")
        self._database.close()

    def close(self) -> None:
        """Give it up, unless it is finished."""
        self._database.close()

    def _statements(self) -> Iterator[bytes]:
        """Yield the statements that are complete, without their comments before."""
        start = 0
        position = self._seen
        while found := _TOKEN.search(self._pending, position):
            if found["open"]:
                position = found.start()  # it is closed by what is not here yet
                break
            position = found.end()
            statement = self._pending[start:position]
            if found["end"] and _is_complete(statement):
                yield statement[_COMMENTS.match(statement).end() :]  # type: ignore[union-attr]
                start = position
        else:
            position = max(position, len(self._pending) - 1)  # it may begin a comment
        self._pending = self._pending[start:]
        self._seen = position - start

    def _run(self, statement: bytes) -> None:
        word = _WORD.match(statement)[0].upper()  # type: ignore[index]
        if self._ended:
            raise ClientError("The SQL text goes on after its COMMIT: it is not a dump.")
        if word == b"BEGIN":
            self._promised_end = True
        elif word in (b"COMMIT", b"END"):
            self._ended = True
        elif word == b"ROLLBACK":
            raise ClientError(
                "The SQL text ends in ROLLBACK: its database was damaged when it was made."
            )
        else:
            try:
                self._database.execute(statement.decode())
            except (UnicodeDecodeError, ValueError) as error:
                raise ClientError(f"The SQL text cannot be read: {error}.") from None
            except sqlite3.Error as error:
                shown = " ".join(statement[:60].decode("utf-8", "replace").split()[:3])
                raise ClientError(
                    f"The SQL text cannot be run: {error} (at: {shown} ...)."
                ) from None


def _is_complete(statement: bytes) -> bool:
    """Return whether a statement ends here, and not one within the body of a trigger."""
    head = _COMMENTS.sub(b"", statement[:2000], count=1)[:40].upper()
    if b"TRIGGER" not in head:
        return True
    return sqlite3.complete_statement(statement.decode("utf-8", "replace"))


def _authorized(action: int, first: str | None, *rest: str | None) -> int:
    if action in _REFUSED or (action == sqlite3.SQLITE_PRAGMA and first not in _PRAGMAS):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK
