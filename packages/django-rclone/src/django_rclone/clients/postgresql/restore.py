"""Restores in place: the transaction of the replay replaces the live data when it commits."""

from collections.abc import Sequence
from contextlib import closing
from typing import Self

from ...backups.inventory import Inventory
from ...exceptions import ClientError
from ..session import ServerError
from ..staging import LiveData, swap_and_look
from .catalog import Selection
from .clearing import ClearingPlan, clear, plan_clearing
from .comparing import require_restored
from .connection import Connector, PostgresqlSession
from .contents import settings_of
from .player import Player
from .replay import Printer, Replay

ONE_SESSION = (
    "a restore in place is one transaction, which one session runs. Several can work where the "
    'role may swap databases: with the option "restore_mode" "swap" of this database in CLIENTS'
)
_OUTCOMES = {"committed": LiveData.NEW, "aborted": LiveData.OLD}


class ReplayedRestore:
    """A ``RestoreTarget`` whose dump is replayed in a session. ``swap()`` is up to its kind."""

    def __init__(
        self,
        printer: Printer,
        session: PostgresqlSession,
        player: Player,
        selection: Selection,
        expected: Inventory | None,
        *,
        lock_timeout: float,
    ) -> None:
        """``printer`` is that of ``Replay``, and ``selection`` says what of the database is replaced.

        ``lock_timeout`` is that of the session, in seconds.
        """
        self._session = session
        self._selection = selection
        self._expected = expected
        self._plan = ClearingPlan(dropped=(), kept=(), conflicts=())
        self._player = player
        self._replay = Replay(printer, player, clear=self._clear, lock_timeout=lock_timeout)

    def __enter__(self) -> Self:
        self._replay.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._replay.__exit__(*exc_info)

    @property
    def remarks(self) -> Sequence[str]:
        """What was left out of the restore."""
        return self._player.not_restored

    def write(self, data: bytes) -> None:
        """Replay more of the dump."""
        self._replay.write(data)

    def finish(self) -> None:
        """Replay the rest, check constraints and compare; the transaction stays open."""
        self._replay.finish()
        if self._expected is not None:
            require_restored(
                self._session, self._selection, self._expected, self._plan, self._player.rows
            )

    def _clear(self, player: Player) -> None:
        self._plan = plan_clearing(self._session, self._selection, self._expected)
        clear(self._session, self._selection, self._plan, self._expected)
        player.follow(schemas=self._plan.kept_schemas, kept_kinds=self._plan.kept_kinds)


class InPlaceRestore(ReplayedRestore):
    """Keeps everything in one open transaction until ``swap()``."""

    def __init__(
        self,
        printer: Printer,
        session: PostgresqlSession,
        connector: Connector,
        selection: Selection,
        expected: Inventory | None,
    ) -> None:
        """``connector`` opens another session if this one is lost."""
        player = Player(session, settings=settings_of(expected))
        timeout = connector.lock_timeout
        super().__init__(printer, session, player, selection, expected, lock_timeout=timeout)
        self._connector = connector
        self._transaction = 0

    def finish(self) -> None:
        """See ``ReplayedRestore.finish()``."""
        super().finish()
        self._transaction = int(self._session.value("SELECT txid_current()"))
        # Read now: the session may be lost later.
        _ = self._session.identity

    def swap(self) -> None:
        """Commit; see ``RestoreTarget.swap()``."""
        swap_and_look(self._commit, self._look, hint="Run the restore again.")

    def _commit(self) -> None:
        try:
            self._session.execute("COMMIT")
        except ServerError as error:
            raise ClientError(f"Cannot commit the restored data: {error.reason}.") from error

    def _look(self) -> LiveData:
        """Ask the server for the status of the transaction, in a new session."""
        self._session.close()
        with closing(self._connector.reopen(self._session.identity)) as session:
            # https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT
            query = "SELECT txid_status(%(transaction)s::bigint)"
            status = session.value(query, {"transaction": self._transaction})
        return _OUTCOMES.get(status, LiveData.UNKNOWN)
