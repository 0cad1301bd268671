"""Questions to a server, for which a caller need not wait as long as the driver does.

Some drivers (mysqlclient, psycopg2) wait for an answer in C code, in which no signal is
noticed: a lock that somebody else holds would then keep a command from being stopped.
"""

import os
import queue
import re
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any, TypeVar

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import Error, IntegrityError

from ..exceptions import ClientError
from ..interrupts import LOOK, interruptible, look

Answer = TypeVar("Answer")

_MIGRATIONS_TIMEOUT = 60.0  # seconds
_GRACE = 2.0  # seconds for the driver to notice that its connection is gone


class NoAnswer(Exception):
    """The server did not answer in time."""


def answer_to(
    question: Callable[[], Answer],
    *,
    give_up: Callable[[], object],
    lost: Callable[[], object] = lambda: None,
    seconds: float | None = None,
) -> Answer:
    """Return the answer to a question, asked in a thread, or raise what asking it raises.

    The wait may be interrupted. Then, and after so many ``seconds``, ``give_up()`` must let
    the thread end; if it does not, ``lost()`` is called, and nobody may use again what it
    uses. Raises ``NoAnswer`` after that time.
    """
    answers: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put((question(), None))
        except BaseException as error:  # noqa: BLE001 - raised by whoever waits
            answers.put((None, error))

    thread = threading.Thread(target=ask, name="django-rclone-question", daemon=True)
    thread.start()
    try:
        answer, error = _awaited(answers, seconds)
    except BaseException:
        with suppress(Exception):
            give_up()
        thread.join(_GRACE)
        if thread.is_alive():
            lost()
        raise
    thread.join()
    if error is not None:
        raise error
    result: Answer = answer
    return result


def _awaited(
    answers: "queue.SimpleQueue[tuple[Any, BaseException | None]]", seconds: float | None
) -> tuple[Any, BaseException | None]:
    deadline = None if seconds is None else time.monotonic() + seconds
    with interruptible():
        while True:
            with suppress(queue.Empty):
                return answers.get(timeout=LOOK)
            look()
            if deadline is not None and time.monotonic() > deadline:
                raise NoAnswer


class Line:
    """The line on which a driver is about to ask; it refuses to name it during a question."""

    def __init__(self, connection: Any) -> None:
        self._descriptor: int | None = None
        with suppress(Exception):
            self._descriptor = connection.fileno()

    def hang_up(self) -> None:
        """End the connection under the driver's hands, if that said which one it is."""
        if self._descriptor is not None:
            with socket.socket(fileno=os.dup(self._descriptor)) as end:
                end.shutdown(socket.SHUT_RDWR)


def applied_migrations(of: BaseDatabaseWrapper) -> tuple[str, ...]:
    """Return the migrations applied in the database of a connection, as ``app.name``, sorted.

    Raises ``ClientError`` when they cannot be read.
    """
    # A connection of its own: a dump may be using the other one.
    connection = of.copy()
    # A driver that still uses it after all must not see it closed.
    stack = ExitStack()
    stack.callback(connection.close)
    connection.inc_thread_sharing()
    try:
        answer_to(connection.ensure_connection, give_up=lambda: None, lost=stack.pop_all)
        applied = answer_to(
            partial(_read_migrations, connection),
            give_up=Line(connection.connection).hang_up,
            lost=stack.pop_all,
            seconds=_MIGRATIONS_TIMEOUT,
        )
    except NoAnswer:
        raise ClientError(
            f"The table of migrations could not be read for {_MIGRATIONS_TIMEOUT:g} seconds.",
            hint="Another session holds a lock on it. Try again later.",
        ) from None
    except Error as error:
        raise ClientError(f"Cannot read the applied migrations: {error}.") from error
    finally:
        stack.close()
    return tuple(sorted(f"{app}.{name}" for app, name in applied))


def _read_migrations(connection: BaseDatabaseWrapper) -> set[tuple[str, str]]:
    """Return app and name of every applied migration.

    Django's recorder would read them through the connection that the alias has in this thread.
    """
    recorder = MigrationRecorder(connection)
    if not recorder.has_table():
        return set()
    table = connection.ops.quote_name(recorder.Migration._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT app, name FROM {table}")  # noqa: S608
        return {(app, name) for app, name in cursor.fetchall()}


def broken_foreign_keys(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the table that Django finds foreign keys in that do not hold, if there is one.

    Raises ``Error`` of Django: its queries are not made for every name.
    """
    try:
        connection.check_constraints()
    except IntegrityError as error:
        # The rest of its message quotes the row.
        table = re.search(r"^The row in table '([^']*)'", str(error))
        return [table[1] if table else "(of a name that is not known)"]
    return []
