"""Replaces the content of a PostgreSQL database within one transaction.

pg_restore turns the dump into a script, which is run in a session of our own; of SQL text
cat prints it as it is. psql is not used: a dump could start programs through it. Bytes go
from left to right, errors come back to the relay::

    relay --write()--> pg_restore --stdout--> thread: Script -> Player -> server
      ^                    |                               |
      +---- ProcessError --+------- _failure --------------+

The thread keeps its error in ``_failure``, and reads the rest of the output, so that
pg_restore does not block. The next ``write()`` or ``finish()`` raises the error. If the
script is truncated, however, the error of pg_restore comes first: it names the cause.
"""

import threading
from collections.abc import Callable
from itertools import chain
from typing import Self

from ...exceptions import ClientError, ProcessError
from ...interrupts import uninterrupted
from ...processes import Process
from ...redaction import redact
from ..session import ServerError
from .execution import LOCKED
from .limits import MORE_LOCKS
from .player import Player
from .script import Script, TruncatedScript

Printer = Callable[[bytes], Process]
"""Makes the program that prints the script of a dump, of which it gets the first bytes."""

_READ_SIZE = 1 << 18  # bytes
_NO_PRIVILEGE = "42501"
_OUT_OF_MEMORY = "53200"


class Replay:
    """A sink that feeds a program and runs what it prints, in a thread.

    It is a context manager: the first bytes start program and thread, leaving stops them.
    Nothing in the database is touched before the program has accepted the dump.
    """

    def __init__(
        self,
        printer: Printer,
        player: Player,
        *,
        clear: Callable[[Player], None],
        lock_timeout: float,
    ) -> None:
        """``printer`` makes the program, and ``player`` runs what it prints.

        ``clear`` makes room within the transaction. ``lock_timeout`` is that of its
        sessions, in seconds.
        """
        self._printer = printer
        self._process: Process | None = None
        self._player = player
        self._clear = clear
        self._lock_timeout = lock_timeout
        self._failure: Exception | None = None
        self._stopped = False
        self._place = "at its beginning"
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._process is None:
            return
        self._stopped = True
        self._process.terminate()
        while self._thread.is_alive():
            self._player.cancel()
            self._thread.join(0.5)
        self._process.stop()

    def write(self, data: bytes) -> None:
        """Give the program more of the dump. Raises ``ClientError`` or ``ProcessError``."""
        process = self._process or self._begin(data)
        self._raise_failure()
        try:
            process.write(data)
        except ProcessError:
            self._ended.wait()
            self._raise_failure()
            raise

    def finish(self) -> None:
        """Wait until everything is replayed, and leave the transaction open.

        Raises ``ClientError`` or ``ProcessError``.
        """
        process = self._process or self._begin(b"")
        process.close_input()
        # Not join(): interrupted by a signal, it takes a running thread for one that ended.
        self._ended.wait()
        process.finish()
        if self._failure:
            raise self._failure

    def _begin(self, head: bytes) -> Process:
        with uninterrupted():
            process = self._process = self._printer(head).__enter__()
            self._thread = threading.Thread(
                target=self._work, args=(process,), name="replay", daemon=True
            )
            self._thread.start()
        return process

    def _raise_failure(self) -> None:
        if self._failure and not isinstance(self._failure, TruncatedScript):
            raise self._failure

    def _work(self, process: Process) -> None:
        try:
            self._replay(Script(process.read))
        except ServerError as error:
            self._failure = self._explained(error)
        except Exception as error:  # noqa: BLE001 - raised by write() or finish()
            self._failure = error
        finally:
            try:
                while process.read(_READ_SIZE):
                    pass
            finally:
                self._ended.set()

    def _replay(self, script: Script) -> None:
        statements = iter(script)
        first = next(statements, None)
        if first is None:
            raise TruncatedScript("before its first statement")
        self._player.open()
        self._clear(self._player)
        for statement in chain([first], statements):
            if self._stopped:
                return
            self._player.run(statement)
        if not script.ended:
            raise TruncatedScript("before its last line")
        self._place = "at its end"
        self._player.end()

    def _where(self) -> str:
        statement = self._player.statement
        if statement is None:
            return self._place
        # A SELECT may contain data of a large object, which must not be shown.
        if statement.text.startswith(b"SELECT"):
            return str(statement.entry)
        shown = " ".join(statement.text[:160].decode("utf-8", "replace").split())
        return f"{statement.entry}, at: {shown}"

    def _explained(self, error: ServerError) -> ClientError:
        if error.code in LOCKED:
            return ClientError(
                f"The live database is in use: {error.reason} "
                f"(after {self._lock_timeout:g} seconds).",
                hint="Stop the site or end the sessions that use it, and run the restore again.",
            )
        if error.code == _NO_PRIVILEGE:
            return ClientError(
                f"The role may not restore this: {error.reason} ({redact(self._where())}).",
                hint="Let it own the database, and what is in it: ALTER DATABASE ... OWNER TO ...; "
                "ALTER SCHEMA public OWNER TO ...",
            )
        if error.code == _OUT_OF_MEMORY:
            return ClientError(
                f"The server is out of memory for locks: {error.reason}.", hint=MORE_LOCKS
            )
        return ClientError(
            f"The backup cannot be restored: {error.reason} ({redact(self._where())}).",
            hint="Restore another backup, or get what can be had of this one, next to the live "
            "database, with --salvage.",
        )
