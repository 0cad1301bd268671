"""The end of what a program writes to stderr, without secrets."""

import io
import threading
from collections import deque
from collections.abc import Callable
from typing import IO

from ..redaction import redact

TAIL_LINES = 25
_LINE_LIMIT = 65_536  # bytes of a line that are read
_REDACTED = 4_000  # characters of it that are searched for secrets
_SHOWN = 500  # characters of it that are kept


class StderrTail:
    """Reads a program's stderr in the background, so that a verbose one never blocks.

    The last lines are kept, with secrets masked.
    """

    def __init__(self, pipe: IO[bytes], on_line: Callable[[str], str | None]) -> None:
        """``on_line`` gets every line, and returns the part of it to keep, if any."""
        self._pipe = pipe
        self._on_line = on_line
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._thread = threading.Thread(target=self._drain, daemon=True)
        self._thread.start()

    def lines(self, seconds: float) -> tuple[str, ...]:
        """Return the last lines, after waiting at most ``seconds`` for the end of stderr."""
        self._thread.join(seconds)
        return tuple(self._tail)

    def close(self, seconds: float) -> None:
        """Wait at most ``seconds`` for the end of stderr, at which the pipe is closed."""
        self._thread.join(seconds)

    def _drain(self) -> None:
        # Closed here: whoever waits may have given up before a flood was read.
        with self._pipe:
            lines = io.BufferedReader(io.FileIO(self._pipe.fileno(), closefd=False))
            continued = False
            while line := lines.readline(_LINE_LIMIT):
                # The rest of an endless line is dropped: it may start in the middle of a secret.
                if not continued:
                    self._append(line)
                continued = not line.endswith(b"\n")

    def _append(self, line: bytes) -> None:
        try:
            whole = line.endswith(b"\n")
            text = line.decode("utf-8", "replace")[: None if whole else _REDACTED].strip()
            if text and (kept := self._on_line(text)):
                self._tail.append(redact(kept[:_REDACTED])[:_SHOWN])
        except Exception:  # noqa: BLE001 - a full pipe would block the program forever
            self._tail.append("(a line that could not be read)")
