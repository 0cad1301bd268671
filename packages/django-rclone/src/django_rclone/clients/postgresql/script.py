"""Taking apart the script that ``pg_restore --file=-`` prints, as a stream.

It knows what psql knows of SQL: where quotes, comments, function bodies and COPY
data begin and end. What psql would obey and a server would not, the backslash
commands, is refused, but for the two lines that guard scripts against just that.
https://www.postgresql.org/docs/current/app-psql.html
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

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
_BLOCK_EDGE = re.compile(rb"/\*|\*/")
_GUARD = re.compile(rb"\\(?:un)?restrict [A-Za-z0-9]+\r?\n")
_COPY = re.compile(rb"COPY\s.*\sFROM\s+stdin;\Z", re.DOTALL)
_ROUTINES = (
    (b"create", b"function"),
    (b"create", b"procedure"),
    (b"create", b"or", b"replace", b"function"),
    (b"create", b"or", b"replace", b"procedure"),
)


class ScriptError(Exception):
    """The script holds what no script of pg_restore holds."""


class ScriptCut(ScriptError):
    """The script ends within a statement or within rows."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement, with its semicolon. ``rows`` reads what follows a COPY."""

    text: bytes
    rows: Callable[[int], bytes] | None = None


class Script:
    """Reads statements from ``read(size)``. The rows of a COPY must be read before going on."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._buffer = b""
        self._ended = False

    def __iter__(self) -> Iterator[Statement]:
        while (text := self._statement()) is not None:
            if not _COPY.match(text):
                yield Statement(text)
                continue
            rows = _Rows(self)
            yield Statement(text, rows.read)
            rows.exhaust()

    def more(self) -> bool:
        """Read on, as much again as there is: nothing is then looked at too often."""
        if not self._ended:
            data = self._read(max(_READ_SIZE, len(self._buffer)))
            self._ended = not data
            self._buffer += data
        return not self._ended

    def find(self, what: bytes, start: int = 0) -> int:
        """Return where ``what`` begins in what was read so far, or -1."""
        return self._buffer.find(what, start)

    def take(self, size: int) -> bytes:
        """Return the next bytes of what was read so far, and forget them."""
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

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
                    raise ScriptCut("The script ends within a statement.")
                return None
            if kind in ("space", "comment") and position == start:
                self.take(end)
                position = 0
                continue
            if token == b"\\":
                self._skip_guard(position, at_rest=position == start)
                position = 0
                continue
            if kind == "word":
                words.append(token.lower())
                depth += _step(words, parentheses, depth)
            elif token in (b"(", b")"):
                parentheses = max(0, parentheses + (1 if token == b"(" else -1))
            elif token == b";" and not parentheses and not depth:
                return self.take(end)
            position = end

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
                # A token that ends where our knowledge ends may go on.
                if 0 < end < len(self._buffer) or (end > 0 and self._ended):
                    return kind, end
            if self._ended:
                if match is None:
                    return "", position
                raise ScriptCut("The script ends within quotes or a comment.")
            self.more()

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
        while b"\n" not in self._buffer[position:] and self.more():
            pass
        guard = _GUARD.match(self._buffer, position)
        if guard is None or not at_rest:
            raise ScriptError("The dump holds a command for psql; it was not run.")
        self.take(guard.end())


class _Rows:
    """The rows that follow a COPY, up to the line that ends them."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._begun = False
        self._done = False

    def read(self, size: int) -> bytes:
        """Return about ``size`` bytes of rows, nothing after the last."""
        if not self._begun:
            self._begin()
        while not self._done:
            end = self._script.find(b"\n\\.\n")
            if end >= 0:
                self._done = True
                rows = self._script.take(end + 1)
                self._script.take(3)
                return rows
            if len(self._script) > _READ_SIZE:
                return self._script.take(len(self._script) - 3)
            if not self._script.more():
                raise ScriptCut("The script ends within rows.")
        return b""

    def exhaust(self) -> None:
        """Pass over what nobody read."""
        while self.read(_READ_SIZE):
            pass

    def _begin(self) -> None:
        self._begun = True
        while len(self._script) < 4 and self._script.more():
            pass
        newline = self._script.take(1)
        if not newline:
            raise ScriptCut("The script ends before its rows.")
        if newline != b"\n":
            raise ScriptError("Rows do not begin on a line of their own.")
        if self._script.find(b"\\.\n") == 0:
            self._script.take(3)
            self._done = True


def _step(words: list[bytes], parentheses: int, depth: int) -> int:
    """Return how a word changes the depth in a function body of SQL (``BEGIN ATOMIC``).

    Semicolons do not end a statement there.
    """
    if parentheses or not any(tuple(words[: len(one)]) == one for one in _ROUTINES):
        return 0
    if not depth:
        return 1 if words[-2:] == [b"begin", b"atomic"] else 0
    return {b"case": 1, b"end": -1}.get(words[-1], 0)
