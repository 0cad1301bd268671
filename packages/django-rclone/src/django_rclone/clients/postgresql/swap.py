"""Restores into a new PostgreSQL database, which then swaps names with the live one.

The site keeps running until the swap: both names change in one transaction.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from ...exceptions import ClientError
from ...interrupts import uninterrupted
from ..session import ServerError
from ..staging import LiveData, Staging
from .connection import Connector, PostgresqlSession, quote_name
from .replay import Replay

_MAINTENANCE = "postgres"
_STEM_BYTES = 36  # of the 63 of a name
_IN_USE = "55006"
_HINT = 'Set the option "restore_mode" of this database in CLIENTS to "in_place".'

_MAY_SWAP = """
SELECT r.rolsuper OR (r.rolcreatedb AND pg_has_role(d.datdba, 'USAGE'))
FROM pg_database d, pg_roles r WHERE d.datname = current_database() AND r.rolname = current_user
"""

_CLAIM = "SELECT pg_try_advisory_lock(hashtext('django_rclone'), hashtext(%(live)s))"

# Sessions of superusers cannot be terminated. Autovacuum yields to RENAME and DROP by itself.
_DISCONNECT = """
SELECT CASE WHEN pg_has_role(a.usesysid, 'MEMBER')
    OR pg_has_role('pg_signal_backend', 'MEMBER') AND NOT r.rolsuper
    THEN pg_terminate_backend(a.pid) END
FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
WHERE a.datname = %(name)s AND a.pid <> pg_backend_pid()
"""

_CREATE_LIKE = """
SELECT format(
    'CREATE DATABASE %%I OWNER %%I TEMPLATE template0 ENCODING %%L LC_COLLATE %%L LC_CTYPE %%L '
    'CONNECTION LIMIT %%s', %(new)s::text, pg_get_userbyid(d.datdba),
    pg_encoding_to_char(d.encoding), d.datcollate, d.datctype, d.datconnlimit
) || CASE to_jsonb(d) ->> 'datlocprovider'
    WHEN 'i' THEN format(' LOCALE_PROVIDER icu ICU_LOCALE %%L', l.locale)
    WHEN 'b' THEN format(' LOCALE_PROVIDER builtin BUILTIN_LOCALE %%L', l.locale)
    ELSE '' END
|| CASE t.spcname WHEN 'pg_default' THEN '' ELSE format(' TABLESPACE %%I', t.spcname) END
FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace, LATERAL (
    SELECT coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') AS locale
) l
WHERE d.datname = %(live)s
"""

_GRANTS = """
SELECT format('REVOKE ALL ON DATABASE %%I FROM PUBLIC', %(new)s::text) FROM pg_database
WHERE datname = %(live)s AND datacl IS NOT NULL
UNION ALL
SELECT format('GRANT %%s ON DATABASE %%I TO %%s', a.privilege_type, %(new)s::text,
    CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)
    || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = %(live)s
UNION ALL
SELECT format('COMMENT ON DATABASE %%I IS %%L', %(new)s::text, c.comment)
FROM pg_database d, LATERAL (SELECT shobj_description(d.oid, 'pg_database') AS comment) c
WHERE d.datname = %(live)s AND c.comment IS NOT NULL
"""

_SETTINGS = """
SELECT split_part(item, '=', 1), substr(item, strpos(item, '=') + 1), CASE s.setrole
    WHEN 0 THEN format('ALTER DATABASE %%I SET ', %(new)s::text)
    ELSE format('ALTER ROLE %%I IN DATABASE %%I SET ', pg_get_userbyid(s.setrole), %(new)s::text)
    END
FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) item
WHERE d.datname = %(live)s
"""


class StagedRestore:
    """A ``RestoreTarget`` that restores into the scratch database of ``staging``."""

    def __init__(
        self, replay: Replay, session: PostgresqlSession, staging: "StagedDatabase"
    ) -> None:
        """``replay`` runs in ``session``, which is connected to the scratch database."""
        self._replay = replay
        self._session = session
        self._staging = staging

    def write(self, data: bytes) -> None:
        """Replay more of the dump."""
        self._replay.write(data)

    def finish(self) -> None:
        """Replay the rest, and commit it to the scratch database."""
        self._replay.finish()
        self._session.execute("COMMIT")
        # The name of a database cannot change while there is a session.
        self._session.close()

    def swap(self) -> None:
        """Swap the names of both databases; see ``RestoreTarget.swap()``."""
        self._staging.swap()


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
        self._admin = connector.open(dbname=_MAINTENANCE)
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
        with uninterrupted(), _explained("Cannot create a database to restore into"):
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
        with _explained("Cannot swap in the restored database"):
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
        self._admin = self._connector.reopen(self._admin.identity, dbname=_MAINTENANCE)
        self._claim()
        return self._found_by_oid.get(self._oid(self.live), LiveData.MIXED)

    def _oid(self, name: str) -> int:
        query = "SELECT oid FROM pg_database WHERE datname = %(name)s"
        return int(self._admin.value(query, {"name": name}) or 0)


def require_may_swap(session: PostgresqlSession) -> None:
    """Raise ``ClientError`` for a role that cannot rename the database."""
    if not session.value(_MAY_SWAP):
        raise ClientError(
            "The role cannot swap databases: it must have CREATEDB and own the live database.",
            hint=_HINT,
        )


def create_database_like(admin: PostgresqlSession, new: str, live: str) -> None:
    """Create an empty database ``new`` like ``live``. Raises ``ServerError``."""
    names = {"new": new, "live": live}
    admin.execute(admin.value(_CREATE_LIKE, names))
    for (statement,) in admin.rows(_GRANTS, names):
        admin.execute(statement)
    for name, value, head in admin.rows(_SETTINGS, names):
        admin.execute("BEGIN")
        admin.rows("SELECT set_config(%(name)s, %(value)s, true)", {"name": name, "value": value})
        admin.execute(f"{head}{name} FROM CURRENT")
        admin.execute("COMMIT")


@contextmanager
def _explained(problem: str) -> Iterator[None]:
    try:
        yield
    except ServerError as error:
        raise ClientError(f"{problem}: {error.reason}.", hint=_HINT) from error
