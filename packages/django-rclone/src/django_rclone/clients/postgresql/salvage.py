"""Makes what can be made of a backup in a new database next to the live one."""

import secrets
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import ClassVar, Self

from ...exceptions import ClientError
from ...interrupts import uninterrupted
from ..session import ServerError
from ..staging import stem_of
from .connection import Connector, PostgresqlSession, quote_name
from .databases import MAINTENANCE, copy_properties, create_empty_like, explained
from .entry import Entry
from .player import LARGE_OBJECTS, Player
from .postponed import Check
from .replay import Printer, Replay
from .script import Statement

_STEM_BYTES = 36  # of the 63 of a name
_BLOCK = 1 << 20  # bytes of rows
_HOPELESS = 1000  # rows of a table, one by one
_LOST = ("", "08", "57")  # the session, not the statement
_NO_TABLE = ("42P01", "42703", "42501", "3F000")  # no row would do better
_BROKEN = ("23503", "23514")  # a foreign key, a check
_HINT = "The role must have CREATEDB: ALTER ROLE ... CREATEDB, for as long as it takes."


class Salvage:
    """A ``SalvageTarget``: a database of its own. A context manager.

    Leaving it without ``finish()`` drops the database.
    """

    def __init__(
        self, printer: Printer, connector: Connector, live: str, settings: dict[str, str]
    ) -> None:
        """``printer`` is that of ``Replay``; ``settings`` are those of the database that was dumped."""
        self._name = f"{stem_of(live, _STEM_BYTES)}_salvaged_{datetime.now(UTC):%Y%m%d}_{secrets.token_hex(4)}"
        self.place = f"database {self._name}"
        self.missing: Sequence[str] = ()
        self._printer, self._connector, self._live = printer, connector, live
        self._settings = settings
        self._finished = False

    def __enter__(self) -> Self:
        with (
            uninterrupted(),
            closing(self._connector.open(dbname=MAINTENANCE)) as admin,
            explained("Cannot create a database to salvage into", hint=_HINT),
        ):
            create_empty_like(admin, self._name, self._live)
            with suppress(ClientError):
                copy_properties(admin, self._name, self._live)
        self._session = self._connector.open(dbname=self._name)
        self._player = SalvagePlayer(self._session, settings=self._settings)
        self._replay = Replay(
            self._printer,
            self._player,
            clear=lambda player: player.follow(
                schemas=frozenset({"public"}), kept_kinds=frozenset()
            ),
            lock_timeout=self._connector.lock_timeout,
        )
        self._replay.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._replay.__exit__(*exc_info)
        self._session.close()
        if not self._finished:
            with uninterrupted(), closing(self._connector.open(dbname=MAINTENANCE)) as admin:
                admin.execute(f"DROP DATABASE IF EXISTS {quote_name(self._name)}")

    def write(self, data: bytes) -> None:
        """Make more of the dump."""
        self._replay.write(data)

    def finish(self) -> None:
        """Make the rest, and keep the database."""
        self._replay.finish()
        self.missing = tuple(self._player.missing)
        self._finished = True


class SalvagePlayer(Player):
    """Runs each statement by itself, and goes on after those that fail."""

    local: ClassVar[bool] = False
    savepoints: ClassVar[bool] = False
    together: ClassVar[int] = 1

    def __init__(self, session: PostgresqlSession, *, settings: dict[str, str]) -> None:
        super().__init__(session, settings=settings)
        self.missing: list[str] = []
        """A sentence about each thing that could not be made."""
        self._failed: set[Entry] = set()
        self._is_together = False

    def begin(self) -> None:
        """Begin nothing: every statement commits by itself."""

    def run(self, statement: Statement) -> None:
        """Run a statement; those that write large objects together, as they must be."""
        together = statement.entry.type == LARGE_OBJECTS
        if together is not self._is_together:
            self._session.execute("BEGIN" if together else "COMMIT")
            self._is_together = together
        super().run(statement)

    def end(self) -> None:
        """Make what was postponed."""
        if self._is_together:
            self._session.execute("COMMIT")
            self._is_together = False
        super().end()

    def _run(self, statement: Statement) -> None:
        try:
            super()._run(statement)
        except ServerError as error:
            if error.code[:2] in _LOST:
                raise
            if error.code in _BROKEN and self._made_unchecked(statement.text):
                self._note(statement.entry, f"{error.reason}; made NOT VALID instead")
            else:
                self._note(statement.entry, error.reason)

    def _fill_views(self) -> None:
        try:
            super()._fill_views()
        except ServerError as error:
            if error.code[:2] in _LOST:
                raise
            self.missing += [f"{one.entry} is not filled: {error.reason}." for one in self._later]
            self._later = []

    def _note(self, entry: Entry, reason: str) -> None:
        # What follows from a failure of the same entry says nothing new.
        if entry not in self._failed:
            self._failed.add(entry)
            self.missing.append(f"{entry}: {reason}.")

    def _made_unchecked(self, text: bytes | str) -> bool:
        statement = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        try:
            self._session.execute(f"{statement.rstrip(';')} NOT VALID")
        except ServerError:
            return False
        return True

    def _put_back(self, check: Check) -> None:
        try:
            super()._put_back(check)
        except ServerError as error:
            made = self._made_unchecked(check.add)
            how = "; made NOT VALID instead" if made else ""
            self.missing.append(f"{check}: {error.reason}{how}.")

    def _copy(self, statement: Statement) -> None:
        assert statement.rows is not None
        lost, reason, rest = 0, "", b""
        while data := statement.rows.read(_BLOCK):
            block, newline, rest = (rest + data).rpartition(b"\n")
            failed, said = self._copy_lines(statement, block + newline, _HOPELESS - lost)
            lost, reason = lost + failed, reason or said
        if lost:
            self._note(statement.entry, f"{lost:,} rows are missing: {reason}")

    def _copy_lines(self, statement: Statement, block: bytes, patience: int) -> tuple[int, str]:
        """Load rows, without those that fail; return how many these are, and why."""
        if not block:
            return 0, ""
        try:
            schema = statement.entry.schema
            self._execution.copy(statement.text, _reader(block), schema=schema)
            return 0, ""
        except ServerError as error:
            if error.code[:2] in _LOST:
                raise
            lines = [line + b"\n" for line in block.split(b"\n")[:-1]]
            if len(lines) == 1 or patience <= 0 or error.code in _NO_TABLE:
                return len(lines), error.reason
        middle = len(lines) // 2
        first, why = self._copy_lines(statement, b"".join(lines[:middle]), patience)
        second, said = self._copy_lines(statement, b"".join(lines[middle:]), patience - first)
        return first + second, why or said


def _reader(block: bytes) -> Callable[[int], bytes]:
    pieces = [block]
    return lambda size: pieces.pop() if pieces else b""
