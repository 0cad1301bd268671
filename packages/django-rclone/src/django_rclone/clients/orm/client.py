"""Any other engine: the rows of all models, with nothing but Django.

What such a dump contains, and what it does not: docs/pages/other-engines.md.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import ClassVar

import django
from django.db.backends.base.base import BaseDatabaseWrapper

from ...backups.inventory import Inventory
from ...backups.manifest import Manifest
from ...conf.client_options import names_option
from ...interrupts import interruptible
from ...processes import StallTimeout
from ...redaction import redact
from ..base import DatabaseClient, Versions
from ..session import connecting
from .catalog import require_insertable, stored_columns, without_field
from .checks import (
    ALLOWS_DANGLING_REFERENCES,
    RESTORE_WARNINGS,
    dump_warnings,
    extra_columns_warning,
    require_closed_exclusions,
    require_integrity,
    require_readable,
)
from .connection import applied_migrations, fresh_connection, snapshot, translated_errors
from .dump import Dump
from .format import require_migrations
from .kinds import inventory_of
from .restore import OrmRestore
from .tables import Table, tables_of

_LINE_LIMIT = 64 << 20  # bytes
_CANNOT_READ = "Cannot read the database"


class OrmClient(DatabaseClient):
    """Dumps the rows of models as JSON Lines; refills the tables in one transaction.

    Its session is Django's own connection, since the ORM uses no other.
    """

    format: ClassVar[str] = "django_jsonl"
    magic: ClassVar[tuple[bytes, ...]] = (b'{"django_jsonl":',)
    extension: ClassVar[str] = "jsonl"

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        *,
        exclude_data: Sequence[str] = (),
        from_vendors: Sequence[str] = (),
        line_limit: int = _LINE_LIMIT,
        verify_rows: bool = True,
    ) -> None:
        """``exclude_data`` holds labels of models (``"sessions.Session"``).

        ``from_vendors`` names other kinds of databases (``"oracle"``) whose backups
        may be restored here. A row may take ``line_limit`` bytes. With ``verify_rows``
        all rows are read again and compared before a restore is committed.
        """
        super().__init__(connection)
        self.vendor = connection.vendor
        self._excluded = frozenset(names_option("exclude_data", exclude_data))
        self._vendors = (connection.vendor, *names_option("from_vendors", from_vendors))
        if line_limit < 1024:
            raise TypeError("line_limit must be a number of bytes, at least 1024")
        self._line_limit = line_limit
        self._verify_rows = bool(verify_rows)
        self._is_open = False
        self._stored: frozenset[str] = frozenset()
        self._extra: frozenset[str] = frozenset()
        self._dumped: Dump | None = None

    def close(self) -> None:
        """Close Django's connection, if it was opened here."""
        if self._is_open:
            self.connection.close()
            self._is_open = False

    @property
    def partial(self) -> bool:
        return bool(self._excluded or self._extra)

    def accepts(self, vendor: str, dump_format: str) -> bool:
        return vendor in self._vendors and dump_format == self.format

    def versions(self) -> Versions:
        with self._questions():
            try:
                version = ".".join(map(str, self.connection.get_database_version()))
            except NotImplementedError:
                version = ""
        return Versions(tool="django", tool_version=django.get_version(), server_version=version)

    def describe_target(self) -> str:
        settings = self.connection.settings_dict
        return redact(f"{settings['NAME']} on {settings.get('HOST') or 'this machine'}")

    def check_dump(self) -> None:
        with self._questions():
            tables = tables_of(self.connection)
            require_readable(tables)
            require_insertable(self.connection, self._included(tables))
            require_closed_exclusions(self.connection, self._excluded, tables)

    def check_restore(self, manifest: Manifest | None) -> None:
        with self._questions():
            require_readable(tables_of(self.connection))
            migrations = applied_migrations(self.connection)
        if manifest is not None:
            require_migrations(manifest.migrations, migrations)

    def dump_warnings(self) -> Sequence[str]:
        with self._questions():
            tables = tables_of(self.connection)
            extra = without_field(stored_columns(self.connection, self._included(tables)))
            more = [extra_columns_warning(extra)] if extra else []
            return dump_warnings(self.connection, tables) + more

    def restore_warnings(self) -> Sequence[str]:
        return RESTORE_WARNINGS

    @contextmanager
    def dump(self, *, stall_timeout: StallTimeout | None) -> Iterator[Dump]:
        self._reconnect()
        with translated_errors(_CANNOT_READ), snapshot(self.connection):
            tables = tables_of(self.connection)
            stored = stored_columns(self.connection, self._included(tables))
            self._stored = frozenset(map(str, stored))
            self._extra = frozenset(map(str, without_field(stored)))
            if self.vendor in ALLOWS_DANGLING_REFERENCES:
                require_integrity(self.connection)
            dump = Dump(
                self.connection,
                tables,
                migrations=applied_migrations(self.connection),
                excluded=self._excluded,
                line_limit=self._line_limit,
            )
            self._dumped = dump
            with closing(dump):
                yield dump

    def dump_inventory(self) -> Inventory | None:
        if self._dumped is None:
            return None
        return inventory_of(self._dumped.counts, self._stored - self._extra)

    @contextmanager
    def restore(self, expected: Inventory | None = None) -> Iterator[OrmRestore]:
        self._reconnect()
        with translated_errors(_CANNOT_READ):
            restore = OrmRestore(
                self.connection,
                tables_of(self.connection),
                migrations=applied_migrations(self.connection),
                vendors=self._vendors,
                line_limit=self._line_limit,
                verify_rows=self._verify_rows,
                expected=expected,
            )
        with closing(restore):
            yield restore

    def _included(self, tables: Sequence[Table]) -> list[Table]:
        return [table for table in tables if table.label not in self._excluded]

    def _reconnect(self) -> None:
        self._is_open = True
        fresh_connection(self.connection)

    @contextmanager
    def _questions(self) -> Iterator[None]:
        """Connect for some questions, which may be interrupted."""
        if not self._is_open:
            self._reconnect()
        with connecting(self.connection):
            self.connection.ensure_connection()
        with translated_errors(_CANNOT_READ), interruptible():
            yield
