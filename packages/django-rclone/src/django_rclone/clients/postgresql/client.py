"""PostgreSQL: pg_dump's custom format, restored in one transaction.

How, and what a role must be allowed, is told in docs/pages/postgresql.md.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import ClassVar

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import Error

from ...backups.manifest import Manifest
from ...exceptions import DumpError, RestoreError
from ...processes import Command, Process
from ...redaction import redact
from ..base import DatabaseClient, Versions
from ..options import folder_of, names_of, patience_of, table_of
from .connection import Session, connection_parameters, first_words, quoted, tool_arguments
from .replay import Replay
from .schema import objects_of_others
from .swap import Swap, beside, require_swap
from .tools import Tools, patterns, require_dump_fits, require_restore_fits, tool_failure

IN_PLACE, SWAP = "in_place", "swap"
_LOCK_TIMEOUT = 60.0  # seconds


class PostgresqlClient(DatabaseClient):
    """Dumps by pg_dump; replays what pg_restore makes of a dump."""

    vendor = "postgresql"
    format: ClassVar[str] = "pg_custom"
    begins: ClassVar[tuple[bytes, ...]] = (b"PGDMP",)
    extension: ClassVar[str] = "dump"

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        *,
        tools_folder: object = None,
        schemas: Sequence[str] = (),
        exclude_tables: Sequence[str] = (),
        exclude_data: Sequence[str] = (),
        restore_mode: str = IN_PLACE,
        keep_previous: bool = False,
        lock_timeout: float = _LOCK_TIMEOUT,
    ) -> None:
        """``exclude_*`` hold labels of models (``"sessions.Session"``) or names of tables.

        ``restore_mode`` is ``"in_place"`` or ``"swap"``; with the latter,
        ``keep_previous`` keeps the database replaced. ``lock_timeout`` is how many
        seconds to wait for what other sessions lock.
        """
        super().__init__(connection)
        self._tools = Tools(folder_of(tools_folder))
        self._schemas = names_of("schemas", schemas)
        self._exclude_tables = names_of("exclude_tables", exclude_tables)
        self._exclude_data = names_of("exclude_data", exclude_data)
        if restore_mode not in (IN_PLACE, SWAP):
            raise TypeError(f"restore_mode must be {IN_PLACE!r} or {SWAP!r}")
        if self._schemas and restore_mode == SWAP:
            raise TypeError("schemas cannot be swapped, only the whole database can")
        if keep_previous and restore_mode != SWAP:
            raise TypeError(f"keep_previous needs restore_mode {SWAP!r}")
        self._swaps = restore_mode == SWAP
        self._keep_previous = keep_previous
        self._lock_timeout = patience_of(lock_timeout)

    @property
    def partial(self) -> bool:
        return bool(self._schemas or self._exclude_tables or self._exclude_data)

    def versions(self) -> Versions:
        return Versions(
            tool="pg_dump",
            tool_version=self._tools.version("pg_dump"),
            server_version=self._server_version,
        )

    def describe_target(self) -> str:
        known = connection_parameters(self.connection)
        name = known.get("dbname") or f"service {known.get('service')}"
        return f"{name} on {known.get('host') or 'this machine'}"

    def check_tools(self) -> None:
        self._tools.find("pg_dump")
        self._tools.find("pg_restore")

    def check_dump(self) -> None:
        self._require_expressible()
        with self._session(DumpError) as session:
            self._server_version = _version(session)
            for table in (*self._exclude_tables, *self._exclude_data):
                if session.rows("SELECT to_regclass(%(name)s)", {"name": self._table(table)}) == [
                    (None,)
                ]:
                    raise DumpError(
                        f"There is no table {table!r} to exclude.",
                        hint="Correct the OPTIONS of this database in CLIENTS.",
                    )
        require_dump_fits(self._tools, self._server_version)

    def check_restore(self, manifest: Manifest | None) -> None:
        if self.connection.in_atomic_block:
            raise RestoreError("A transaction is open on this connection; end it first.")
        with self._session(RestoreError) as session:
            server = _version(session)
            if self._swaps:
                require_swap(session)
            elif others := objects_of_others(session, self._schemas):
                raise RestoreError(
                    f"The database holds objects of other roles: {', '.join(others)}.",
                    hint="Connect as their owner, or as a role that is a member of it.",
                )
        require_restore_fits(
            self._tools,
            server,
            dumped_by=manifest.tool_version if manifest else "",
            dumped_from=manifest.server_version if manifest else "",
        )

    @contextmanager
    def dump(self) -> Iterator[Process]:
        options = [
            "--format=custom",
            "--compress=0",  # the relay compresses, and faster
            "--no-subscriptions",  # they hold passwords, and only superusers may read them
            f"--lock-wait-timeout={int(self._lock_timeout * 1000)}",
            *patterns("--schema", [quoted(name) for name in self._schemas]),
            *patterns("--exclude-table", [self._table(name) for name in self._exclude_tables]),
            *patterns("--exclude-table-data", [self._table(name) for name in self._exclude_data]),
        ]
        if role := self.connection.settings_dict["OPTIONS"].get("assume_role"):
            options.append(f"--role={role}")
        arguments, environment = tool_arguments(self.connection, options)
        argv = (self._tools.find("pg_dump"), *arguments)
        command = Command(argv=argv, env=environment)
        with Process(command, failure=tool_failure, stall_timeout=self.patience) as process:
            yield process

    @contextmanager
    def restore(self) -> Iterator[Replay | Swap]:
        self.connection.close()
        # A single transaction, so that pg_restore commits nothing by itself.
        options = ("--file=-", "--format=custom", "--no-owner", "--single-transaction")
        command = Command(argv=(self._tools.find("pg_restore"), *options))
        with Process(command, failure=tool_failure) as process, self._target(process) as target:
            yield target

    @contextmanager
    def _target(self, process: Process) -> Iterator[Replay | Swap]:
        timeout = self._lock_timeout
        if self._swaps:
            keep = self._keep_previous
            with beside(self.connection, process, lock_timeout=timeout, keep_previous=keep) as swap:
                yield swap
            return
        with self._session(RestoreError) as session:
            replay = Replay(process, session, schemas=self._schemas, lock_timeout=timeout)
            try:
                yield replay
            finally:
                replay.stop()

    @cached_property
    def _server_version(self) -> str:
        with self._session(DumpError) as session:
            return _version(session)

    @contextmanager
    def _session(self, failure: type[DumpError] | type[RestoreError]) -> Iterator[Session]:
        try:
            with self.connection.wrap_database_errors:
                session = Session(self.connection)
        except Error as error:
            said = redact(first_words(error))[:500]
            raise failure(f"The database cannot be reached: {said}.") from None
        with session:
            yield session

    def _require_expressible(self) -> None:
        if self.connection.settings_dict["OPTIONS"].get("sslpassword"):
            raise DumpError(
                "OPTIONS['sslpassword'] cannot be given to pg_dump without showing it.",
                hint="Use a key without a passphrase that only this user can read, "
                "or a service file.",
            )

    def _table(self, name: str) -> str:
        """Return a table, quoted: that of a model, or one by its name."""
        if table := table_of(name):
            return str(self.connection.ops.quote_name(table))
        return ".".join(quoted(part) for part in name.split(".", 1))


def _version(session: Session) -> str:
    """Return the server's version without what distributors add, such as ``"15.18"``."""
    number = session.server_version
    return f"{number // 10_000}.{number % 10_000}"
