"""Restores in place: the transaction of the replay replaces the live data when it commits."""

from contextlib import closing

from ...exceptions import ClientError
from ..session import ServerError
from ..staging import LiveData, swap_and_look
from .connection import Connector, PostgresqlSession
from .replay import Replay

_OUTCOMES = {"committed": LiveData.NEW, "aborted": LiveData.OLD}


class InPlaceRestore:
    """A ``RestoreTarget`` that keeps everything in one open transaction until ``swap()``."""

    def __init__(self, replay: Replay, session: PostgresqlSession, connector: Connector) -> None:
        """``replay`` runs in ``session``; ``connector`` opens another one if that is lost."""
        self._replay = replay
        self._session = session
        self._connector = connector
        self._transaction = 0

    def write(self, data: bytes) -> None:
        """Replay more of the dump."""
        self._replay.write(data)

    def finish(self) -> None:
        """Replay the rest and check constraints; the transaction stays open."""
        self._replay.finish()
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
