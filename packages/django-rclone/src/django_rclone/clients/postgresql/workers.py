"""Sessions of our own that work at the same time, each in a thread, in a database of our own.

They commit each statement by itself. That a commit is on the disk is not waited for: what
makes the database the live one, much later, is written after it.
"""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from ...exceptions import ClientError
from .connection import PostgresqlSession
from .execution import Execution

_CANCELING = 0.5  # seconds between two attempts

# The search path changes with each statement; what is about a transaction is not shared.
_SETTINGS = """
SELECT name, setting FROM pg_settings WHERE source = 'session' AND context <> 'internal'
AND name NOT IN ('search_path', 'synchronous_commit') AND name NOT LIKE 'transaction_%'
ORDER BY name
"""

Work = Callable[[int, Execution], None]


class Workers:
    """Sessions that follow another one, that of the thread which leads."""

    def __init__(self, open_session: Callable[[], PostgresqlSession], count: int) -> None:
        """Open ``count`` sessions. Raises ``ClientError``."""
        self.count: Final = count
        self._sessions: list[PostgresqlSession] = []
        self._settings: list[tuple[Any, ...]] = []
        self._halt: Callable[[], None] = lambda: None
        try:
            while len(self._sessions) < count:
                self._sessions.append(open_session())
        except ClientError as error:
            self.close()
            raise ClientError(
                f"The {count + 1} sessions that --jobs {count} takes cannot be opened. "
                f"{error.message}",
                hint="Use fewer --jobs, or let the server, the database and the role have more "
                "connections.",
            ) from error
        except BaseException:
            self.close()
            raise
        self._executions = [Execution(one, local=False, savepoints=False) for one in self._sessions]

    def open(self, site_path: str) -> None:
        """Let them have the search path of the site. Raises ``ServerError``."""
        for execution in self._executions:
            execution.open(site_path)
            execution.set("synchronous_commit", "off")

    def follow(self, leader: PostgresqlSession) -> None:
        """Let them have the settings of ``leader``. Raises ``ServerError``."""
        settings = leader.rows(_SETTINGS)
        for name, value in settings if settings != self._settings else ():
            for execution in self._executions:
                execution.set(name, value)
        self._settings = settings

    def at_once(self, work: Work, lead: Callable[[], None], halt: Callable[[], None]) -> None:
        """Call ``work`` with number and session of each worker, and ``lead`` here, all at once.

        When one of them fails, ``halt()`` must let the others end; statements that they run
        are canceled. The first error is raised when all have ended.
        """
        errors: list[BaseException] = []
        self._halt = halt

        def attempt(part: Callable[[], None]) -> None:
            try:
                part()
            except BaseException as error:  # noqa: BLE001 - raised by the thread that leads
                errors.append(error)
                halt()

        threads = [
            threading.Thread(
                target=attempt, args=(partial(work, number, one),), name="worker", daemon=True
            )
            for number, one in enumerate(self._executions)
        ]
        for thread in threads:
            thread.start()
        attempt(lead)
        for thread in threads:
            while thread.is_alive():
                thread.join(_CANCELING)
                if errors and thread.is_alive():
                    self._cancel()
        if errors:
            raise errors[0]

    def cancel(self) -> None:
        """End what is run at once, from another thread than that which leads."""
        self._halt()
        self._cancel()

    def close(self) -> None:
        """End the sessions."""
        while self._sessions:
            self._sessions.pop().close()

    def _cancel(self) -> None:
        for session in self._sessions:
            session.cancel()
