"""Restores into a new PostgreSQL database, which then swaps names with the live one.

The site keeps running until the swap: both names change in one transaction.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial

from ...backups.inventory import Inventory
from ...exceptions import ClientError
from ...interrupts import uninterrupted
from ..session import ServerError
from ..staging import LiveData, Staging
from .catalog import Selection
from .connection import Connector, quote_name
from .contents import settings_of
from .databases import IN_PLACE_HINT, MAINTENANCE, create_database_like, explained
from .parallel import ParallelPlayer
from .piecewise import PiecewisePlayer
from .replay import Printer
from .restore import ReplayedRestore
from .workers import Workers

_STEM_BYTES = 36  # of the 63 of a name
_IN_USE = "55006"

_CLAIM = "SELECT pg_try_advisory_lock(hashtext('django_rclone'), hashtext(%(live)s))"

# Sessions of superusers cannot be terminated. Autovacuum yields to RENAME and DROP by itself.
_DISCONNECT = """
SELECT CASE WHEN pg_has_role(a.usesysid, 'MEMBER')
    OR pg_has_role('pg_signal_backend', 'MEMBER') AND NOT r.rolsuper
    THEN pg_terminate_backend(a.pid) END
FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
WHERE a.datname = %(name)s AND a.pid <> pg_backend_pid()
"""


class StagedRestore(ReplayedRestore):
    """Restores into the scratch database of ``staging``."""

    def __init__(
        self,
        printer: Printer,
        staging: "StagedDatabase",
        connector: Connector,
        expected: Inventory | None,
        *,
        jobs: int,
    ) -> None:
        """``staging`` has been entered. Up to ``jobs`` sessions work at once."""
        self._staging = staging
        server = {name.upper(): value for name, value in connector.parameters.items()}
        self.place: Mapping[str, object] = {**server, "NAME": staging.scratch}
        open_session = partial(connector.open, dbname=staging.scratch)
        session, settings = open_session(), settings_of(expected)
        try:
            self._workers = Workers(open_session, jobs if jobs > 1 else 0)
        except BaseException:
            session.close()
            raise
        player = (
            ParallelPlayer(session, self._workers, settings=settings)
            if jobs > 1
            else PiecewisePlayer(session, settings=settings)
        )
        timeout = connector.lock_timeout
        super().__init__(printer, session, player, Selection(), expected, lock_timeout=timeout)

    def __exit__(self, *exc_info: object) -> None:
        super().__exit__(*exc_info)
        self._close()

    def finish(self) -> None:
        """See ``ReplayedRestore.finish()``; and commit to the scratch database."""
        super().finish()
        self._session.execute("COMMIT")
        # The name of a database cannot change while there is a session.
        self._close()

    def swap(self) -> None:
        """Swap the names of both databases; see ``RestoreTarget.swap()``."""
        self._staging.swap()

    def _close(self) -> None:
        self._workers.close()
        self._session.close()


class StagedDatabase(Staging):
    """A new database with the locale, owner, settings and grants of the live one.

    Close it after leaving its context.
    """

    def __init__(self, connector: Connector, live: str, *, keep_previous: bool) -> None:
        """``keep_previous`` keeps the replaced database under another name."""
        super().__init__(live, stem_bytes=_STEM_BYTES)
        if keep_previous:
            self.aside = f"{self.stem}_before_{datetime.now(UTC):%Y%m%d%H%M%S}"
        self._keep_previous = keep_previous
        self._connector = connector
        self._admin = connector.open(dbname=MAINTENANCE)
        self._found_by_oid: dict[int, LiveData] = {}
        self._hint_when_broken = (
            f"If there is no database {live}, rename {self.aside} (the old data) or "
            f"{self.scratch} (the restored data) to it."
        )

    def close(self) -> None:
        """End the session with the server."""
        self._admin.close()

    def _claim(self) -> None:
        if not self._admin.value(_CLAIM, {"live": self.live}):
            raise ClientError("Another restore of this database is running.")

    def _places(self) -> list[str]:
        return [name for (name,) in self._admin.rows("SELECT datname FROM pg_database")]

    def _create(self) -> None:
        # An interrupted session could not drop the database.
        with (
            uninterrupted(),
            explained("Cannot create a database to restore into", hint=IN_PLACE_HINT),
        ):
            create_database_like(self._admin, self.scratch, self.live)
            self._found_by_oid = {
                self._oid(self.live): LiveData.OLD,
                self._oid(self.scratch): LiveData.NEW,
            }
            # Read now: the session may be lost later.
            _ = self._admin.identity

    def _drop(self, name: str) -> None:
        # DROP ... WITH (FORCE) is refused while autovacuum, a superuser, works there.
        self._admin.rows(_DISCONNECT, {"name": name})
        self._admin.execute(f"DROP DATABASE IF EXISTS {quote_name(name)}")

    def _drop_after_swap(self) -> None:
        if not self._keep_previous:
            super()._drop_after_swap()

    def _swap(self) -> None:
        deadline = time.monotonic() + self._connector.lock_timeout
        with explained("Cannot swap in the restored database", hint=IN_PLACE_HINT):
            while True:
                try:
                    self._swap_names()
                    return
                except ServerError as error:
                    if error.code != _IN_USE or time.monotonic() > deadline:
                        raise
                    self._admin.execute("ROLLBACK")

    def _swap_names(self) -> None:
        admin = self._admin
        live, aside, scratch = map(quote_name, (self.live, self.aside, self.scratch))
        admin.execute("BEGIN")
        admin.rows(_DISCONNECT, {"name": self.live})
        admin.execute(f"ALTER DATABASE {live} RENAME TO {aside}")
        admin.execute(f"ALTER DATABASE {scratch} RENAME TO {live}")
        admin.execute("COMMIT")

    def _look(self) -> LiveData:
        """Look which database has the live name, after the session that swapped has ended."""
        self._admin.close()
        self._admin = self._connector.reopen(self._admin.identity, dbname=MAINTENANCE)
        self._claim()
        return self._found_by_oid.get(self._oid(self.live), LiveData.MIXED)

    def _oid(self, name: str) -> int:
        query = "SELECT oid FROM pg_database WHERE datname = %(name)s"
        return int(self._admin.value(query, {"name": name}) or 0)
