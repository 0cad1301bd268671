"""Replaces the content of a PostgreSQL database within one transaction.

pg_restore turns the dump into a script, which is run in a session of our own. psql is
not used: a dump could start programs through it. Bytes go from left to right, errors
come back to the relay::

    relay --write()--> pg_restore --stdout--> thread: Script -> StatementPolicy -> server
      ^                    |                               |
      +---- ProcessError --+------- _failure --------------+

The thread keeps its error in ``_failure``, and reads the rest of the output, so that
pg_restore does not block. The next ``write()`` or ``finish()`` raises the error. If the
script is truncated, however, the error of pg_restore comes first: it names the cause.
"""

import logging
import threading
from itertools import chain
from typing import Self

from ...exceptions import ClientError, ProcessError
from ...processes import Process
from ...redaction import redact
from ..session import ServerError
from .connection import PostgresqlSession
from .schema import drop_user_objects
from .script import Script, Statement, TruncatedScript
from .statements import StatementPolicy

logger = logging.getLogger(__name__)

_READ_SIZE = 1 << 18  # bytes
_LOCKED = ("55P03", "40P01")  # lock_not_available, deadlock_detected

_SUPERUSER_OBJECTS = """
SELECT EXISTS (SELECT FROM pg_publication) OR EXISTS (SELECT FROM pg_event_trigger)
"""
_BEGIN = """
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SET LOCAL search_path = pg_catalog;
"""


class Replay:
    """A sink that feeds pg_restore and runs what it prints, in a thread.

    It is a context manager: entering starts the thread, leaving stops it. Nothing in
    the database is touched before pg_restore has accepted the dump.
    """

    def __init__(
        self,
        process: Process,
        session: PostgresqlSession,
        *,
        schemas: tuple[str, ...] = (),
        lock_timeout: float,
    ) -> None:
        """``process`` is pg_restore. Only ``schemas`` are replaced, all without any.

        ``lock_timeout`` is that of the session, in seconds.
        """
        self._process = process
        self._session = session
        self._schemas = schemas
        self._lock_timeout = lock_timeout
        self._failure: Exception | None = None
        self._stopped = False
        self._place = "at its beginning"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="replay", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stopped = True
        self._process.terminate()
        while self._thread.is_alive():
            self._session.cancel()
            self._thread.join(0.5)

    def write(self, data: bytes) -> None:
        """Give pg_restore more of the dump. Raises ``ClientError`` or ``ProcessError``."""
        self._raise_failure()
        try:
            self._process.write(data)
        except ProcessError:
            self._ended.wait()
            self._raise_failure()
            raise

    def finish(self) -> None:
        """Wait until everything is replayed, and leave the transaction open.

        Raises ``ClientError`` or ``ProcessError``.
        """
        self._process.close_input()
        # Not join(): interrupted by a signal, it takes a running thread for one that ended.
        self._ended.wait()
        self._process.finish()
        if self._failure:
            raise self._failure

    def _raise_failure(self) -> None:
        if self._failure and not isinstance(self._failure, TruncatedScript):
            raise self._failure

    def _work(self) -> None:
        try:
            self._replay()
        except ServerError as error:
            self._failure = self._explained(error)
        except Exception as error:  # noqa: BLE001 - raised by write() or finish()
            self._failure = error
        finally:
            try:
                while self._process.read(_READ_SIZE):
                    pass
            finally:
                self._ended.set()

    def _replay(self) -> None:
        statements = iter(Script(self._process.read))
        first = next(statements, None)
        if first is None:
            raise TruncatedScript("before its first statement")
        self._open_transaction()
        kept_schemas = self._drop_live_objects()
        policy = self._new_policy(kept_schemas)
        for statement in chain([first], statements):
            if self._stopped:
                return
            self._run(statement, policy)
        self._place = "at its end"
        # Otherwise the commit would check deferred constraints, and could take long.
        self._session.execute("SET CONSTRAINTS ALL IMMEDIATE")

    def _open_transaction(self) -> None:
        self._session.execute(_BEGIN)

    def _drop_live_objects(self) -> frozenset[str]:
        return drop_user_objects(self._session, self._schemas)

    def _new_policy(self, kept_schemas: frozenset[str]) -> StatementPolicy:
        settings = {name for (name,) in self._session.rows("SELECT name FROM pg_settings")}
        if "client_connection_check_interval" in settings:
            # If this process is killed, the server notices even within a long statement.
            self._session.execute("SET LOCAL client_connection_check_interval = '2s'")
        return StatementPolicy(
            # pg_restore would switch it off.
            settings=frozenset(settings - {"lock_timeout"}),
            schemas=kept_schemas,
            keeps_superuser_objects=bool(self._session.value(_SUPERUSER_OBJECTS)),
        )

    def _run(self, statement: Statement, policy: StatementPolicy) -> None:
        text = statement.text
        # A SELECT may contain data of a large object, which must not be shown.
        if not text.startswith(b"SELECT"):
            self._place = f"at: {' '.join(text[:160].decode('utf-8', 'replace').split())}"
        if statement.rows is not None:
            # Without rows no privilege is needed: the table of an extension may belong to others.
            if not statement.rows.are_empty():
                self._session.copy(text, statement.rows.read)
        elif not policy.skips(text):
            self._execute(text, policy.ignorable_errors(text))

    def _execute(self, text: bytes, ignorable: tuple[str, ...]) -> None:
        if not ignorable:
            self._session.execute(text)
            return
        self._session.execute("SAVEPOINT ignorable")
        try:
            self._session.execute(text)
        except ServerError as error:
            if error.code not in ignorable:
                raise
            self._session.execute("ROLLBACK TO SAVEPOINT ignorable")
            shown = text[:200].decode("utf-8", "replace")
            logger.warning("Not restored (%s): %s", error.reason, shown)
        self._session.execute("RELEASE SAVEPOINT ignorable")

    def _explained(self, error: ServerError) -> ClientError:
        if error.code in _LOCKED:
            return ClientError(
                f"The live database is in use: {error.reason} "
                f"(after {self._lock_timeout:g} seconds).",
                hint="Stop the site or end the sessions that use it, and run the restore again.",
            )
        return ClientError(
            f"The backup cannot be restored: {error.reason} ({redact(self._place)})."
        )
