"""Parts the rows of one table among several sessions, as a stream.

Each session gets whole lines, some of them before it is the turn of another. Little
is held in memory, however large a table or one of its rows is.
"""

import threading
from collections import deque
from typing import ClassVar

_HELD = 1 << 20  # bytes of rows that wait for a session; one piece may be more


class Halted(Exception):
    """Somebody else has failed: what was begun is not ended."""


class SharedRows:
    """The rows of one table on their way to as many readers, each in a thread of its own."""

    turn: ClassVar[int] = 1 << 18
    """Bytes of rows for one session, before it is the turn of another."""

    def __init__(self, readers: int) -> None:
        self._waiting: list[deque[bytes]] = [deque() for _ in range(readers)]
        self._held = [0] * readers
        self._changed = threading.Condition()
        self._turn = 0
        self._given = 0
        self._ended = False
        self._halted = False

    def put(self, data: bytes) -> None:
        """Give a piece of the rows to the session whose turn it is; wait until there is room.

        Raises ``Halted``.
        """
        while end := _line_end(data, self.turn - self._given):
            self._give(data[:end])
            self._given = 0
            self._pass_turn()
            data = data[end:]
        if data:
            self._give(data)
            self._given += len(data)

    def read(self, reader: int) -> bytes:
        """Return the next piece for a reader, nothing after the last. Raises ``Halted``."""
        with self._changed:
            waiting = self._waiting[reader]
            self._changed.wait_for(lambda: waiting or self._ended or self._halted)
            if self._halted:
                raise Halted
            if not waiting:
                return b""
            data = waiting.popleft()
            self._held[reader] -= len(data)
            self._changed.notify_all()
            return data

    def end(self) -> None:
        """Say that there are no more rows."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def halt(self) -> None:
        """Let everybody who waits, and who comes, raise ``Halted``."""
        with self._changed:
            self._halted = True
            self._changed.notify_all()

    def _pass_turn(self) -> None:
        """Let it be the turn of the next session that holds least."""
        with self._changed:
            following = range(self._turn + 1, self._turn + 1 + len(self._held))
            self._turn = min((n % len(self._held) for n in following), key=self._held.__getitem__)

    def _give(self, data: bytes) -> None:
        with self._changed:
            turn = self._turn
            self._changed.wait_for(lambda: self._held[turn] < _HELD or self._halted)
            if self._halted:
                raise Halted
            self._waiting[turn].append(data)
            self._held[turn] += len(data)
            self._changed.notify_all()


def _line_end(data: bytes, least: int) -> int:
    """Return where the first line after ``least`` bytes ends that surely does; 0 if there is none."""
    end = data.find(b"\n", max(0, least - 1)) + 1
    # After a backslash a newline is part of a value, in text that pg_dump did not write:
    # https://www.postgresql.org/docs/current/sql-copy.html
    while end and data[max(0, end - 2) : end - 1] in (b"", b"\\"):
        end = data.find(b"\n", end) + 1
    return end
