"""Restoring beside the live PostgreSQL database, then exchanging the two by their names.

The site goes on until the very end; both names change in one transaction.
"""

import logging
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import Error

from ...exceptions import RestoreError
from ...processes import Process
from ...redaction import redact
from .connection import Session, first_words, quoted, sqlstate
from .replay import Replay
from .twin import create_twin

logger = logging.getLogger(__name__)

_MAINTENANCE = "postgres"
_IN_USE = "55006"
_HINT = 'Set the option "restore_mode" of this database in CLIENTS to "in_place".'

_MAY_SWAP = """
SELECT r.rolsuper OR (r.rolcreatedb AND pg_has_role(d.datdba, 'USAGE'))
FROM pg_database d, pg_roles r WHERE d.datname = current_database() AND r.rolname = current_user
"""

# Those of superusers are out of reach; autovacuum yields by itself.
_DISCONNECT = """
SELECT CASE WHEN pg_has_role(a.usesysid, 'MEMBER')
    OR pg_has_role('pg_signal_backend', 'MEMBER') AND NOT r.rolsuper
    THEN pg_terminate_backend(a.pid) END
FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
WHERE a.datname = %(live)s AND a.pid <> pg_backend_pid()
"""


class Swap:
    """A target of the relay: a new database that takes the live one's name."""

    def __init__(
        self,
        admin: Session,
        session: Session,
        replay: Replay,
        *,
        names: tuple[str, str, str],
        patience: float,
    ) -> None:
        self.changed: bool | None = False
        self._admin = admin
        self._session = session
        self._replay = replay
        self._live, self._new, self._aside = names
        self._patience = patience

    def write(self, data: bytes) -> None:
        """Give pg_restore more of the dump."""
        self._replay.write(data)

    def commit(self) -> None:
        """Make the new database the live one."""
        self._replay.commit()
        # Our own connection must be gone before the name can change.
        self._replay.stop()
        self._session.close()
        deadline = time.monotonic() + self._patience
        while not self._exchange(deadline):
            pass

    def _exchange(self, deadline: float) -> bool:
        admin = self._admin
        try:
            admin.execute("BEGIN")
            admin.rows(_DISCONNECT, {"live": self._live})
            admin.execute(f"ALTER DATABASE {quoted(self._live)} RENAME TO {quoted(self._aside)}")
            admin.execute(f"ALTER DATABASE {quoted(self._new)} RENAME TO {quoted(self._live)}")
            self.changed = None
            admin.execute("COMMIT")
        except admin.error as error:
            if sqlstate(error):
                self.changed = False
                admin.execute("ROLLBACK")
            if sqlstate(error) == _IN_USE and time.monotonic() < deadline:
                return False
            raise _told(error) from None
        self.changed = True
        return True


@contextmanager
def beside(
    wrapper: BaseDatabaseWrapper, process: Process, *, lock_timeout: float, keep_previous: bool
) -> Iterator[Swap]:
    """Yield what restores into a new database with the settings and grants of the live one.

    Raises ``RestoreError``. Unless committed, the new database is dropped.
    """
    with _open(wrapper) as session:
        live = str(session.rows("SELECT current_database()")[0][0])
    stem = live.encode()[:36].decode("utf-8", "ignore")
    new, aside = (f"{stem}_{what}_{secrets.token_hex(4)}" for what in ("restoring", "replaced"))
    if keep_previous:
        aside = f"{stem}_before_{datetime.now(UTC):%Y%m%d%H%M%S}"
    with _open(wrapper, dbname=_MAINTENANCE) as admin:
        _claim(admin, live)
        _sweep(admin, stem)
        swap = None
        try:
            try:
                create_twin(admin, new, live)
            except admin.error as error:
                raise _told(error) from None
            with _open(wrapper, dbname=new) as session:
                replay = Replay(process, session, lock_timeout=lock_timeout)
                names = (live, new, aside)
                swap = Swap(admin, session, replay, names=names, patience=lock_timeout)
                try:
                    yield swap
                finally:
                    replay.stop()
        finally:
            if swap is None or not swap.changed:
                _drop(admin, new)
            elif not keep_previous:
                _drop(admin, aside)


def require_swap(session: Session) -> None:
    """Raise ``RestoreError`` for a role that may not rename the database."""
    if session.rows(_MAY_SWAP) != [(True,)]:
        raise RestoreError(
            "The role may not exchange the database: it needs CREATEDB, and to own it.",
            hint=_HINT,
        )


def _open(wrapper: BaseDatabaseWrapper, **changes: object) -> Session:
    try:
        with wrapper.wrap_database_errors:
            return Session(wrapper, **changes)
    except Error as error:
        raise _told(error) from None


def _claim(admin: Session, live: str) -> None:
    query = "SELECT pg_try_advisory_lock(hashtext('django_rclone'), hashtext(%(live)s))"
    if admin.rows(query, {"live": live}) != [(True,)]:
        raise RestoreError("Another restore of this database is running.")


def _sweep(admin: Session, stem: str) -> None:
    """Drop what killed runs left; the lock says that none is running."""
    pattern = re.compile(rf"{re.escape(stem)}_(restoring|replaced)_[0-9a-f]{{8}}")
    for (name,) in admin.rows("SELECT datname FROM pg_database"):
        if pattern.fullmatch(name):
            _drop(admin, name)


def _drop(admin: Session, name: str) -> None:
    try:
        admin.execute(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)")
    except admin.error as error:
        # A later restore tries again.
        logger.warning("Database %s could not be dropped: %s", name, redact(first_words(error)))


def _told(error: Exception) -> RestoreError:
    said = redact(first_words(error))[:500]
    return RestoreError(f"The database cannot be exchanged: {said}.", hint=_HINT)
