"""Replacing the content of a PostgreSQL database in one transaction.

``pg_restore`` turns the dump into a script, and the script is run on a connection
of ours. psql is never involved: a dump can make it run programs.
"""

import logging
import threading

from ...exceptions import ProcessError, RestoreError
from ...interrupts import interruptible
from ...processes import Process
from ...redaction import redact
from .connection import Session, first_words, sqlstate
from .schema import drop_user_objects
from .script import Script, ScriptCut, ScriptError, Statement
from .statements import Rules

logger = logging.getLogger(__name__)

_READ_SIZE = 1 << 18
_LOCKED = ("55P03", "40P01")

_OF_SUPERUSERS = """
SELECT EXISTS (SELECT FROM pg_publication) OR EXISTS (SELECT FROM pg_event_trigger)
"""
_PREPARATION = """
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SET LOCAL lock_timeout = {lock_timeout};
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL search_path = pg_catalog;
"""


class Replay:
    """A target of the relay: feeds pg_restore, and runs what it prints, in a thread.

    Nothing of the database is touched before pg_restore has accepted the dump.
    """

    def __init__(
        self,
        process: Process,
        session: Session,
        *,
        schemas: tuple[str, ...] = (),
        lock_timeout: float,
    ) -> None:
        self.changed: bool | None = False
        self._process = process
        self._session = session
        self._schemas = schemas
        self._lock_timeout = lock_timeout
        self._rules = Rules()
        self._failure: Exception | None = None
        self._stopped = False
        self._place = "at its beginning"
        self._thread = threading.Thread(target=self._work, name="replay", daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        """Give pg_restore more of the dump."""
        if self._failure and not isinstance(self._failure, ScriptCut):
            raise self._told(self._failure)
        try:
            self._process.write(data)
        except ProcessError:
            self._thread.join()
            if self._failure and not isinstance(self._failure, ScriptCut):
                raise self._told(self._failure) from None
            raise

    def finish(self) -> None:
        """Wait until all is replayed. The transaction is still open then."""
        self._process.close_input()
        # Building indexes may take long, and until the commit all can be undone.
        with interruptible():
            self._thread.join()
        # If pg_restore died, its own words tell more than how its script ends.
        self._process.finish()
        if self._failure:
            raise self._told(self._failure)

    def commit(self) -> None:
        """Make the restored content the live one."""
        self.finish()
        self.changed = None
        try:
            self._session.execute("COMMIT")
        except self._session.error as error:
            if sqlstate(error):
                # The server refused; without a word from it, nobody knows.
                self.changed = False
            raise self._told(error) from None
        self.changed = True

    def stop(self) -> None:
        """End the thread, whatever it does."""
        self._stopped = True
        self._process.terminate()
        while self._thread.is_alive():
            self._session.cancel()
            self._thread.join(0.5)

    def _work(self) -> None:
        try:
            self._replay()
        except Exception as error:  # noqa: BLE001 - told by the thread that waits
            self._failure = error
        finally:
            # Otherwise pg_restore would wait for us, and so would who feeds it.
            while self._process.read(_READ_SIZE):
                pass

    def _replay(self) -> None:
        begun = False
        for statement in Script(self._process.read):
            if self._stopped:
                return
            if not begun:
                self._begin()
                begun = True
            self._run(statement)
        self._place = "at its end"

    def _begin(self) -> None:
        session = self._session
        known = {row[0] for row in session.rows("SELECT name FROM pg_settings")}
        session.execute(_PREPARATION.format(lock_timeout=int(self._lock_timeout * 1000)))
        if "client_connection_check_interval" in known:
            # If we are killed, the server notices even within a long statement.
            session.execute("SET LOCAL client_connection_check_interval = '2s'")
        kept = drop_user_objects(session, self._schemas)
        self._rules = Rules(
            settings=frozenset(known),
            schemas=kept,
            superusers_own=session.rows(_OF_SUPERUSERS) == [(True,)],
        )

    def _run(self, statement: Statement) -> None:
        text = statement.text
        # Not what SELECT runs: that holds the content of large objects.
        if not text.startswith(b"SELECT"):
            self._place = f"at: {' '.join(text[:160].decode('utf-8', 'replace').split())}"
        if statement.rows is not None:
            self._copy(statement)
        elif not self._rules.is_needless(text):
            self._execute(text, self._rules.tolerated(text))

    def _copy(self, statement: Statement) -> None:
        assert statement.rows is not None
        first = statement.rows(_READ_SIZE)
        if not first:
            # Without rows no right to write is needed: tables of extensions are not ours.
            return
        pieces = [first]
        read = statement.rows
        self._session.copy(statement.text, lambda size: pieces.pop() if pieces else read(size))

    def _execute(self, text: bytes, tolerated: tuple[str, ...]) -> None:
        if not tolerated:
            self._session.execute(text)
            return
        self._session.execute("SAVEPOINT tolerant")
        try:
            self._session.execute(text)
        except self._session.error as error:
            if sqlstate(error) not in tolerated:
                raise
            self._session.execute("ROLLBACK TO SAVEPOINT tolerant")
            said = redact(first_words(error))
            logger.warning("Not restored (%s): %s", said, text[:200].decode("utf-8", "replace"))
        self._session.execute("RELEASE SAVEPOINT tolerant")

    def _told(self, error: Exception) -> Exception:
        if isinstance(error, RestoreError):
            return error
        if isinstance(error, ScriptError):
            return RestoreError(str(error))
        said = redact(first_words(error))[:500]
        if sqlstate(error) in _LOCKED:
            return RestoreError(
                f"The live database is in use: {said} (after {self._lock_timeout:g} seconds).",
                hint="Stop the site or end the sessions that use it, and run the restore again.",
            )
        return RestoreError(f"The backup cannot be restored: {said} ({redact(self._place)}).")
