"""MySQL and MariaDB: the dump tool's SQL, restored through a scratch schema.

docs/pages/mysql.md explains how, and which privileges a role needs.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from django.db.backends.base.base import BaseDatabaseWrapper

from ...backups.inventory import Inventory
from ...backups.manifest import Manifest
from ...conf.client_options import names_option, path_option, timeout_option
from ...exceptions import ClientError
from ...processes import Process, StallTimeout
from ...scratch import scratch_directory
from ..base import RestoreTarget, Versions
from ..session import ServerClient
from ..tools import ProgramFinder
from . import checks
from .completions import completions_of
from .connection import MysqlSession, connection_parameters
from .dump_command import HISTORY, dump_command
from .dump_format import DumpWithObjects
from .exclusions import Exclusions
from .foreign_keys import broken_foreign_keys
from .geometry import require_geometries
from .in_place import InPlaceRestore, sweep_rehearsal
from .inexact import inexact_values
from .inventory import SEQUENCE, VERSIONED, foreign_definers, inventory_of
from .making import script_of
from .other_tools import recognized
from .privileges import may_create_schema, may_set_definers
from .restore import ScratchSchema, StagedRestore, claim, is_claimed, release
from .salvage import SalvageSchema
from .schema import nothing_to_lose, objects_of
from .tools import CLIENT, DUMP, Tools, describe_tool_failure, is_mariadb, require_same_family

_LOCK_TIMEOUT = 60.0  # seconds

_IN_PLACE = (
    "The role may not create a scratch schema ({stem}_restoring_...): the whole backup is "
    "verified first, then the database is emptied and filled in place. If that is interrupted, "
    "the database stays incomplete until it is restored again."
)
_TAKEN_OVER = (
    "The role may not set the definers in the backup ({definers}): it becomes the definer itself."
)


class MysqlClient(ServerClient[MysqlSession]):
    """Dumps with mariadb-dump or mysqldump; restores with the vendor's client."""

    vendor = "mysql"
    format: ClassVar[str] = "mysql_sql"
    magic: ClassVar[tuple[bytes, ...]] = (b"-- django-rclone ",)
    recognize = staticmethod(recognized)
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
        self._exclusions = Exclusions(
            names_option("exclude_tables", exclude_tables),
            names_option("exclude_data", exclude_data),
        )
        self._lock_timeout = timeout_option(lock_timeout)
        self._foreign_definers: frozenset[str] = frozenset()
        self._target: StagedRestore | InPlaceRestore | None = None
        self._dumped: tuple[DumpWithObjects, Inventory] | None = None

    @property
    def partial(self) -> bool:
        return bool(self._exclusions)

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
        session, name = self.session, self._name
        checks.require_restorable(session, name, excluded=self._exclusions.tables)
        self._exclusions.require_possible(session, name)
        require_geometries(session, name, without=self._exclusions.without_rows)
        self._exclusions.require_tool(self._tools)

    def dump_warnings(self) -> Sequence[str]:
        history = bool(self._tools.supported(DUMP, [HISTORY]))
        without = self._exclusions.without_rows
        return (
            *checks.warnings(self.session, self._name, keeps_history=history),
            *inexact_values(self.session, self._name, without=without),
        )

    def check_restore(self, manifest: Manifest | None) -> None:
        checks.require_no_reference(self.session, self._name)
        self._tools.find(CLIENT)
        if manifest is not None:
            require_same_family(manifest.server_version, self._server_version)
            self._foreign_definers = foreign_definers(self.session, manifest.inventory)

    def nothing_to_lose(self) -> str:
        return nothing_to_lose(self.session, self._name)

    def restore_warnings(self) -> Sequence[str]:
        scratch = ScratchSchema(self.session, self._name)
        warnings = []
        if not self._may_create(scratch):
            warnings.append(_IN_PLACE.format(stem=scratch.stem))
        if self._foreign_definers and not may_set_definers(self.session):
            definers = ", ".join(sorted(self._foreign_definers))
            warnings.append(_TAKEN_OVER.format(definers=definers))
        return warnings

    @contextmanager
    def dump(self, *, stall_timeout: StallTimeout | None) -> Iterator[DumpWithObjects]:
        session, name, tools = self.session, self._name, self._tools
        if not is_claimed(session, name):
            ScratchSchema(session, name).sweep()
            sweep_rehearsal(session, name)
        objects = objects_of(session, name)
        holds = inventory_of(session, name, excluded=self._exclusions.tables)
        completions = completions_of(
            session, name, holds.objects[SEQUENCE], self._exclusions.tables
        )
        command = dump_command(
            tools,
            name,
            left_out=(*objects.views, *self._exclusions.tables),
            without_rows=self._exclusions.rows,
            has_history=bool(holds.objects[VERSIONED]),
            has_keys_to_disable=bool(checks.without_transactions(session, name)),
        )
        definitions = (
            one for one in objects.definitions if one.table not in self._exclusions.tables
        )
        script = (*completions.statements, *script_of(session, definitions, objects.collation))
        with Process(
            command, failure=describe_tool_failure, stall_timeout=stall_timeout
        ) as process:
            dump = DumpWithObjects(process, script, completions.lines)
            self._dumped = dump, holds
            yield dump

    def dump_inventory(self) -> Inventory | None:
        if self._dumped is None:
            return None
        dump, holds = self._dumped
        checks.require_dumped(dump.tables, holds)
        return replace(holds, rows=dump.tables.rows)

    def remarks(self) -> Sequence[str]:
        if self._target is not None:
            return self._target.remarks
        if self._dumped is None:
            return ()
        return checks.remarks(
            self.session, self._dumped[0].tables, without_rows=self._exclusions.rows
        )

    @contextmanager
    def restore(self, expected: Inventory | None = None) -> Iterator[RestoreTarget]:
        self.connection.close()
        session, tools, name = self.session, self._tools, self._name
        scratch = ScratchSchema(session, name)
        if self._may_create(scratch):
            with scratch, tools.loader(scratch.scratch, session.settings) as process:
                self._target = StagedRestore(scratch, process, expected)
                yield self._target
            return
        with ExitStack() as stack:
            claim(session, name)
            stack.callback(release, session, name)
            try:
                folder = stack.enter_context(scratch_directory(Path(tempfile.gettempdir())))
                self._target = InPlaceRestore(session, tools, name, folder, expected)
            except OSError as error:
                raise ClientError(f"Cannot create a temporary file: {error}.") from None
            yield stack.enter_context(closing(self._target))

    @contextmanager
    def rehearse(self, expected: Inventory | None = None) -> Iterator[StagedRestore]:
        if problem := self.rehearsal_problem():
            raise ClientError(problem)
        scratch = ScratchSchema(self.session, self._name)
        with scratch, self._tools.loader(scratch.scratch, self.session.settings) as process:
            yield StagedRestore(scratch, process, expected)

    def rehearsal_problem(self) -> str:
        scratch = ScratchSchema(self.session, self._name)
        return "" if self._may_create(scratch) else scratch.refusal

    def broken_foreign_keys(self, connection: BaseDatabaseWrapper) -> Sequence[str]:
        return broken_foreign_keys(connection)

    @contextmanager
    def salvage(self, expected: Inventory | None = None) -> Iterator[SalvageSchema]:
        with SalvageSchema(self.session, self._name, self._tools, expected) as target:
            yield target

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
