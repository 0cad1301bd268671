"""Splits the script that ``pg_restore --file=-`` prints into statements, as a stream.

Like psql it knows where quotes, comments, function bodies and COPY data begin and
end. Backslash commands, which psql would run, are refused; the two lines with which
newer versions of pg_restore guard a script against them are skipped.
https://www.postgresql.org/docs/current/app-psql.html
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ...exceptions import ClientError
from .entry import Entry

_READ_SIZE = 1 << 16

_WORD = rb"[A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]*+"
_TOKEN = re.compile(
    rb"(?P<space>[ \t\r\n\f\v]++)"
    rb"|(?P<comment>--[^\n]*+)"
    rb"|(?P<block>/\*)"
    rb"|(?P<quoted>[eE]'(?:[^'\\]++|\\.|'')*+'|'[^']*+'|\"[^\"]*+\")"
    rb"|(?P<dollar>\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*+)?\$)"
    rb"|(?P<open>[eE]?'|\"|\$[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*+\Z)"
    rb"|(?P<word>" + _WORD + rb")"
    rb"|(?P<plain>[0-9.,:=<>+*%&|!?@#^~`\[\]{}]++)"
    rb"|(?P<other>.)",
    re.DOTALL,
)
_LAST_LINE = b"-- PostgreSQL database dump complete"
_BLOCK_EDGE = re.compile(rb"/\*|\*/")
_GUARD = re.compile(rb"\\(?:un)?restrict [A-Za-z0-9]+\r?\n")
_COPY = re.compile(rb"COPY\s.*\sFROM\s+stdin;\Z", re.DOTALL)
NAME = rb'(?:"(?:[^"]|"")++"|[\w$\x80-\xff]++)'
_TARGET = re.compile(rb"COPY (" + NAME + rb"\." + NAME + rb") ")
_CREATE = ((b"create",), (b"create", b"or", b"replace"))
_ROUTINES = tuple((*words, kind) for words in _CREATE for kind in (b"function", b"procedure"))


class ScriptError(ClientError):
    """The script contains something that is never part of the dump of a database."""


class TruncatedScript(ScriptError):
    """The script ends within a statement or within rows."""

    def __init__(self, place: str) -> None:
        super().__init__(f"The dump is truncated: it ends {place}.")


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement, with its semicolon. ``rows`` are those that follow a COPY."""

    text: bytes
    entry: Entry
    rows: "Rows | None" = None

    @property
    def target(self) -> str:
        """Return the quoted name of the table that a COPY fills; empty if it cannot be read."""
        found = _TARGET.match(self.text)
        try:
            return found[1].decode() if found else ""
        except UnicodeDecodeError:
            return ""


class Script:
    """Reads statements from ``read(size)``; rows that nobody read are skipped."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._buffer = b""
        self._ended = False
        self._entry = Entry()
        self.ended = False
        """Whether the last line of a script was read: without it, it is truncated."""

    def __iter__(self) -> Iterator[Statement]:
        while (text := self._statement()) is not None:
            if not _COPY.match(text):
                yield Statement(text, self._entry)
                continue
            rows = Rows(self)
            yield Statement(text, self._entry, rows)
            rows.skip()

    def read_more(self) -> bool:
        """Read as much again as is buffered; return ``False`` at the end of the script.

        Doubling keeps the time for a long statement proportional to its length. To look at the
        whole buffer after each of the few kilobytes that programs print would take longest.
        """
        wanted = max(_READ_SIZE, len(self._buffer))
        pieces = [self._buffer]
        while wanted > 0 and not self._ended:
            data = self._read(wanted)
            self._ended = not data
            pieces.append(data)
            wanted -= len(data)
        self._buffer = b"".join(pieces)
        return any(pieces[1:])

    def find(self, part: bytes) -> int:
        """Return where ``part`` begins in the buffer, or -1."""
        return self._buffer.find(part)

    def consume(self, size: int) -> bytes:
        """Remove the next ``size`` bytes from the buffer and return them."""
        consumed, self._buffer = self._buffer[:size], self._buffer[size:]
        return consumed

    def __len__(self) -> int:
        return len(self._buffer)

    def _statement(self) -> bytes | None:
        """Return the next statement; ``None`` at the end of the script."""
        position = start = parentheses = depth = 0
        words: list[bytes] = []
        while True:
            kind, end = self._token(position)
            token = self._buffer[position:end]
            if not kind:
                if position > start:
                    raise TruncatedScript("within a statement")
                return None
            if kind in ("space", "comment") and position == start:
                self._notice_entry(self.consume(end))
                position = 0
                continue
            if token == b"\\":
                self._skip_guard(position, at_rest=position == start)
                position = 0
                continue
            if kind == "word":
                words.append(token.lower())
                depth += _nesting_change(words, parentheses, depth)
            elif token in (b"(", b")"):
                parentheses = max(0, parentheses + (1 if token == b"(" else -1))
            elif token == b";" and not parentheses and not depth:
                return self.consume(end)
            position = end

    def _notice_entry(self, comment: bytes) -> None:
        self._entry = Entry.named_in(comment) or self._entry
        self.ended = self.ended or comment == _LAST_LINE

    def _token(self, position: int) -> tuple[str, int]:
        """Return kind and end of the token at ``position``; no kind at the end of the script."""
        while True:
            match = _TOKEN.match(self._buffer, position)
            if match is not None:
                kind, end = match.lastgroup or "", match.end()
                if kind in ("block", "dollar"):
                    end = self._end_of_block(end) if kind == "block" else self._end_of_body(match)
                    kind = "comment" if kind == "block" else "quoted"
                elif kind == "open":
                    end = -1
                # A token at the end of the buffer may continue in what is not read yet.
                if 0 < end < len(self._buffer) or (end > 0 and self._ended):
                    return kind, end
            if self._ended:
                if match is None:
                    return "", position
                raise TruncatedScript("within quotes or a comment")
            self.read_more()

    def _end_of_body(self, opening: re.Match[bytes]) -> int:
        found = self._buffer.find(opening[0], opening.end())
        return -1 if found < 0 else found + len(opening[0])

    def _end_of_block(self, position: int) -> int:
        nested = 1
        for edge in _BLOCK_EDGE.finditer(self._buffer, position):
            nested += 1 if edge[0] == b"/*" else -1
            if not nested:
                return edge.end()
        return -1

    def _skip_guard(self, position: int, *, at_rest: bool) -> None:
        while b"\n" not in self._buffer[position:] and self.read_more():
            pass
        guard = _GUARD.match(self._buffer, position)
        if guard is None or not at_rest:
            raise ScriptError("The dump contains a psql command; it was not run.")
        self.consume(guard.end())


class Rows:
    """The rows that follow a COPY, up to the line that ends them."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._started = False
        self._ended = False

    def are_empty(self) -> bool:
        """Return whether there are no rows, or no more of them."""
        self._start()
        return self._ended

    def read(self, size: int) -> bytes:
        """Return about ``size`` bytes of rows, nothing after the last."""
        self._start()
        while not self._ended:
            end = self._script.find(b"\n\\.\n")
            if end >= 0:
                self._ended = True
                rows = self._script.consume(end + 1)
                self._script.consume(3)
                return rows
            if len(self._script) > _READ_SIZE:
                return self._script.consume(len(self._script) - 3)
            if not self._script.read_more():
                raise TruncatedScript("within rows")
        return b""

    def skip(self) -> None:
        """Skip the rows that were not read."""
        while self.read(_READ_SIZE):
            pass

    def _start(self) -> None:
        if self._started:
            return
        self._started = True
        while len(self._script) < 4 and self._script.read_more():
            pass
        newline = self._script.consume(1)
        if not newline:
            raise TruncatedScript("before the rows of a table")
        if newline != b"\n":
            raise ScriptError("The rows of a table do not begin on a line of their own.")
        if self._script.find(b"\\.\n") == 0:
            self._script.consume(3)
            self._ended = True


def _nesting_change(words: list[bytes], parentheses: int, depth: int) -> int:
    """Return how the last word changes the depth within ``BEGIN ATOMIC ... END``.

    Semicolons do not end a statement in such a function body.
    """
    if parentheses or not any(tuple(words[: len(start)]) == start for start in _ROUTINES):
        return 0
    if not depth:
        return 1 if words[-2:] == [b"begin", b"atomic"] else 0
    return {b"case": 1, b"end": -1}.get(words[-1], 0)
