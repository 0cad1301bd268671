"""MySQL and MariaDB: the dump tool's SQL, restored through a scratch schema.

docs/pages/mysql.md explains how, and which privileges a role needs.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from django.db.backends.base.base import BaseDatabaseWrapper

from ...backups.inventory import Inventory
from ...backups.manifest import Manifest
from ...exceptions import ClientError
from ...processes import Process, StallTimeout
from ...scratch import scratch_directory
from ..base import Versions
from ..options import names_option, path_option, table_name, timeout_option
from ..session import ServerClient
from ..tools import ProgramFinder, series
from .connection import MysqlSession, connection_parameters
from .dump_format import DumpWithObjects
from .privileges import may_create_schema
from .restore import InPlaceRestore, ScratchSchema, StagedRestore, claim, is_claimed, release
from .schema import broken_views, objects_of
from .swap import set_aside_tables
from .tools import CLIENT, COMMON, DUMP, Tools, describe_tool_failure, is_mariadb

_LOCK_TIMEOUT = 60.0  # seconds

_DUMP = (
    *("--single-transaction", "--quick", "--skip-lock-tables", "--hex-blob", "--skip-dump-date"),
    *COMMON,
)
# Passed where the tool knows them. The first needs a right that few roles have, the
# others are MySQL's: ids of replication do not belong in a backup, and statistics of
# columns are requested from servers that have none.
_WHERE_KNOWN = ("--no-tablespaces", "--set-gtid-purged=OFF", "--column-statistics=0")
_WITHOUT_ROWS = "--ignore-table-data"
_TABLES = ("--skip-triggers", "--skip-events")

_OTHER_ENGINES = """
SELECT table_name FROM information_schema.tables
WHERE table_schema = %s AND table_type = 'BASE TABLE' AND engine <> 'InnoDB'
ORDER BY table_name
"""
_NAMED = "SELECT 1 FROM information_schema.tables WHERE table_schema = %s AND table_name = %s"
_VERSIONED = """
SELECT count(*) FROM information_schema.tables
WHERE table_schema = %s AND table_type = 'SYSTEM VERSIONED'
"""
_REFERRING = """
SELECT DISTINCT constraint_schema FROM information_schema.referential_constraints
WHERE unique_constraint_schema = %s AND constraint_schema <> unique_constraint_schema
"""
_NOT_TRANSACTIONAL = (
    "These tables do not support transactions: {tables}. Their rows may be of another moment "
    "than the rest."
)
_IN_PLACE = (
    "The role may not create a scratch schema ({stem}_restoring_...): the whole backup is "
    "verified first, then the database is emptied and filled in place. If that is interrupted, "
    "the database stays incomplete until it is restored again."
)


class MysqlClient(ServerClient[MysqlSession]):
    """Dumps with mariadb-dump or mysqldump; restores with the vendor's client."""

    vendor = "mysql"
    format: ClassVar[str] = "mysql_sql"
    magic: ClassVar[tuple[bytes, ...]] = (b"-- django-rclone ",)
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
        self._finder = ProgramFinder(folder=path_option(tools_folder))
        self._exclude_tables = names_option("exclude_tables", exclude_tables)
        self._exclude_data = names_option("exclude_data", exclude_data)
        self._lock_timeout = timeout_option(lock_timeout)

    @property
    def partial(self) -> bool:
        return bool(self._exclude_tables or self._exclude_data)

    def open_session(self) -> MysqlSession:
        return MysqlSession(self.connection, lock_timeout=self._lock_timeout)

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
        # Without a session the server is not known; the programs of either vendor will do.
        tools = Tools(self.connection, self._finder, mariadb=True)
        for names in (DUMP, CLIENT):
            tools.find(names)

    def check_dump(self) -> None:
        session = self.session
        if set_aside_tables(session, self._name):
            raise ClientError(
                "This database contains tables left over from an interrupted restore.",
                hint="Restore it again before it is backed up.",
            )
        if broken := broken_views(session, self._name):
            raise ClientError(
                f"Broken views: {', '.join(broken)}.",
                hint="Fix or drop them; they could not be restored.",
            )
        for name in (*self._exclude_tables, *self._exclude_data):
            if not session.rows(_NAMED, [self._name, self._table(name)]):
                raise ClientError(
                    f"There is no table {name!r} to exclude.",
                    hint="Correct the OPTIONS of this database in CLIENTS.",
                )
        tool = self._tools.find(DUMP)
        if self._exclude_data and not self._tools.supported(DUMP, [_WITHOUT_ROWS]):
            raise ClientError(
                f"{Path(tool).name} cannot exclude only the rows of a table.",
                hint="Use exclude_tables, or the programs of MariaDB.",
            )

    def dump_warnings(self) -> Sequence[str]:
        tables = ", ".join(name for (name,) in self.session.rows(_OTHER_ENGINES, [self._name]))
        if not tables:
            return ()
        return (_NOT_TRANSACTIONAL.format(tables=tables),)

    def check_restore(self, manifest: Manifest | None) -> None:
        if others := [name for (name,) in self.session.rows(_REFERRING, [self._name])]:
            raise ClientError(
                f"Tables of other schemas refer to this one: {', '.join(others)}.",
                hint="Drop those foreign keys; create them again after the restore.",
            )
        self._tools.find(CLIENT)
        if manifest is not None:
            _require_same_family(manifest.server_version, self._server_version)

    def restore_warnings(self) -> Sequence[str]:
        scratch = ScratchSchema(self.session, self._name)
        return () if self._may_create(scratch) else (_IN_PLACE.format(stem=scratch.stem),)

    @contextmanager
    def dump(self, *, stall_timeout: StallTimeout | None) -> Iterator[DumpWithObjects]:
        session, name, tools = self.session, self._name, self._tools
        if not is_claimed(session, name):
            ScratchSchema(session, name).sweep()
        wanted = [*_WHERE_KNOWN]
        if session.value(_VERSIONED, [name]):
            wanted.append("--dump-history")
        objects = objects_of(session, name)
        excluded = [*objects.views, *map(self._table, self._exclude_tables)]
        command = tools.command(
            DUMP,
            *(*_DUMP, *tools.supported(DUMP, wanted), *_TABLES),
            *(f"--ignore-table={name}.{table}" for table in excluded),
            *(f"{_WITHOUT_ROWS}={name}.{self._table(table)}" for table in self._exclude_data),
            *("--", name),
        )
        with Process(
            command, failure=describe_tool_failure, stall_timeout=stall_timeout
        ) as process:
            yield DumpWithObjects(process, (*objects.create_statements, *objects.create_events))

    @contextmanager
    def restore(
        self, expected: Inventory | None = None
    ) -> Iterator[StagedRestore | InPlaceRestore]:
        self.connection.close()
        scratch = ScratchSchema(self.session, self._name)
        if self._may_create(scratch):
            with scratch, self._tools.loader(scratch.scratch) as process:
                yield StagedRestore(scratch, process)
            return
        with ExitStack() as stack:
            claim(self.session, self._name)
            stack.callback(release, self.session, self._name)
            try:
                folder = stack.enter_context(scratch_directory(Path(tempfile.gettempdir())))
                target = InPlaceRestore(self.session, self._tools, self._name, folder)
            except OSError as error:
                raise ClientError(f"Cannot create a temporary file: {error}.") from None
            yield stack.enter_context(closing(target))

    @property
    def _tools(self) -> Tools:
        return Tools(self.connection, self._finder, mariadb=is_mariadb(self._server_version))

    @property
    def _server_version(self) -> str:
        return self.session.version

    @cached_property
    def _name(self) -> str:
        known = connection_parameters(self.connection)
        return str(known.get("database") or known.get("db") or "")

    def _may_create(self, scratch: ScratchSchema) -> bool:
        schemas = (scratch.scratch, scratch.aside)
        return all(may_create_schema(self.session, schema) for schema in schemas)

    def _table(self, name: str) -> str:
        return table_name(name) or name


def _require_same_family(dumped_from: str, server: str) -> None:
    versions = f"The backup is of {_described(dumped_from)}, this server is {_described(server)}"
    if is_mariadb(dumped_from) != is_mariadb(server):
        raise ClientError(f"{versions}: their dumps are not interchangeable.")
    if series(server) < series(dumped_from):
        raise ClientError(
            f"{versions}: an older server may not be able to read the dump of a newer one.",
            hint="Restore to a server of the same version or a newer one.",
        )


def _described(version: str) -> str:
    return f"{'MariaDB' if is_mariadb(version) else 'MySQL'} {version}"
