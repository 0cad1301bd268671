"""Where a dump of MySQL or MariaDB is restored: in a scratch schema, or in place."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO

from ...exceptions import ClientError, ProcessError
from ...processes import Process
from ..staging import LiveData, Staging, swap_and_look
from .connection import MysqlSession, quote_name
from .dump_format import DumpSplitter
from .schema import Objects, drop_events, event_names, first_event, objects_of
from .swap import SwapPlan, run_swap, state_after
from .tools import Tools

_NAME_LENGTH = 64  # characters; https://mariadb.com/kb/en/identifier-names/
_STEM_LENGTH = _NAME_LENGTH - len("_restoring_12345678")
_CHUNK = 1 << 20

_CHARACTERS = """
SELECT default_character_set_name, default_collation_name
FROM information_schema.schemata WHERE schema_name = %s
"""
_SCHEMAS = "SELECT schema_name FROM information_schema.schemata"


class ScratchSchema(Staging):
    """A scratch schema on the server of the live one."""

    def __init__(self, session: MysqlSession, live: str) -> None:
        super().__init__(live, stem_bytes=len(live[:_STEM_LENGTH].encode()))
        self._session = session
        self._new: Objects | None = None
        self._plan: SwapPlan | None = None

    def complete(self, dump: DumpSplitter) -> None:
        """Create the objects that the dump tool left out, which proves that it is possible.

        Raises ``ClientError``.
        """
        session, statements = self._session, dump.create_statements
        events = first_event(statements)
        session.execute(f"USE {quote_name(self.scratch)}")
        for statement in statements[:events]:
            session.execute(statement)
        session.renew()
        if event_names(session, self.scratch):
            raise ClientError(
                "The dump creates events together with its tables, as dumps of other tools do.",
                hint="Dump without them: `mariadb-dump --skip-events`.",
            )
        found = objects_of(session, self.scratch)
        # The end of a dump in two parts was seen: an empty one is of an empty schema.
        if not found.tables and not found.create_statements and not dump.has_two_parts:
            raise ClientError("The dump contains no tables.")
        for statement in found.drop_triggers:
            session.execute(statement)
        create_events = tuple(statements[events:])
        self._new = replace(
            found,
            create_events=create_events,
            drop_statements=(*drop_events(create_events), *found.drop_statements),
        )

    def _claim(self) -> None:
        claim(self._session, self.live)

    def _release(self) -> None:
        release(self._session, self.live)

    def _places(self) -> list[str]:
        return [name for (name,) in self._session.rows(_SCHEMAS)]

    def _create(self) -> None:
        ((charset, collation),) = self._session.rows(_CHARACTERS, [self.live])
        self._session.execute(
            f"CREATE DATABASE {quote_name(self.scratch)} "
            f"CHARACTER SET {charset} COLLATE {collation}"
        )

    def _drop(self, name: str) -> None:
        self._session.renew()
        self._session.execute(f"DROP DATABASE IF EXISTS {quote_name(name)}")

    def _drop_without_swap(self) -> None:
        self._try_drop(self.scratch)
        # Found as it was, the live schema has all its tables: none is set aside.
        self._try_drop(self.aside)

    def _swap(self) -> None:
        assert self._new is not None, "complete() comes first"
        old = objects_of(self._session, self.live)
        self._session.execute(f"CREATE DATABASE {quote_name(self.aside)}")
        self._plan = SwapPlan(
            live=self.live, scratch=self.scratch, aside=self.aside, old=old, new=self._new
        )
        run_swap(self._session, self._plan)

    def _look(self) -> LiveData:
        if self._plan is None:
            return LiveData.OLD  # no statement that changes it was sent
        if self._session.renew():
            claim(self._session, self.live)
        return state_after(self._session, self._plan)


class StagedRestore:
    """Restores into a scratch schema, which is then swapped with the live one."""

    def __init__(self, scratch: ScratchSchema, process: Process) -> None:
        """``process`` loads its input into the scratch schema."""
        self._scratch = scratch
        self._process = process
        self._dump = DumpSplitter(process.write)

    def write(self, data: bytes) -> None:
        """Load more of the dump. Raises ``ClientError`` or ``ProcessError``."""
        self._dump.write(data)

    def finish(self) -> None:
        """Load the rest; see ``RestoreTarget.finish()``."""
        self._dump.finish()
        self._process.finish()
        self._scratch.complete(self._dump)

    def swap(self) -> None:
        """Swap the schemas; see ``RestoreTarget.swap()``."""
        self._scratch.swap()


class InPlaceRestore:
    """Keeps the dump in a file until it is verified; then empties and fills the live schema."""

    _HINT_WHEN_BROKEN = (
        "Fix the cause and run the restore again. To rule this out in future, allow the role "
        "to create a scratch schema: see the MySQL page of the documentation."
    )

    def __init__(self, session: MysqlSession, tools: Tools, live: str, folder: Path) -> None:
        """``folder`` is private, and empty. Raises ``OSError``."""
        self._session = session
        self._tools = tools
        self._live = live
        self._file: IO[bytes] = (folder / "dump.sql").open("x+b")
        self._old: Objects | None = None
        self._is_filling = False

    def write(self, data: bytes) -> None:
        """Keep more of the dump. Raises ``ClientError``."""
        try:
            self._file.write(data)
        except OSError as error:
            raise ClientError(f"Cannot write the dump to a temporary file: {error}.") from None

    def finish(self) -> None:
        """Verify that the dump can be split; see ``RestoreTarget.finish()``."""
        self._split(lambda data: None)

    def swap(self) -> None:
        """Empty and fill the live schema; see ``RestoreTarget.swap()``."""
        swap_and_look(self._replace_live, self._look, hint=self._HINT_WHEN_BROKEN)

    def close(self) -> None:
        """Close the file."""
        # A write that failed has been reported, and fails again here.
        with suppress(OSError):
            self._file.close()

    def _replace_live(self) -> None:
        self._old = objects_of(self._session, self._live)
        for statement in self._old.drop_statements:
            self._session.execute(statement)
        for table in self._old.tables:
            self._session.execute(f"DROP TABLE IF EXISTS {quote_name(table)}")
        self._is_filling = True
        try:
            with self._tools.loader(self._live) as process:
                create_statements = self._split(process.write)
                process.finish()
        except ProcessError as error:
            raise ClientError(error.message, hint=error.hint) from error
        self._session.execute(f"USE {quote_name(self._live)}")
        for statement in create_statements:
            self._session.execute(statement)
        self._session.renew()

    def _look(self) -> LiveData:
        if self._old is None:
            return LiveData.OLD  # no statement that changes it was sent
        self._session.renew()
        # Once tables are created again, their names no longer say whose they are.
        is_old = not self._is_filling and objects_of(self._session, self._live) == self._old
        return LiveData.OLD if is_old else LiveData.MIXED

    def _split(self, write: Callable[[bytes], None]) -> list[str]:
        """Pass the tables of the dump on, and return the statements that create the rest."""
        dump = DumpSplitter(write)
        try:
            self._file.seek(0)
            while data := self._file.read(_CHUNK):
                dump.write(data)
        except OSError as error:
            raise ClientError(f"Cannot read the dump from its temporary file: {error}.") from None
        dump.finish()
        return dump.create_statements


def claim(session: MysqlSession, live: str) -> None:
    """Claim the right to restore a schema. Raises ``ClientError`` while another restore has it."""
    if session.value("SELECT GET_LOCK(%s, 0)", [_lock(live)]) != 1:
        raise ClientError("Another restore of this database is running.")


def release(session: MysqlSession, live: str) -> None:
    """Give up the right to restore a schema."""
    with suppress(ClientError):  # a session that was lost has lost it
        session.value("SELECT RELEASE_LOCK(%s)", [_lock(live)])


def is_claimed(session: MysqlSession, live: str) -> bool:
    """Return whether a restore of this schema is running."""
    return bool(session.value("SELECT IS_FREE_LOCK(%s)", [_lock(live)]) == 0)


def _lock(live: str) -> str:
    # Names of locks are limited to 64 characters, and compared without case.
    return f"django_rclone:{hashlib.sha256(live.encode()).hexdigest()[:40]}"
