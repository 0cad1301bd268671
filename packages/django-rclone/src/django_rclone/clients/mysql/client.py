"""MySQL and MariaDB: the dump tool's SQL, restored through a scratch schema.

How, and what a role must be allowed, is told in docs/pages/mysql.md.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import Error

from ...backups.manifest import Manifest
from ...exceptions import DumpError, RestoreError
from ...processes import Command, Process
from ...redaction import redact
from ...scratch import scratch_directory
from ..base import DatabaseClient, Versions
from ..options import folder_of, names_of, patience_of, table_of
from .connection import Session, connection_parameters, first_words, tool_arguments
from .dump_format import Parts
from .privileges import may_have_schema
from .restore import (
    InPlace,
    Scratch,
    beside,
    claim,
    is_claimed,
    new_names,
    open_spool,
    parked_tables,
    sweep,
)
from .schema import broken_views, objects_of
from .tools import CLIENT, DUMP, Tools, is_mariadb, series, tool_failure

_LOCK_TIMEOUT = 60.0  # seconds
_PACKET = "--max-allowed-packet=1G"  # the most there is

_DUMP = (
    *("--single-transaction", "--quick", "--skip-lock-tables", "--hex-blob", "--skip-dump-date"),
    *("--default-character-set=utf8mb4", _PACKET),
)
# Wanted where the tool knows them. The first needs a right that few roles have, the
# others are MySQL's: ids of replication do not belong in a backup, and statistics of
# columns are asked of servers that have none.
_WHERE_KNOWN = ("--no-tablespaces", "--set-gtid-purged=OFF", "--column-statistics=0")
_WITHOUT_ROWS = "--ignore-table-data"
_TABLES = ("--skip-triggers", "--skip-events")

# A dump may hold commands of the client, which run programs on this machine.
_HARMLESS = ("--sandbox", "--skip-system-command")

_OTHER_ENGINES = """
SELECT table_name FROM information_schema.tables
WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' AND engine <> 'InnoDB'
ORDER BY table_name
"""
_NAMED = """
SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = %s
"""
_VERSIONED = """
SELECT count(*) FROM information_schema.tables
WHERE table_schema = DATABASE() AND table_type = 'SYSTEM VERSIONED'
"""
_REFERRING = """
SELECT DISTINCT constraint_schema FROM information_schema.referential_constraints
WHERE unique_constraint_schema = DATABASE() AND constraint_schema <> DATABASE()
"""
_IN_PLACE = (
    "The role may not make the scratch schema {name!r}: the backup is verified as a whole "
    "first, and then the database is emptied and filled in place. If that is interrupted, "
    "it stays incomplete until it is restored again."
)


class MysqlClient(DatabaseClient):
    """Dumps by mariadb-dump or mysqldump; restores by the vendor's client into a scratch schema."""

    vendor = "mysql"
    format: ClassVar[str] = "mysql_sql"
    begins: ClassVar[tuple[bytes, ...]] = (b"-- django-rclone ",)
    extension: ClassVar[str] = "sql"

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        *,
        tools_folder: object = None,
        exclude_tables: Sequence[str] = (),
        exclude_data: Sequence[str] = (),
        lock_timeout: float = _LOCK_TIMEOUT,
    ) -> None:
        """``exclude_*`` hold labels of models (``"sessions.Session"``) or names of tables.

        ``lock_timeout`` is how many seconds a restore waits for sessions that use the tables.
        """
        super().__init__(connection)
        self._folder = folder_of(tools_folder)
        self._exclude_tables = names_of("exclude_tables", exclude_tables)
        self._exclude_data = names_of("exclude_data", exclude_data)
        self._lock_timeout = patience_of(lock_timeout)

    @property
    def partial(self) -> bool:
        return bool(self._exclude_tables or self._exclude_data)

    def versions(self) -> Versions:
        return Versions(
            tool=Path(self._tools.find(DUMP)).name,
            tool_version=self._tools.version(DUMP),
            server_version=self._server_version,
        )

    def describe_target(self) -> str:
        known = connection_parameters(self.connection)
        where = known.get("unix_socket") or known.get("host") or "this machine"
        return f"{self._name} on {where}"

    def check_tools(self) -> None:
        # Which server it is must not be asked here; either family of programs will do.
        for names in (DUMP, CLIENT):
            Tools(self._folder, mariadb=True).find(names)

    def check_dump(self) -> None:
        with self._session(DumpError) as session:
            if parked_tables(session, self._name):
                raise DumpError(
                    "The server died in the middle of a restore of this database.",
                    hint="Restore it again before it is backed up.",
                )
            if broken := broken_views(session, self._name):
                raise DumpError(
                    f"Views refer to what is not there any more: {', '.join(broken)}.",
                    hint="Mend them or drop them; they could not be restored.",
                )
            for name in (*self._exclude_tables, *self._exclude_data):
                if not session.rows(_NAMED, [self._table(name)]):
                    raise DumpError(
                        f"There is no table {name!r} to exclude.",
                        hint="Correct the OPTIONS of this database in CLIENTS.",
                    )
        self._tools.find(DUMP)
        if self._exclude_data and not self._tools.options(DUMP, [_WITHOUT_ROWS]):
            raise DumpError(
                f"{self.versions().tool} cannot leave out the rows of a table alone.",
                hint="Use exclude_tables, or the programs of MariaDB.",
            )

    def dump_warnings(self) -> Sequence[str]:
        with self._session(DumpError) as session:
            tables = [name for (name,) in session.rows(_OTHER_ENGINES)]
        if not tables:
            return ()
        told = ", ".join(tables)
        return (f"These tables know no transactions, and may be of another moment: {told}.",)

    def check_restore(self, manifest: Manifest | None) -> None:
        if self.connection.in_atomic_block:
            raise RestoreError("A transaction is open on this connection; end it first.")
        with self._session(RestoreError) as session:
            if others := [name for (name,) in session.rows(_REFERRING)]:
                raise RestoreError(
                    f"Tables of other schemas refer to this one: {', '.join(others)}.",
                    hint="Drop those foreign keys; make them again after the restore.",
                )
        self._tools.find(CLIENT)
        if manifest is not None:
            _require_same_family(manifest.server_version, self._server_version)

    def restore_warnings(self) -> Sequence[str]:
        if self._may_have_scratch:
            return ()
        return (_IN_PLACE.format(name=f"{self._name}_restoring_..."),)

    @contextmanager
    def dump(self) -> Iterator[Parts]:
        self._sweep()
        with self._session(DumpError) as session:
            try:
                objects = objects_of(session, self._name)
            except RestoreError as error:
                raise DumpError(error.message, hint=error.hint) from None
        left_out = [*objects.views, *map(self._table, self._exclude_tables)]
        command = self._command(
            DUMP,
            *(*_DUMP, *self._tools.options(DUMP, self._wanted), *_TABLES),
            *(f"--ignore-table={self._name}.{table}" for table in left_out),
            *(f"{_WITHOUT_ROWS}={self._name}.{self._table(name)}" for name in self._exclude_data),
            *("--", self._name),
        )
        with Process(command, failure=tool_failure, stall_timeout=self.patience) as process:
            yield Parts(process, (*objects.making, *objects.events))

    @contextmanager
    def restore(self) -> Iterator[Scratch | InPlace]:
        self.connection.close()
        with ExitStack() as stack:
            session = stack.enter_context(self._session(RestoreError))
            if self._may_have_scratch:
                target = beside(session, self._load, self._name, patience=self._lock_timeout)
                yield stack.enter_context(target)
                return
            claim(session, self._name)
            try:
                folder = stack.enter_context(scratch_directory(Path(tempfile.gettempdir())))
                file = stack.enter_context(open_spool(folder))
            except OSError as error:
                raise RestoreError(f"The dump cannot be kept in a file: {error}.") from None
            yield InPlace(session, self._load, self._name, file)

    def _load(self, schema: str) -> Process:
        options = self._tools.options(CLIENT, _HARMLESS)
        command = self._command(
            CLIENT,
            *options,
            "--batch",
            "--default-character-set=utf8mb4",
            _PACKET,
            f"--database={schema}",
        )
        return Process(command, failure=tool_failure)

    def _command(self, names: tuple[str, str], *parameters: str) -> Command:
        arguments, secret = tool_arguments(self.connection, parameters)
        return Command(argv=(self._tools.find(names), *arguments), secret=secret)

    def _sweep(self) -> None:
        with self._session(DumpError) as session:
            if not is_claimed(session, self._name):
                sweep(session, self._name)

    @property
    def _wanted(self) -> tuple[str, ...]:
        with self._session(DumpError) as session:
            versioned = session.value(_VERSIONED)
        return (*_WHERE_KNOWN, "--dump-history") if versioned else _WHERE_KNOWN

    @cached_property
    def _tools(self) -> Tools:
        return Tools(self._folder, mariadb=is_mariadb(self._server_version))

    @cached_property
    def _server_version(self) -> str:
        with self._session(DumpError) as session:
            return session.version

    @cached_property
    def _may_have_scratch(self) -> bool:
        with self._session(RestoreError) as session:
            return all(may_have_schema(session, name) for name in new_names(self._name))

    @cached_property
    def _name(self) -> str:
        known = connection_parameters(self.connection)
        return str(known.get("database") or known.get("db") or "")

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

    def _table(self, name: str) -> str:
        return table_of(name) or name


def _require_same_family(dumped_from: str, server: str) -> None:
    if is_mariadb(dumped_from) != is_mariadb(server):
        raise RestoreError(
            f"The backup is of {_told(dumped_from)}, this server is {_told(server)}: "
            "what the one prints, the other does not read.",
        )
    if series(server) < series(dumped_from):
        raise RestoreError(
            f"The backup is of {_told(dumped_from)}, this server is {_told(server)}: "
            "a server may not read what a newer one has written.",
            hint="Restore to a server of the same version or a newer one.",
        )


def _told(version: str) -> str:
    return f"{'MariaDB' if is_mariadb(version) else 'MySQL'} {version}"
