"""Restoring a dump in place, for a role that may not create a scratch schema.

What can be tried is tried first, within the live schema and under a name of its own. A
mark says that the schema is incomplete from the moment it is emptied until it is whole.
"""

import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from ...backups.inventory import Inventory
from ...exceptions import ClientError, ProcessError
from ..session import ServerError
from ..staging import LiveData, swap_and_look
from .connection import MysqlSession, quote_name
from .dump_format import DumpSplitter
from .inventory import inventory_of, require_restored
from .making import Maker
from .schema import Objects, collation_of, event_names, objects_of
from .session_settings import LOAD_MODE
from .statements import Statement
from .tools import Tools, is_mariadb

_CHUNK = 1 << 20
_REHEARSED = "rehearsed_"
_TABLE = b"CREATE TABLE `"
_NAME = re.compile(rb"CREATE TABLE (`(?:[^`]|``)+`)")
_QUOTED = re.compile(rb"`(?:[^`]|``)*`|'(?:[^'\\]|\\.|'')*'", re.DOTALL)
_LONGEST = 16 << 20  # bytes of a statement that creates a table, with thousands of partitions
_CONSTRAINT = rb",\n  CONSTRAINT `(?:[^`]|``)+` (?:%b) \((?:[^`\n]|`(?:[^`]|``)+`)*?(?=,?\n)"
_FOREIGN_KEYS = re.compile(_CONSTRAINT % b"FOREIGN KEY")
_CONSTRAINTS = re.compile(_CONSTRAINT % b"FOREIGN KEY|CHECK")


class InPlaceRestore:
    """Keeps the dump in a file until it is verified; then empties and fills the live schema."""

    _HINT_WHEN_BROKEN = (
        "Fix the cause and run the restore again; until then no backup is made. To rule this "
        "out in future, allow the role to create a scratch schema: see the MySQL page of the "
        "documentation."
    )

    def __init__(
        self,
        session: MysqlSession,
        tools: Tools,
        live: str,
        folder: Path,
        expected: Inventory | None = None,
    ) -> None:
        """``folder`` is private, and empty. Raises ``OSError``."""
        self._session = session
        self._tools = tools
        self._live = live
        self._expected = expected
        self._file: IO[bytes] = (folder / "dump.sql").open("x+b")
        self._old: Objects | None = None
        self._mark = f"emptied_{secrets.token_hex(4)}_0"
        self._is_emptied = False
        self.remarks: tuple[str, ...] = ()
        """What is not as in the backup."""

    def write(self, data: bytes) -> None:
        """Keep more of the dump. Raises ``ClientError``."""
        try:
            self._file.write(data)
        except OSError as error:
            raise ClientError(f"Cannot write the dump to a temporary file: {error}.") from None

    def finish(self) -> None:
        """Try what can be tried of the dump; see ``RestoreTarget.finish()``."""
        statements = self._split(lambda data: None)
        self._session.execute(f"USE {quote_name(self._live)}")
        self._rehearse(statements)

    def swap(self) -> None:
        """Empty and fill the live schema; see ``RestoreTarget.swap()``."""
        swap_and_look(self._replace_live, self._look, hint=self._HINT_WHEN_BROKEN)

    def close(self) -> None:
        """Close the file."""
        # A write that failed has been reported, and fails again here.
        with suppress(OSError):
            self._file.close()

    def _rehearse(self, statements: Sequence[Statement]) -> None:
        maker = Maker(self._session, collation_of(self._session, self._live), rehearsal=True)
        name = f"{_REHEARSED}{secrets.token_hex(4)}"
        quoted = quote_name(name).encode()
        try:
            for statement in statements:
                if statement.kind in ("FUNCTION", "PROCEDURE", "EVENT"):
                    maker.make_all([statement.named(quoted)])
                    self._session.execute(f"DROP {statement.kind} IF EXISTS {quote_name(name)}")
            for table, structure, first_row in self._structures():
                shown = table.decode("utf-8", "replace")
                self._session.execute(f"SET SESSION sql_mode = '{LOAD_MODE}'")
                try:
                    self._session.execute(structure.replace(table, quoted, 1))
                except ServerError as error:
                    raise ClientError(f"Cannot create table {shown}: {error.reason}.") from None
                try:
                    if first_row:
                        self._session.execute(first_row.replace(table, quoted, 1))
                except ServerError as error:
                    raise ClientError(f"Cannot fill table {shown}: {error.reason}.") from None
                for statement in statements:
                    if statement.kind == "TRIGGER" and statement.is_on(table, self._session):
                        maker.make_all([statement.named(quoted, table=quoted)])
                        self._session.execute(f"DROP TRIGGER IF EXISTS {quote_name(name)}")
                self._session.execute(f"DROP TABLE {quote_name(name)}")
        finally:
            with suppress(ClientError):
                self._session.renew()
                sweep_rehearsal(self._session, self._live)

    def _structures(self) -> Iterator[tuple[bytes, bytes, bytes]]:
        """Yield the name of each table in the dump, what creates it alone, and its first row.

        The last one is a statement, too; it is empty if there is none, or not on a line of its own.
        """
        unwanted = _FOREIGN_KEYS if is_mariadb(self._session.version) else _CONSTRAINTS
        self._file.seek(0)
        statement = b""
        waiting: tuple[bytes, bytes] | None = None
        for line in self._file:
            if waiting and line.startswith(b"INSERT INTO %b" % waiting[0]):
                yield (*waiting, self._first_row(line))
                waiting = None
            if statement or line.startswith(_TABLE):
                statement += line
            if statement and line.endswith(b";\n") and _is_whole(statement):
                if waiting:
                    yield (*waiting, b"")
                match = _NAME.match(statement)
                structure = unwanted.sub(b"", statement).rstrip().rstrip(b";")
                waiting = (match[1], structure) if match else None
                statement = b""
        if waiting:
            yield (*waiting, b"")

    def _first_row(self, head: bytes) -> bytes:
        """Return the statement that begins with ``head``, for its first row alone."""
        if head.endswith(b" VALUES\n"):
            head += next(self._file, b"")
        text = head.rstrip()
        is_one = text.endswith((b"),", b");")) and len(text) < self._session.packet_limit
        return text[:-1] if is_one else b""

    def _replace_live(self) -> None:
        session, live = self._session, quote_name(self._live)
        old = objects_of(session, self._live)
        session.execute(f"CREATE TABLE {live}.{quote_name(self._mark)} (emptied int)")
        self._old = old
        for one in reversed(old.definitions):
            session.execute_all(one.dropping)
        for table in old.tables:
            session.execute(f"DROP TABLE IF EXISTS {quote_name(table)}")
        self._is_emptied = True
        try:
            with self._tools.loader(self._live, session.settings) as process:
                statements = self._split(process.write)
                process.finish()
        except ProcessError as error:
            raise ClientError(error.message, hint=error.hint) from error
        session.execute(f"USE {live}")
        maker = Maker(session, old.collation, rehearsal=False)
        maker.make_all(statements)
        session.renew()
        session.execute(f"USE {live}")
        events = sum(one.kind == "EVENT" for one in statements)
        passed = events - len(event_names(session, self._live))
        self._require_expected(changed_definers=bool(maker.taken_over), passed=passed)
        self.remarks = maker.remarks(passed)
        session.execute(f"DROP TABLE {quote_name(self._mark)}")

    def _require_expected(self, *, changed_definers: bool, passed: int) -> None:
        if self._expected is not None:
            found = inventory_of(
                self._session, self._live, excluded=[self._mark], count=self._expected.rows
            )
            require_restored(
                self._expected, found, changed_definers=changed_definers, passed=passed
            )

    def _look(self) -> LiveData:
        if self._old is None:
            return LiveData.OLD  # no statement that changes it was sent
        self._session.renew()
        # Once tables are created again, their names no longer say whose they are.
        found = objects_of(self._session, self._live)
        tables = tuple(name for name in found.tables if name != self._mark)
        as_it_was = (tables, found.definitions) == (self._old.tables, self._old.definitions)
        if self._is_emptied or not as_it_was:
            return LiveData.MIXED
        self._session.execute(f"DROP TABLE IF EXISTS {quote_name(self._mark)}")
        return LiveData.OLD

    def _split(self, write: Callable[[bytes], None]) -> list[Statement]:
        """Pass the tables of the dump on, and return the statements that create the rest."""
        dump = DumpSplitter(write, packet_limit=self._session.packet_limit)
        try:
            self._file.seek(0)
            while data := self._file.read(_CHUNK):
                dump.write(data)
        except OSError as error:
            raise ClientError(f"Cannot read the dump from its temporary file: {error}.") from None
        dump.finish()
        if not dump.has_two_parts:
            raise ClientError(
                "A dump of another tool is restored by way of a scratch schema alone, which the "
                "role may not create.",
                hint="Allow it for as long as it takes: see the MySQL page of the documentation.",
            )
        return dump.create_statements


def _is_whole(statement: bytes) -> bool:
    """Return whether lines are all of a statement: a name may hold the end of one, too."""
    rest = _QUOTED.sub(b"", statement)
    return (b"`" not in rest and b"'" not in rest) or len(statement) > _LONGEST


def sweep_rehearsal(session: MysqlSession, live: str) -> None:
    """Drop what a killed rehearsal has left in the live schema. Raises ``ClientError``."""
    pattern = re.compile(rf"{_REHEARSED}[0-9a-f]{{8}}")
    found = objects_of(session, live)
    for one in found.definitions:
        if pattern.fullmatch(one.name):
            session.execute_all(one.dropping)
    for table in found.tables:
        if pattern.fullmatch(table):
            session.execute(f"DROP TABLE IF EXISTS {quote_name(table)}")
