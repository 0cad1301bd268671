"""Any other engine: the rows of all models, by Django alone.

What is in such a dump, and what is not, is told in docs/pages/other-engines.md.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import ClassVar

import django
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import Error

from ...backups.manifest import Manifest
from ...exceptions import DumpError, RestoreError
from ...redaction import redact
from ..base import DatabaseClient, Versions
from ..options import names_option
from .checks import (
    LET_REFERENCES_DANGLE,
    RESTORE_WARNINGS,
    dump_warnings,
    require_readable,
    require_sound,
    require_whole_without,
)
from .dump import Dump, one_moment
from .errors import told, told_in_full
from .format import require_migrations
from .restore import Refill
from .tables import tables_of

_LINE_LIMIT = 64 << 20  # bytes


class SerializedClient(DatabaseClient):
    """Dumps the rows of models as JSON Lines; refills the tables in one transaction."""

    format: ClassVar[str] = "django_jsonl"
    extension: ClassVar[str] = "jsonl"

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        *,
        exclude_data: Sequence[str] = (),
        from_vendors: Sequence[str] = (),
        line_limit: int = _LINE_LIMIT,
    ) -> None:
        """``exclude_data`` holds labels of models (``"sessions.Session"``).

        ``from_vendors`` names other kinds of databases (``"oracle"``) whose backups
        may be restored here. A row may take ``line_limit`` bytes.
        """
        super().__init__(connection)
        self.vendor = connection.vendor
        self._left_out = frozenset(names_option("exclude_data", exclude_data))
        self._vendors = (connection.vendor, *names_option("from_vendors", from_vendors))
        if line_limit < 1024:
            raise TypeError("line_limit must be a number of bytes, at least 1024")
        self._line_limit = line_limit
        self._server_version = ""
        self._dumping: tuple[str, ...] | None = None

    @property
    def partial(self) -> bool:
        return bool(self._left_out)

    def accepts(self, vendor: str, dump_format: str) -> bool:
        return vendor in self._vendors and dump_format == self.format

    def versions(self) -> Versions:
        if not self._server_version:
            self.check_dump()
        return Versions(
            tool="django", tool_version=django.get_version(), server_version=self._server_version
        )

    def describe_target(self) -> str:
        settings = self.connection.settings_dict
        return redact(f"{settings['NAME']} on {settings.get('HOST') or 'this machine'}")

    def check_dump(self) -> None:
        with self._connected(DumpError):
            self._server_version = _version(self.connection)
            tables = tables_of(self.connection)
            require_readable(tables, DumpError)
        require_whole_without(self._left_out, tables)

    def check_restore(self, manifest: Manifest | None) -> None:
        if self.connection.in_atomic_block:
            raise RestoreError("A transaction is open on this connection; end it first.")
        with self._connected(RestoreError):
            require_readable(tables_of(self.connection), RestoreError)
            migrations = _applied(self.connection)
        if manifest is not None:
            require_migrations(manifest.migrations, migrations)

    def dump_warnings(self) -> Sequence[str]:
        with self._connected(DumpError):
            return dump_warnings(self.connection, tables_of(self.connection))

    def restore_warnings(self) -> Sequence[str]:
        return RESTORE_WARNINGS

    @contextmanager
    def dump(self) -> Iterator[Dump]:
        with self._connected(DumpError), one_moment(self.connection):
            if self.vendor in LET_REFERENCES_DANGLE:
                require_sound(self.connection)
            self._dumping = _applied(self.connection)
            dump = Dump(
                self.connection,
                tables_of(self.connection),
                migrations=self._dumping,
                left_out=self._left_out,
                line_limit=self._line_limit,
            )
            try:
                with closing(dump):
                    yield dump
            finally:
                self._dumping = None

    @contextmanager
    def restore(self) -> Iterator[Refill]:
        with self._connected(RestoreError):
            refill = Refill(
                self.connection,
                tables_of(self.connection),
                migrations=_applied(self.connection),
                vendors=self._vendors,
                line_limit=self._line_limit,
            )
            with closing(refill):
                yield refill

    def applied_migrations(self) -> tuple[str, ...]:
        # While a dump is open its connection is, too: it may not be closed by us.
        return super().applied_migrations() if self._dumping is None else self._dumping

    @contextmanager
    def _connected(self, failure: type[DumpError] | type[RestoreError]) -> Iterator[None]:
        """Connect for as long as the block lasts."""
        self.connection.close()
        try:
            self.connection.ensure_connection()
        except Error as error:
            raise failure(f"The database cannot be reached: {told_in_full(error)}.") from None
        try:
            yield
        except Error as error:
            raise failure(f"The database cannot be read: {told(error)}.") from None
        finally:
            self.connection.close()


def _applied(connection: BaseDatabaseWrapper) -> tuple[str, ...]:
    applied = MigrationRecorder(connection).applied_migrations()
    return tuple(sorted(f"{app}.{name}" for app, name in applied))


def _version(connection: BaseDatabaseWrapper) -> str:
    try:
        return ".".join(map(str, connection.get_database_version()))
    except NotImplementedError:
        return ""
