"""Questions to a server, for which a caller need not wait as long as the driver does.

Some drivers (mysqlclient, psycopg2) wait for an answer in C code, in which no signal is
noticed: a lock that somebody else holds would then keep a command from being stopped.
"""

import os
import queue
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from ..interrupts import LOOK, interruptible, look

Answer = TypeVar("Answer")

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
