"""PostgreSQL: dumps in pg_dump's custom format, restored in one transaction or swapped in.

What a role needs, and what comes back, is described in docs/pages/postgresql.md.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import ClassVar

from django.db.backends.base.base import BaseDatabaseWrapper

from ...backups.inventory import Inventory
from ...backups.manifest import Manifest
from ...exceptions import ClientError
from ...processes import Command, Process, StallTimeout
from ..base import RestoreTarget, Versions
from ..options import names_option, path_option, table_name, timeout_option
from ..session import ServerClient
from .connection import (
    Connector,
    PostgresqlSession,
    connection_parameters,
    quote_name,
    tool_arguments,
)
from .replay import Replay
from .restore import InPlaceRestore
from .schema import objects_owned_by_others
from .swap import StagedDatabase, StagedRestore, require_may_swap
from .tools import Tools, describe_failure, require_dump_fits, require_restore_fits

IN_PLACE, SWAP = "in_place", "swap"
_LOCK_TIMEOUT = 60.0  # seconds


class PostgresqlClient(ServerClient[PostgresqlSession]):
    """Dumps with pg_dump, and replays what pg_restore prints for a dump."""

    vendor = "postgresql"
    format: ClassVar[str] = "pg_custom"
    magic: ClassVar[tuple[bytes, ...]] = (b"PGDMP",)
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
        ``keep_previous`` keeps the replaced database. ``lock_timeout`` is how many
        seconds to wait for locks of other sessions.
        """
        super().__init__(connection)
        self._tools = Tools(path_option(tools_folder))
        self._schemas = names_option("schemas", schemas)
        self._exclude_tables = names_option("exclude_tables", exclude_tables)
        self._exclude_data = names_option("exclude_data", exclude_data)
        if restore_mode not in (IN_PLACE, SWAP):
            raise TypeError(f"restore_mode must be {IN_PLACE!r} or {SWAP!r}")
        if self._schemas and restore_mode == SWAP:
            raise TypeError("schemas cannot be swapped, only the whole database can")
        if keep_previous and restore_mode != SWAP:
            raise TypeError(f"keep_previous needs restore_mode {SWAP!r}")
        self._swaps = restore_mode == SWAP
        self._keep_previous = keep_previous
        self._lock_timeout = timeout_option(lock_timeout)
        self._connector = Connector(wrapper=connection, lock_timeout=self._lock_timeout)

    def open_session(self) -> PostgresqlSession:
        return self._connector.open()

    @property
    def partial(self) -> bool:
        return bool(self._schemas or self._exclude_tables or self._exclude_data)

    def versions(self) -> Versions:
        return Versions(
            tool="pg_dump",
            tool_version=self._tools.version("pg_dump"),
            server_version=self.session.server_version,
        )

    def describe_target(self) -> str:
        known = connection_parameters(self.connection)
        name = known.get("dbname") or f"service {known.get('service')}"
        return f"{name} on {known.get('host') or 'this machine'}"

    def check_tools(self) -> None:
        self._tools.find("pg_dump")
        self._tools.find("pg_restore")

    def check_dump(self) -> None:
        if self.connection.settings_dict["OPTIONS"].get("sslpassword"):
            raise ClientError(
                "OPTIONS['sslpassword'] cannot be passed to pg_dump without exposing it.",
                hint="Use a key without a passphrase that only this user can read, "
                "or a service file.",
            )
        for table in (*self._exclude_tables, *self._exclude_data):
            quoted = self._quoted_table(table)
            if self.session.value("SELECT to_regclass(%(table)s)", {"table": quoted}) is None:
                raise ClientError(
                    f"There is no table {table!r} to exclude.",
                    hint="Correct the OPTIONS of this database in CLIENTS.",
                )
        require_dump_fits(self._tools, self.session.server_version)

    def check_restore(self, manifest: Manifest | None) -> None:
        session = self.session
        if self._swaps:
            require_may_swap(session)
        elif others := objects_owned_by_others(session, self._schemas):
            raise ClientError(
                f"The database contains objects owned by other roles: {', '.join(others)}.",
                hint="Connect as their owner, or as a role that is a member of it.",
            )
        require_restore_fits(
            self._tools,
            session.server_version,
            dumped_by=manifest.tool_version if manifest else "",
            dumped_from=manifest.server_version if manifest else "",
        )

    @contextmanager
    def dump(self, *, stall_timeout: StallTimeout | None) -> Iterator[Process]:
        options = [
            "--format=custom",
            "--compress=0",  # the relay compresses, and faster
            "--no-subscriptions",  # they contain passwords, and only superusers may read them
            f"--lock-wait-timeout={int(self._lock_timeout * 1000)}",
            *(f"--schema={quote_name(name)}" for name in self._schemas),
            *(f"--exclude-table={self._quoted_table(name)}" for name in self._exclude_tables),
            *(f"--exclude-table-data={self._quoted_table(name)}" for name in self._exclude_data),
        ]
        if role := self.connection.settings_dict["OPTIONS"].get("assume_role"):
            options.append(f"--role={role}")
        arguments, environment = tool_arguments(self.connection, options)
        command = Command(argv=(self._tools.find("pg_dump"), *arguments), env=environment)
        with Process(command, failure=describe_failure, stall_timeout=stall_timeout) as process:
            yield process

    @contextmanager
    def restore(self, expected: Inventory | None = None) -> Iterator[RestoreTarget]:
        self.connection.close()
        # In a single transaction pg_restore prints no commits of its own.
        options = ("--file=-", "--format=custom", "--no-owner", "--single-transaction")
        command = Command(argv=(self._tools.find("pg_restore"), *options))
        with ExitStack() as stack:
            # An open transaction is rolled back.
            stack.callback(self.close)
            process = stack.enter_context(Process(command, failure=describe_failure))
            if self._swaps:
                yield self._staged_restore(process, stack)
            else:
                yield self._in_place_restore(process, stack)

    def _in_place_restore(self, process: Process, stack: ExitStack) -> InPlaceRestore:
        session = self.session
        replay = Replay(process, session, schemas=self._schemas, lock_timeout=self._lock_timeout)
        return InPlaceRestore(stack.enter_context(replay), session, self._connector)

    def _staged_restore(self, process: Process, stack: ExitStack) -> StagedRestore:
        live = str(self.session.value("SELECT current_database()"))
        # The name of a database cannot change while there is a session.
        self.close()
        staging = StagedDatabase(self._connector, live, keep_previous=self._keep_previous)
        stack.enter_context(closing(staging))
        stack.enter_context(staging)
        session = stack.enter_context(closing(self._connector.open(dbname=staging.scratch)))
        replay = Replay(process, session, lock_timeout=self._lock_timeout)
        return StagedRestore(stack.enter_context(replay), session, staging)

    def _quoted_table(self, name: str) -> str:
        """Return the quoted name of a model's table, or of a table given by its name."""
        if table := table_name(name):
            return str(self.connection.ops.quote_name(table))
        return ".".join(quote_name(part) for part in name.split(".", 1))
