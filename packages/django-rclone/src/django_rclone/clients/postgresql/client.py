"""PostgreSQL: dumps in pg_dump's custom format, restored in one transaction or swapped in.

What a role needs, and what comes back, is described in docs/pages/postgresql.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import ClassVar

from django.db.backends.base.base import BaseDatabaseWrapper

from ...backups.inventory import Inventory
from ...backups.manifest import Manifest
from ...conf.client_options import names_option, path_option, table_name, timeout_option
from ...exceptions import ClientError
from ...processes import Command, Process, StallTimeout
from ..base import RehearsalTarget, RestoreTarget, SalvageTarget, Versions
from ..session import ServerClient, no_table_to_exclude
from .advice import RestoreAdvice, dump_advice
from .arguments import encoding_of_dumps, require_no_passphrase, tool_arguments
from .catalog import Selection, is_empty
from .connection import Connector, PostgresqlSession, quote_name, server_option
from .contents import settings_of
from .databases import staging_problem
from .exclusion import identities, require_may_exclude
from .pooler import open_around_pooler
from .reading import require_readable
from .recognition import recognized
from .restore import ONE_SESSION, InPlaceRestore
from .salvage import Salvage
from .snapshot import Snapshot
from .swap import StagedDatabase, StagedRestore
from .tools import Tools, describe_failure, printer, require_dump_fits, require_restore_fits

IN_PLACE, SWAP = "in_place", "swap"
_LOCK_TIMEOUT = 60.0  # seconds


class PostgresqlClient(ServerClient[PostgresqlSession]):
    """Dumps with pg_dump, and replays what pg_restore prints for a dump."""

    vendor = "postgresql"
    format: ClassVar[str] = "pg_custom"
    magic: ClassVar[tuple[bytes, ...]] = (b"PGDMP",)
    recognize = staticmethod(recognized)
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
        server: Mapping[str, object] | None = None,
    ) -> None:
        """``exclude_*`` hold labels of models (``"sessions.Session"``) or names of tables.

        ``restore_mode`` is ``"in_place"`` or ``"swap"``; with the latter,
        ``keep_previous`` keeps the replaced database. ``lock_timeout`` is how many
        seconds to wait for locks of other sessions. ``server`` is the ``HOST`` and ``PORT``
        to connect to instead of those of the site, which may be a pooler's.
        """
        super().__init__(connection)
        self._tools = Tools(path_option(tools_folder))
        self._printer = partial(printer, self._tools)
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
        self._selection = Selection(schemas=self._schemas)
        self._connector = Connector(
            wrapper=connection, lock_timeout=self._lock_timeout, parameters=server_option(server)
        )
        self._snapshot: Snapshot | None = None
        self._advice: RestoreAdvice | None = None
        self._target: InPlaceRestore | StagedRestore | None = None

    def open_session(self) -> PostgresqlSession:
        self._connector, session = open_around_pooler(self._connector)
        return session

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
        known = self._connector.connection_parameters()
        name = known.get("dbname") or f"service {known.get('service')}"
        return f"{name} on {known.get('host') or 'this machine'}"

    def check_tools(self) -> None:
        self._tools.find("pg_dump")
        self._tools.find("pg_restore")

    def check_dump(self) -> None:
        require_no_passphrase(self.connection)
        for table in (*self._exclude_tables, *self._exclude_data):
            quoted = self._quoted_table(table)
            if self.session.value("SELECT to_regclass(%(table)s)", {"table": quoted}) is None:
                raise no_table_to_exclude(table)
        require_may_exclude(self.session, *self._excluded())
        without = [self._quoted_table(name) for name in self._exclude_tables]
        require_readable(self.session, self._selection, without)
        require_dump_fits(self._tools, self.session.server_version)

    def dump_warnings(self) -> Sequence[str]:
        return dump_advice(self.session, self._selection)

    def check_restore(self, manifest: Manifest | None) -> None:
        session = self.session
        require_restore_fits(
            self._tools,
            session.server_version,
            dumped_by=manifest.tool_version if manifest else "",
            dumped_from=manifest.server_version if manifest else "",
        )
        inventory = manifest.inventory if manifest else ""
        expected = Inventory.from_text(inventory) if inventory else None
        self._advice = RestoreAdvice.of(session, self._selection, expected, swaps=self._swaps)
        self._advice.require_possible()

    def jobs_problem(self) -> str:
        return "" if self._advice and self._advice.swaps else ONE_SESSION

    def nothing_to_lose(self) -> str:
        return "it is empty" if is_empty(self.session, self._selection) else ""

    def restore_warnings(self) -> Sequence[str]:
        return self._advice.warnings if self._advice else ()

    @contextmanager
    def dump(self, *, stall_timeout: StallTimeout | None) -> Iterator[Process]:
        session = self.session
        options = [
            "--format=custom",
            "--compress=0",  # the relay compresses, and faster
            "--no-subscriptions",  # they contain passwords, and only superusers may read them
            f"--encoding={encoding_of_dumps(session)}",
            f"--lock-wait-timeout={int(self._lock_timeout * 1000)}",
            *(f"--schema={quote_name(name)}" for name in self._schemas),
            *(f"--exclude-table={self._quoted_table(name)}" for name in self._exclude_tables),
            *(f"--exclude-table-data={self._quoted_table(name)}" for name in self._exclude_data),
        ]
        if role := self.connection.settings_dict["OPTIONS"].get("assume_role"):
            options.append(f"--role={role}")
        # With it off, pg_dump would write text that a restore does not read.
        strings = session.value("SHOW standard_conforming_strings")
        settings = {"standard_conforming_strings": "on"} if strings == "off" else {}
        tables, without_rows = self._excluded()
        with Snapshot(
            self._connector.open(), self._selection, without=tables, without_rows=without_rows
        ) as snapshot:
            options.append(f"--snapshot={snapshot.name}")
            arguments, environment = tool_arguments(self._connector, options, settings)
            command = Command(argv=(self._tools.find("pg_dump"), *arguments), env=environment)
            with Process(command, failure=describe_failure, stall_timeout=stall_timeout) as process:
                self._snapshot = snapshot
                yield process
        self._snapshot = None

    def dump_inventory(self) -> Inventory | None:
        return self._snapshot.inventory() if self._snapshot else None

    def remarks(self) -> Sequence[str]:
        if self._snapshot:
            return self._snapshot.findings
        return self._target.remarks if self._target else ()

    @contextmanager
    def restore(self, expected: Inventory | None = None) -> Iterator[RestoreTarget]:
        self.connection.close()
        with ExitStack() as stack:
            # An open transaction is rolled back.
            stack.callback(self.close)
            advice = RestoreAdvice.of(self.session, self._selection, expected, swaps=self._swaps)
            if advice.swaps:
                self._target = self._staged_restore(stack, expected)
            else:
                restore = InPlaceRestore(
                    self._printer, self.session, self._connector, self._selection, expected
                )
                self._target = stack.enter_context(restore)
            yield self._target

    @contextmanager
    def rehearse(self, expected: Inventory | None = None) -> Iterator[RehearsalTarget]:
        if problem := self.rehearsal_problem():
            raise ClientError(problem)
        with ExitStack() as stack:
            stack.callback(self.close)
            yield self._staged_restore(stack, expected)

    def rehearsal_problem(self) -> str:
        problem = staging_problem(self.session)
        return f"There is no database to rehearse in. {problem}" if problem else ""

    @contextmanager
    def salvage(self, expected: Inventory | None = None) -> Iterator[SalvageTarget]:
        self.connection.close()
        live = str(self.session.value("SELECT current_database()"))
        self.close()
        with Salvage(self._printer, self._connector, live, settings_of(expected)) as one:
            yield one

    def _staged_restore(self, stack: ExitStack, expected: Inventory | None) -> StagedRestore:
        live = str(self.session.value("SELECT current_database()"))
        # The name of a database cannot change while there is a session.
        self.close()
        staging = StagedDatabase(self._connector, live, keep_previous=self._keep_previous)
        stack.enter_context(closing(staging))
        stack.enter_context(staging)
        return stack.enter_context(
            StagedRestore(self._printer, staging, self._connector, expected, jobs=self.jobs)
        )

    def _excluded(self) -> tuple[frozenset[str], frozenset[str]]:
        """Return the tables that are not dumped, and those whose rows are not."""
        tables, rows = self._exclude_tables, self._exclude_data
        if not tables and not rows:
            return frozenset(), frozenset()
        quoted = [[self._quoted_table(name) for name in names] for names in (tables, rows)]
        return identities(self.session, quoted[0]), identities(self.session, quoted[1])

    def _quoted_table(self, name: str) -> str:
        """Return the quoted name of a model's table, or of a table given by its name."""
        if table := table_name(name):
            return str(self.connection.ops.quote_name(table))
        return ".".join(quote_name(part) for part in name.split(".", 1))
