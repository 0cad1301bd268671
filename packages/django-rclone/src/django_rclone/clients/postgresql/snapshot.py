"""One moment of the database, which a dump, its inventory and its checks all see."""

import logging
import threading
import time
from collections.abc import Callable, Collection
from functools import partial
from typing import Self

from ...backups.inventory import Inventory
from ..session import ServerError
from .catalog import Selection, describe_source, read_inventory
from .connection import PostgresqlSession
from .soundness import VIOLATED, checks_of_rows

logger = logging.getLogger(__name__)

_PATIENCE = 2.0  # seconds that counting may go on after the dump
_EXPORT = "SELECT pg_export_snapshot()"

# Small tables first: large ones are only counted if there is time while the dump streams.
_TABLES = """
SELECT i.identity FROM pg_class c, LATERAL pg_identify_object('pg_class'::regclass, c.oid, 0) i
WHERE c.relkind = 'r' AND c.oid >= 16384 AND i.identity = ANY(%(tables)s)
ORDER BY pg_relation_size(c.oid), 1
"""


class Snapshot:
    """A transaction that exports its snapshot. A context manager: leaving ends it.

    A thread counts rows and looks for what could not be restored, for as long as the dump
    takes: so the backup takes no longer for it.
    """

    def __init__(
        self,
        session: PostgresqlSession,
        selection: Selection,
        *,
        without: Collection[str] = (),
        without_rows: Collection[str] = (),
    ) -> None:
        """``session`` is for this alone.

        ``without`` are the tables that are not dumped, as the inventory calls them, and
        ``without_rows`` those whose rows are not.
        """
        self._session = session
        self._selection = selection
        self._without, self._without_rows = frozenset(without), frozenset(without_rows)
        self._inventory = Inventory({})
        self._rows: dict[str, int] = {}
        self.findings: list[str] = []
        """What could not be restored, in sentences; known once there is an inventory."""
        self._began = time.monotonic()
        self._path = ""
        self._stopped = False
        self._thread = threading.Thread(target=self._work, name="snapshot", daemon=True)
        self.name = ""
        """What pg_dump calls the snapshot."""

    def __enter__(self) -> Self:
        session = self._session
        session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        self.name = str(session.value(_EXPORT))
        about = describe_source(session, self._selection)
        self._path = str(session.value("SELECT current_setting('search_path')"))
        session.execute("SET LOCAL search_path = ''; SET LOCAL row_security = off")
        compared = read_inventory(session, self._selection, without=self._without)
        self._inventory = Inventory({**compared.objects, **about})
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._thread.ident is not None:
            self._stop()
        self._session.close()

    def inventory(self) -> Inventory:
        """Return what the dump holds, now that it has ended."""
        self._thread.join(max(_PATIENCE, (time.monotonic() - self._began) / 2))
        self._stop()
        return Inventory(self._inventory.objects, dict(self._rows))

    def _stop(self) -> None:
        self._stopped = True
        while self._thread.is_alive():
            self._session.cancel()
            self._thread.join(0.2)

    def _work(self) -> None:
        session = self._session
        try:
            tables = sorted(self._inventory.objects["table"] - self._without_rows)
            for (table,) in session.rows(_TABLES, {"tables": tables}):
                if (count := self._attempt(partial(self._count, table))) is not None:
                    self._rows[table] = int(count)
            session.rows("SELECT set_config('search_path', %(path)s, true)", {"path": self._path})
            for check in checks_of_rows(session):
                if self._attempt(partial(check.breaks, session)):
                    self.findings.append(check.sentence)
        except ServerError as error:
            # The inventory is whole without what was not counted.
            if not self._stopped:
                logger.info("Not all rows were counted: %s", error.reason)

    def _count(self, table: str) -> int:
        return int(self._session.value(f"SELECT count(*) FROM ONLY {table}"))

    def _attempt(self, ask: Callable[[], int | bool]) -> int | bool | None:
        """Return an answer, or ``None`` if this role cannot have it."""
        if self._stopped:
            raise ServerError("the dump has ended")
        self._session.execute("SAVEPOINT question")
        answer: int | bool | None = None
        try:
            answer = ask()
        except ServerError as error:
            if self._stopped:
                raise
            if error.code == VIOLATED:
                answer = True
            self._session.execute("ROLLBACK TO SAVEPOINT question")
        self._session.execute("RELEASE SAVEPOINT question")
        return answer
