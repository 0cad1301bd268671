"""One moment of the database, which a dump, its inventory and its checks all see."""

import logging
import threading
import time
from collections.abc import Collection, Sequence
from typing import Any, Self

from ...backups.inventory import Inventory
from ...interrupts import interruptible
from ..session import ServerError
from .answers import answers, count_of, in_lots
from .catalog import Selection
from .connection import PostgresqlSession
from .contents import Contents
from .execution import path_in
from .soundness import UNRESOLVED, RowCheck, checks_of_rows, impossible_rules

logger = logging.getLogger(__name__)

_PATIENCE = 2.0  # seconds that counting may go on after the dump
_EXPORT = "SELECT pg_export_snapshot()"
# To compile hundreds of small questions takes longer than to answer them.
_SETTINGS = (
    "SET LOCAL search_path = ''; SET LOCAL row_security = off; "
    "SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL jit = off"
)

# Small tables first: large ones are only counted if there is time while the dump streams.
_SIZES = """
SELECT oid, pg_relation_size(oid) FROM pg_class WHERE relkind = 'r' AND oid = ANY(%(tables)s::oid[])
ORDER BY 2, 1
"""


class Snapshot:
    """A transaction that exports its snapshot. A context manager: leaving ends it.

    While the dump streams, a thread describes what it holds; then it counts rows and looks
    for what could not be restored, for as long as the dump takes.
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
        self._tables: dict[int, str] = {}
        self._rows: dict[str, int] = {}
        self.findings: list[str] = []
        """What could not be restored, in sentences; known once there is an inventory."""
        self._began = time.monotonic()
        self._path = ""
        self._stopped = False
        self._described, self._ended = threading.Event(), threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._work, name="snapshot", daemon=True)
        self.name = ""
        """What pg_dump calls the snapshot."""

    def __enter__(self) -> Self:
        session = self._session
        session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        self.name = str(session.value(_EXPORT))
        self._path = str(session.value("SELECT current_setting('search_path')"))
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._thread.ident is not None:
            self._stop()
        self._session.close()

    def inventory(self) -> Inventory:
        """Return what the dump holds, now that it has ended. Raises ``ServerError``."""
        # Not join(): interrupted by a signal, it takes a running thread for one that ended.
        with interruptible():
            self._described.wait()
            if self._failure:
                raise self._failure
            self._ended.wait(max(_PATIENCE, (time.monotonic() - self._began) / 2))
        self._stop()
        return Inventory(self._inventory.objects, dict(self._rows))

    def _stop(self) -> None:
        self._stopped = True
        while self._thread.is_alive():
            self._session.cancel()
            self._thread.join(0.2)

    def _work(self) -> None:
        try:
            self._describe()
            self._described.set()
            self._count()
            self._look_for_what_cannot_be_restored()
        except Exception as error:
            # The inventory is whole without what was not counted.
            if not self._described.is_set():
                self._failure = error
            elif not isinstance(error, ServerError):
                raise
            elif not self._stopped:
                logger.info("Not all rows were counted: %s", error.reason)
        finally:
            self._described.set()
            self._ended.set()

    def _describe(self) -> None:
        session = self._session
        session.execute(_SETTINGS)
        contents = Contents.read(session, self._selection)
        compared = contents.inventory(session, self._selection, without=self._without)
        about = contents.about(session, self._selection, path=self._path)
        self._inventory = Inventory({**compared.objects, **about})
        counted = compared.objects["table"] - self._without_rows
        self._tables = {
            one.address[1]: one.identity
            for one in contents.objects
            if one.kind == "table" and one.identity in counted
        }

    def _count(self) -> None:
        rows = self._session.rows(_SIZES, {"tables": list(self._tables)})
        sizes = {self._tables[number]: size for number, size in rows}
        for lot in in_lots(sizes, size=sizes.__getitem__):
            counts = self._answers([count_of(table) for table in lot])
            counted = zip(lot, counts, strict=True)
            self._rows |= {table: n for table, n in counted if isinstance(n, int)}

    def _look_for_what_cannot_be_restored(self) -> None:
        session = self._session
        self._use_path(self._path)
        self.findings += impossible_rules(session)
        for checks in in_lots(checks_of_rows(session), size=lambda check: check.size):
            said = self._answers([check.query for check in checks])
            for check, answer in zip(checks, said, strict=True):
                self._judge(check, answer if answer not in UNRESOLVED else self._answer_of(check))

    def _answer_of(self, check: RowCheck) -> Any:
        """Ask again, as the restore does."""
        self._use_path(path_in(self._path, check.schema))
        [answer] = self._answers([check.query])
        self._use_path(self._path)
        return answer

    def _judge(self, check: RowCheck, answer: Any) -> None:
        if answer in UNRESOLVED:
            self.findings.append(check.unresolved)
        elif check.is_broken(answer):
            self.findings.append(check.sentence)

    def _use_path(self, path: str) -> None:
        self._session.rows("SELECT set_config('search_path', %(path)s, true)", {"path": path})

    def _answers(self, queries: Sequence[str]) -> list[Any]:
        """Return the answer to each query, or the code of the error with which it fails."""
        if self._stopped:
            raise ServerError("the dump has ended")
        self._session.execute("SAVEPOINT question")
        found: list[Any] = []
        code = ""
        try:
            found = answers(self._session, queries)
        except ServerError as error:
            if self._stopped:
                raise
            code = error.code
            self._session.execute("ROLLBACK TO SAVEPOINT question")
        self._session.execute("RELEASE SAVEPOINT question")
        if found:
            return found
        if len(queries) == 1:
            return [code]
        return [self._answers([query])[0] for query in queries]
