"""MongoDB: archives of mongodump, restored by mongorestore into scratch collections.

How this works, and which privileges a role needs: docs/pages/mongodb.md.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder

from ...backups.inventory import Inventory
from ...backups.manifest import Manifest
from ...conf.client_options import names_option, path_option
from ...exceptions import ClientError
from ...processes import SECRET_FILE, Command, Process, StallTimeout
from ..base import Versions
from ..session import ServerClient
from ..tools import ProgramFinder, series
from .archive import BEGIN, Archive
from .collections import (
    RESTORING,
    SWAPPING,
    collection_name,
    is_dumped,
    is_view,
    sources_of_view,
    unsupported_reason,
)
from .connection import MongodbSession, connection_parameters, open_session
from .restore import MongodbRestore, StagedCollections
from .tools import DUMP, RESTORE, find, tool_failure, version_of
from .uri import hosts_of, tool_config

_NOT_ONE_MOMENT = (
    "The dump is not of one moment: what is written while it runs may be in it or not. "
    "For a backup of one moment, stop all writers."
)
_NOT_AT_ONCE = (
    "The backup is loaded and verified in scratch collections, which then replace the live ones "
    "one after the other: stop everything that uses the database. If that swap is interrupted, "
    "the database is neither in its old state nor fully restored until another restore succeeds."
)
_SEARCH = "Atlas search indexes are not part of a backup: a restore removes them."
_SHARDED = "This is a sharded cluster: after a restore no collection is sharded."


class MongodbClient(ServerClient[MongodbSession]):
    """Dumps with mongodump; restores with mongorestore into scratch collections."""

    vendor = "mongodb"
    format: ClassVar[str] = "mongodump_archive"
    magic: ClassVar[tuple[bytes, ...]] = (BEGIN,)
    extension: ClassVar[str] = "archive"

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        *,
        tools_folder: object = None,
        exclude_collections: Sequence[str] = (),
    ) -> None:
        """``exclude_collections`` holds labels of models, or names of collections."""
        super().__init__(connection)
        self._programs = ProgramFinder(folder=path_option(tools_folder))
        names = names_option("exclude_collections", exclude_collections)
        self._excluded = tuple(map(collection_name, names))

    def open_session(self) -> MongodbSession:
        return open_session(self.connection)

    @property
    def partial(self) -> bool:
        return bool(self._excluded)

    def versions(self) -> Versions:
        return Versions(
            tool=DUMP,
            tool_version=version_of(self._programs, DUMP),
            server_version=self.session.version,
        )

    def describe_target(self) -> str:
        hosts = hosts_of(connection_parameters(self.connection))
        return f"{self.connection.settings_dict['NAME']} on {hosts}"

    def check_tools(self) -> None:
        for name in (DUMP, RESTORE):
            find(self._programs, name)

    def check_dump(self) -> None:
        version_of(self._programs, DUMP)
        found, database = self.session.collections(), self.session.name
        names = {one["name"] for one in found}
        if markers := sorted(name for name in names if name.startswith(SWAPPING)):
            raise ClientError(
                "A restore of this database was interrupted while it swapped collections.",
                hint="Run the restore again. Or, to keep the database as it is, drop the empty "
                f"collection {markers[0]}.",
            )
        if missing := sorted(set(self._excluded) - names):
            raise ClientError(
                f"Cannot exclude collections that do not exist: {', '.join(missing)}.",
                hint="Correct the OPTIONS of this database in CLIENTS.",
            )
        dumped = [
            one for one in found if is_dumped(one["name"]) and one["name"] not in self._excluded
        ]
        if not dumped:
            raise ClientError(
                f"The database {database} contains no collections: there is nothing to back up.",
                hint="Correct NAME of this database: to MongoDB a database that does not exist "
                "is an empty one.",
            )
        for view in filter(is_view, dumped):
            if needed := sorted(sources_of_view(view) & set(self._excluded)):
                raise ClientError(
                    f"The view {view['name']} needs {needed[0]}, which is excluded: "
                    "it would be empty or wrong after a restore.",
                    hint=f"Exclude {view['name']} too, or neither.",
                )
        if reasons := [one for found in dumped if (one := unsupported_reason(database, found))]:
            raise ClientError(
                f"These collections could not be restored: {', '.join(reasons)}.",
                hint='Exclude them with the option "exclude_collections" in CLIENTS.',
            )

    def dump_warnings(self) -> Sequence[str]:
        return (_NOT_ONE_MOMENT, *self._sharding_warnings())

    def check_restore(self, manifest: Manifest | None) -> None:
        if getattr(self.connection, "in_atomic_block_mongo", False):
            raise ClientError("A transaction is open on this connection; end it first.")
        version_of(self._programs, RESTORE)
        server = self.session.version
        if manifest is not None and series(server) < series(manifest.server_version):
            raise ClientError(
                f"The backup is from MongoDB {manifest.server_version}, this server is {server}: "
                "a server may be unable to read the data of a newer one.",
                hint="Restore to a server of the same version or a newer one.",
            )

    def nothing_to_lose(self) -> str:
        names = [one["name"] for one in self.session.collections()]
        if any(name.startswith(SWAPPING) for name in names):
            return "a restore of it was interrupted, and left it incomplete"
        return "" if any(map(is_dumped, names)) else "it is empty"

    def restore_warnings(self) -> Sequence[str]:
        return (_NOT_AT_ONCE, _SEARCH, *self._sharding_warnings())

    @contextmanager
    def dump(self, *, stall_timeout: StallTimeout | None) -> Iterator[Archive]:
        command = self._command(
            DUMP,
            f"--db={self.session.name}",
            *(f"--excludeCollectionsWithPrefix={prefix}" for prefix in (RESTORING, SWAPPING)),
            *(f"--excludeCollection={name}" for name in self._excluded),
        )
        with Process(command, failure=tool_failure, stall_timeout=stall_timeout) as process:
            yield Archive(process)

    @contextmanager
    def restore(self, expected: Inventory | None = None) -> Iterator[MongodbRestore]:
        with StagedCollections(self.session) as staging:
            command = self._command(
                RESTORE,
                # Whatever the database was called, and nothing else that a dump may hold.
                "--nsFrom=$db$.$name$",
                f"--nsTo={self.session.name}.{staging.prefix}$name$",
                *("--nsExclude=admin.*", "--nsExclude=config.*"),
                # Without the first, documents that cannot be inserted are not an error.
                *("--maintainInsertionOrder", "--bypassDocumentValidation"),
            )
            with Process(command, failure=tool_failure) as process:
                yield MongodbRestore(staging, process)

    def applied_migrations(self) -> tuple[str, ...]:
        collection: Any = MigrationRecorder.Migration._meta.db_table
        applied = self.session.documents(collection, "app", "name")
        return tuple(sorted(f"{one['app']}.{one['name']}" for one in applied))

    def _command(self, program: str, *parameters: str) -> Command:
        known = connection_parameters(self.connection)
        return Command(
            argv=(
                *(find(self._programs, program), f"--config={SECRET_FILE}", "--archive"),
                *parameters,
            ),
            secret=tool_config(known, replica_set=self.session.replica_set),
        )

    def _sharding_warnings(self) -> tuple[str, ...]:
        return (_SHARDED,) if self.session.sharded else ()
