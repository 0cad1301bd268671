"""Where a dump of MySQL or MariaDB is restored to: beside the live schema, or in its place."""

import hashlib
import logging
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

from ...exceptions import ProcessError, RestoreError
from ...interrupts import interruptible
from ...processes import Process
from ...redaction import redact
from .connection import Session, first_words, quoted
from .dump_format import Divider
from .schema import first_event, names_of_events, names_of_tables, objects_of
from .swap import Exchange, Undecided, run_exchange

logger = logging.getLogger(__name__)

_NAME_LENGTH = 64  # characters; https://mariadb.com/kb/en/identifier-names/
_MONTH = 2_592_000  # seconds
_CHUNK = 1 << 20

_CHARACTERS = """
SELECT default_character_set_name, default_collation_name
FROM information_schema.schemata WHERE schema_name = %s
"""

Load = Callable[[str], Process]
"""Returns the vendor's client, not started yet, that loads a script into a schema."""


class Scratch:
    """A target of the relay: loads a scratch schema, and exchanges it for the live one."""

    def __init__(
        self,
        session: Session,
        process: Process,
        *,
        live: str,
        names: tuple[str, str],
        patience: float,
    ) -> None:
        self.changed: bool | None = False
        self._session = session
        self._process = process
        self._divider = Divider(process.write)
        self._live = live
        self._scratch, self._aside = names
        self._patience = patience

    def write(self, data: bytes) -> None:
        """Give the client more of the dump."""
        self._divider.write(data)

    def commit(self) -> None:
        """Load what is left, and make the scratch schema the live one."""
        # Building indexes may take long, and the live schema is untouched yet.
        with interruptible():
            self._divider.finish()
            self._process.finish()
        try:
            exchange = self._exchange()
            self._session.execute(f"CREATE DATABASE {quoted(self._aside)}")
        except self._session.error as error:
            raise _told(error) from None
        self.changed = None
        try:
            run_exchange(self._session, exchange, lock_timeout=self._patience)
        except Undecided:
            raise
        except RestoreError:
            self.changed = False
            raise
        self.changed = True

    def _exchange(self) -> Exchange:
        """Complete the scratch schema, which proves that it can be, and read both."""
        session, making = self._session, self._divider.making
        events = first_event(making)
        session.execute(f"USE {quoted(self._scratch)}")
        for statement in making[:events]:
            session.execute(statement)
        if names_of_events(session, self._scratch):
            raise RestoreError(
                "The dump makes events together with its tables, as dumps of other tools do.",
                hint="Make it anew without them: `mariadb-dump --skip-events`.",
            )
        new = replace(objects_of(session, self._scratch), events=tuple(making[events:]))
        # Of a dump of ours the end was seen: nothing is what it was made of.
        if not new.tables and not new.making and not self._divider.is_ours:
            raise RestoreError("The dump makes nothing.")
        for statement in new.untriggering:
            session.execute(statement)
        old = objects_of(session, self._live)
        return Exchange(live=self._live, scratch=self._scratch, aside=self._aside, old=old, new=new)


@contextmanager
def beside(session: Session, load: Load, live: str, *, patience: float) -> Iterator[Scratch]:
    """Yield what restores into a scratch schema. In the end nothing but the live one is left.

    ``patience`` is how many seconds to wait for sessions that use the live tables.
    Raises ``RestoreError``.
    """
    names = new_names(live)
    try:
        session.execute(f"SET SESSION wait_timeout = {_MONTH}")
        claim(session, live)
        sweep(session, live)
        ((charset, collation),) = session.rows(_CHARACTERS, [live])
        session.execute(
            f"CREATE DATABASE {quoted(names[0])} CHARACTER SET {charset} COLLATE {collation}"
        )
    except session.error as error:
        raise _told(error) from None
    target = None
    try:
        with load(names[0]) as process:
            target = Scratch(session, process, live=live, names=names, patience=patience)
            yield target
    finally:
        # As long as nobody knows where the old tables are, nothing is dropped.
        if target is None or target.changed is not None:
            for name in names:
                drop(session, name)


class InPlace:
    """A target of the relay: keeps the dump in a file until it has proved to be whole."""

    def __init__(self, session: Session, load: Load, live: str, file: IO[bytes]) -> None:
        self.changed: bool | None = False
        self._session = session
        self._load = load
        self._live = live
        self._file = file

    def write(self, data: bytes) -> None:
        """Keep more of the dump."""
        try:
            self._file.write(data)
        except OSError as error:
            raise RestoreError(f"The dump cannot be kept in a file: {error}.") from None

    def commit(self) -> None:
        """Empty the live schema, and load the dump into it."""
        # What cannot be taken apart must be found before anything is emptied.
        self._divided(lambda data: None)
        try:
            self.changed = None
            clear(self._session, self._live)
            self.changed = True
            with self._load(self._live) as process:
                making = self._divided(process.write)
                process.finish()
            self._session.execute(f"USE {quoted(self._live)}")
            for statement in making:
                self._session.execute(statement)
        except (ProcessError, RestoreError, self._session.error) as error:
            said = redact(str(error))[:1000]
            raise RestoreError(
                f"The database is no longer what it was, nor what the backup is: {said}",
                hint="Remove the cause and restore again. A role that may make schemas is "
                "spared this: see the documentation of MySQL and MariaDB.",
            ) from None

    def _divided(self, write: Callable[[bytes], None]) -> list[str]:
        """Pass on the tables of the dump, and return the statements that make the rest."""
        divider = Divider(write)
        try:
            self._file.seek(0)
            while data := self._file.read(_CHUNK):
                divider.write(data)
        except OSError as error:
            raise RestoreError(f"The dump cannot be read from its file: {error}.") from None
        divider.finish()
        return divider.making


def new_names(live: str) -> tuple[str, str]:
    """Return names for a scratch schema and for one that takes what is replaced."""
    word = secrets.token_hex(4)
    return f"{_stem(live)}_restoring_{word}", f"{_stem(live)}_replaced_{word}"


def claim(session: Session, live: str) -> None:
    """Raise ``RestoreError`` while another restore of this schema is running."""
    if session.value("SELECT GET_LOCK(%s, 0)", [_lock(live)]) != 1:
        raise RestoreError("Another restore of this database is running.")


def is_claimed(session: Session, live: str) -> bool:
    """Whether a restore of this schema is running."""
    return bool(session.value("SELECT IS_FREE_LOCK(%s)", [_lock(live)]) == 0)


def sweep(session: Session, live: str) -> None:
    """Drop what killed runs left. Only to be called while no restore is running."""
    pattern = re.compile(rf"{re.escape(_stem(live))}_(restoring|replaced)_[0-9a-f]{{8}}")
    for (name,) in session.rows("SELECT schema_name FROM information_schema.schemata"):
        if pattern.fullmatch(name):
            drop(session, name)


def parked_tables(session: Session, live: str) -> list[str]:
    """Return tables that a server which died in the middle of an exchange has left parked."""
    pattern = re.compile(r"replaced_[0-9a-f]{8}_\d+")
    return [name for name in names_of_tables(session, live) if pattern.fullmatch(name)]


def clear(session: Session, live: str) -> None:
    """Remove everything from a schema."""
    objects = objects_of(session, live)
    session.execute("SET SESSION foreign_key_checks = 0")
    for statement in objects.removing:
        session.execute(statement)
    for table in objects.tables:
        session.execute(f"DROP TABLE IF EXISTS {quoted(table)}")


def drop(session: Session, name: str) -> None:
    """Drop a schema of ours."""
    try:
        session.execute("SET SESSION foreign_key_checks = 0")
        session.execute(f"DROP DATABASE IF EXISTS {quoted(name)}")
    except session.error as error:
        # The next run tries again.
        logger.warning("Schema %s could not be dropped: %s", name, redact(first_words(error)))


def open_spool(folder: Path) -> IO[bytes]:
    """Return a new file for a dump, in a folder that only this user can read."""
    return (folder / "dump.sql").open("x+b")


def _stem(live: str) -> str:
    return live[: _NAME_LENGTH - len("_restoring_12345678")]


def _lock(live: str) -> str:
    # Names of locks are limited to 64 characters, and compared without case.
    return f"django_rclone:{hashlib.sha256(live.encode()).hexdigest()[:40]}"


def _told(error: Exception) -> RestoreError:
    said = redact(first_words(error))[:500]
    return RestoreError(f"The database cannot be restored: {said}.")
