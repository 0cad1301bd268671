"""Runs the statements of a dump in many transactions."""

from typing import ClassVar

from .connection import PostgresqlSession
from .player import LARGE_OBJECTS, Player
from .script import Statement


class PiecewisePlayer(Player):
    """Runs statements in many transactions, for a database that nobody uses yet.

    So it needs few locks, however many tables there are.
    """

    local: ClassVar[bool] = False
    _PIECE = 100  # statements

    def __init__(self, session: PostgresqlSession, *, settings: dict[str, str]) -> None:
        super().__init__(session, settings=settings)
        self._count = 0

    def run(self, statement: Statement) -> None:
        """Run a statement, and commit from time to time."""
        super().run(statement)
        self._count += 1
        if self._count >= self._PIECE and statement.entry.type != LARGE_OBJECTS:
            self.flush()
            self._pause()

    def _pause(self) -> None:
        self._count = 0
        self._session.execute("COMMIT")
        self.begin()
