"""MongoDB: archives of mongodump, restored by mongorestore beside the live collections.

How, and what a role must be allowed, is told in docs/pages/mongodb.md.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, ClassVar

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder

from ...backups.manifest import Manifest
from ...exceptions import DumpError, RestoreError
from ...processes import SECRET_FILE, Command, Process
from ..base import DatabaseClient, Versions
from ..options import folder_of, names_of
from .archive import Archive
from .collections import RESTORING, SWITCHING, collection_of, is_dumped, obstacle
from .connection import Session, connection_parameters, open_session
from .restore import Beside, beside
from .tools import DUMP, RESTORE, Tools, tool_failure
from .uri import hosts_of, tool_config

_NOT_ONE_MOMENT = (
    "The dump is not of one moment: what is written while it runs may be in it or not. "
    "For backups of one moment, stop what writes."
)
_NOT_AT_ONCE = (
    "The backup is loaded and verified beside the live collections, which it then replaces one "
    "after the other: stop what uses the database. If that exchange is interrupted, the database "
    "is neither the old nor the new one until it is restored again."
)
_SEARCH = "Search indexes of Atlas are not in a backup: they are gone afterwards."
_SHARDED = "This is a sharded cluster: no collection is sharded any more after a restore."


class MongodbClient(DatabaseClient):
    """Dumps by mongodump; restores by mongorestore into scratch collections."""

    vendor = "mongodb"
    format: ClassVar[str] = "mongodump_archive"
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
        self._tools = Tools(folder_of(tools_folder))
        self._exclude = names_of("exclude_collections", exclude_collections)

    @property
    def partial(self) -> bool:
        return bool(self._exclude)

    def versions(self) -> Versions:
        with self._session(DumpError) as session:
            server = session.version
        return Versions(tool=DUMP, tool_version=self._tools.version(DUMP), server_version=server)

    def describe_target(self) -> str:
        hosts = hosts_of(connection_parameters(self.connection))
        return f"{self.connection.settings_dict['NAME']} on {hosts}"

    def check_tools(self) -> None:
        for name in (DUMP, RESTORE):
            self._tools.find(name)

    def check_dump(self) -> None:
        self._tools.version(DUMP)
        with self._session(DumpError) as session:
            found, database = session.collections(), session.name
        excluded = set(map(collection_of, self._exclude))
        names = {one["name"] for one in found}
        if interrupted := [name for name in names if name.startswith(SWITCHING)]:
            raise DumpError(
                "A restore of this database was interrupted while it replaced collections.",
                hint="Restore it again. Or, if you take the database as it is, drop the empty "
                f"collection {interrupted[0]}.",
            )
        if missing := sorted(excluded - names):
            raise DumpError(
                f"There is no collection to exclude called {', '.join(missing)}.",
                hint="Correct the OPTIONS of this database in CLIENTS.",
            )
        dumped = [one for one in found if is_dumped(one["name"]) and one["name"] not in excluded]
        if not dumped:
            raise DumpError(
                f"The database {database} holds no collection: there is nothing to back up.",
                hint="Correct NAME of this database: MongoDB takes one that it does not know "
                "for an empty one.",
            )
        if problems := [problem for one in dumped if (problem := obstacle(database, one))]:
            raise DumpError(
                f"These could not be restored: {', '.join(problems)}.",
                hint='Leave them out by the option "exclude_collections" in CLIENTS.',
            )

    def dump_warnings(self) -> Sequence[str]:
        return (_NOT_ONE_MOMENT, *self._warnings_of_shards(DumpError))

    def check_restore(self, manifest: Manifest | None) -> None:
        wrapper: Any = self.connection
        if wrapper.in_atomic_block or getattr(wrapper, "in_atomic_block_mongo", False):
            raise RestoreError("A transaction is open on this connection; end it first.")
        self._tools.version(RESTORE)
        with self._session(RestoreError) as session:
            server = session.version
        if manifest is not None and _series(server) < _series(manifest.server_version):
            raise RestoreError(
                f"The backup is of MongoDB {manifest.server_version}, this server is {server}: "
                "a server may not read what a newer one has written.",
                hint="Restore to a server of the same version or a newer one.",
            )

    def restore_warnings(self) -> Sequence[str]:
        return (_NOT_AT_ONCE, _SEARCH, *self._warnings_of_shards(RestoreError))

    @contextmanager
    def dump(self) -> Iterator[Archive]:
        with self._session(DumpError) as session:
            command = self._command(
                session,
                DUMP,
                f"--db={session.name}",
                *(f"--excludeCollectionsWithPrefix={prefix}" for prefix in (RESTORING, SWITCHING)),
                *(f"--excludeCollection={collection_of(name)}" for name in self._exclude),
            )
        with Process(command, failure=tool_failure) as process:
            yield Archive(process)

    @contextmanager
    def restore(self) -> Iterator[Beside]:
        with self._session(RestoreError) as session:

            def load(prefix: str) -> Process:
                command = self._command(
                    session,
                    RESTORE,
                    # Whatever the database was called, and nothing else that a dump may hold.
                    *("--nsFrom=$db$.$name$", f"--nsTo={session.name}.{prefix}$name$"),
                    *("--nsExclude=admin.*", "--nsExclude=config.*"),
                    # Without the first, documents that cannot be inserted are no error.
                    *("--maintainInsertionOrder", "--bypassDocumentValidation"),
                )
                return Process(command, failure=tool_failure)

            with beside(session, load) as target:
                yield target

    def applied_migrations(self) -> tuple[str, ...]:
        collection = MigrationRecorder.Migration._meta.db_table
        with self._session(DumpError) as session:
            found = list(session.database[collection].find({}, {"app": 1, "name": 1}))
        return tuple(sorted(f"{one['app']}.{one['name']}" for one in found))

    def _command(self, session: Session, program: str, *parameters: str) -> Command:
        known = connection_parameters(self.connection)
        return Command(
            argv=(
                *(self._tools.find(program), f"--config={SECRET_FILE}", "--archive"),
                *parameters,
            ),
            secret=tool_config(known, replica_set=session.replica_set),
        )

    def _session(
        self, failure: type[DumpError] | type[RestoreError]
    ) -> AbstractContextManager[Session]:
        return open_session(self.connection, failure)

    def _warnings_of_shards(self, failure: type[DumpError] | type[RestoreError]) -> tuple[str, ...]:
        with self._session(failure) as session:
            return (_SHARDED,) if session.sharded else ()


def _series(version: str) -> tuple[int, int]:
    match = re.match(r"(\d+)\.(\d+)", version)
    return (int(match[1]), int(match[2])) if match else (0, 0)
