"""Replacing the rows of all tables in one transaction."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import Error

from ...backups.inventory import Inventory
from ...exceptions import ClientError
from ..staging import LiveData, swap_and_look
from .connection import describe, fresh_connection, translated_errors, use_utc
from .deferred import DeferredReferences
from .format import Lines, parse, require_fit
from .insert import RowInserter, reset_sequences
from .kinds import require_restored
from .outsiders import Outsiders
from .sums import RowSum, require_rows
from .tables import Table


class OrmRestore:
    """A target of the relay: empties and refills the tables, and commits last."""

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        tables: Sequence[Table],
        *,
        migrations: Sequence[str],
        vendors: Collection[str],
        line_limit: int,
        verify_rows: bool,
        expected: Inventory | None,
    ) -> None:
        """``vendors`` are those whose dumps are accepted, ``line_limit`` is in bytes.

        Without ``verify_rows`` the restored rows are counted, and not compared.
        """
        self._connection = connection
        self._tables = tables
        self._migrations = migrations
        self._vendors = vendors
        self._lines = Lines(line_limit)
        self._verify_rows = verify_rows
        self._expected = expected
        self._sums: list[RowSum] = []
        self._outsiders = Outsiders(connection, tables)
        self._transaction = ExitStack()
        self._is_complete = False
        self._is_unchecked = False
        self._rows: RowInserter | None = None
        self._loader = self._load()
        next(self._loader)
        self._line = b""
        self._deferred = DeferredReferences(connection, tables)
        self._before: list[Any] = []
        self._after: list[Any] = []

    def write(self, data: bytes) -> None:
        """Take more of the dump. Raises ``ClientError``."""
        for line in self._lines.add(data):
            self._line = line
            next(self._loader)

    def finish(self) -> None:
        """Load what is left, and check it in the open transaction. Raises ``ClientError``."""
        self._lines.finish()
        if not self._is_complete:
            raise ClientError("The backup is truncated.")
        try:
            self._deferred.apply()
        except Exception as error:  # noqa: BLE001 - fields and drivers raise what they like
            raise ClientError(f"Rows refer to rows that do not exist: {describe(error)}.") from None
        with translated_errors("Cannot reset the sequences"):
            reset_sequences(self._connection, self._tables)
        try:
            if self._is_unchecked:
                self._connection.enable_constraint_checking()
            self._connection.check_constraints()
        except Error as error:
            raise ClientError(
                f"The restored rows violate a constraint of the database: {describe(error)}.",
                hint="Tables without a model stay as they are: they may refer to rows "
                "that are not in the backup.",
            ) from None
        with translated_errors("Cannot read the restored rows"):
            self._verify()
            self._after = self._evidence()

    def _verify(self) -> None:
        """Raise ``ClientError`` unless the database is as the backup says, and the rest as it was."""
        for table, expected in zip(self._tables, self._sums, strict=True):
            require_rows(self._connection, table, expected, counts_only=not self._verify_rows)
        self._outsiders.require_untouched()
        if self._expected:
            rows = {
                table.name: one.count for table, one in zip(self._tables, self._sums, strict=True)
            }
            columns = [
                f"{table.name}.{one.name}" for table in self._tables for one in table.columns
            ]
            require_restored(self._expected, rows, columns)

    def swap(self) -> None:
        """Commit; see ``RestoreTarget.swap()``."""
        swap_and_look(self._commit, self._look, hint="Run the restore again.")

    def close(self) -> None:
        """Roll back what was not committed."""
        self._deferred.close()
        if self._connection.in_atomic_block:
            # A broken connection has rolled back by itself.
            with suppress(Error):
                self._connection.set_rollback(True)
                self._transaction.close()

    def _commit(self) -> None:
        with translated_errors("The restore was not committed"):
            self._transaction.close()

    def _look(self) -> LiveData:
        """Compare what is committed now with what was there before, and what should be.

        A transaction is never committed in part, so that one table is enough to tell.
        """
        fresh_connection(self._connection)
        with translated_errors("Cannot read the live rows"):
            tables = zip(self._before, self._after, self._evidence(), strict=True)
        differing = [(old, new, now) for old, new, now in tables if old != new]
        is_old = any(now == old for old, _, now in differing)
        is_new = any(now == new for _, new, now in differing)
        if is_old == is_new:
            return LiveData.UNKNOWN
        return LiveData.NEW if is_new else LiveData.OLD

    def _evidence(self) -> list[Any]:
        return [table.evidence() for table in self._tables]

    def _load(self) -> Iterator[None]:
        """Take a line of the dump at each step."""
        yield
        header = self._value()
        require_fit(header, self._tables, migrations=self._migrations, vendors=self._vendors)
        # Another engine writes the same values in another way.
        self._verify_rows &= header["vendor"] == self._connection.vendor
        self._begin()
        yield
        value = self._value()
        counts = {}
        for table in self._tables:
            if value != {"model": table.label}:
                raise ClientError(f"Cannot read the backup {self._place()}: unexpected line.")
            rows = self._rows = RowInserter(table, self._connection)
            added = RowSum(table, counts_only=not self._verify_rows)
            self._sums.append(added)
            yield
            while isinstance(value := self._value(), list):
                rows.require_width(value)
                added.add(value)
                rows.add(self._deferred.defer(table, value), len(self._line))
                yield
            rows.flush()
            counts[table.label] = rows.count
        if value != {"rows": counts}:
            raise ClientError(
                f"The backup is truncated or altered {self._place()}: row counts do not match."
            )
        self._is_complete = True
        yield
        raise ClientError("The backup continues after its end.")

    def _begin(self) -> None:
        connection = self._connection
        with translated_errors("Cannot begin a transaction"):
            self._transaction.enter_context(
                transaction.atomic(using=connection.alias, durable=True)
            )
            use_utc(connection)
            self._before = self._evidence()
            self._outsiders.look()
            # Within the transaction: there are engines that alter the tables for it.
            self._is_unchecked = connection.disable_constraint_checking()
            self._deferred.clear()
        for table in reversed(self._tables):
            with translated_errors(f"Cannot empty {table.label}"):
                table.all_rows._raw_delete(table.alias)

    def _value(self) -> Any:
        try:
            return parse(self._line)
        except ValueError:
            raise ClientError(f"Cannot read the backup {self._place()}: not JSON.") from None

    def _place(self) -> str:
        if self._rows is None:
            return "at its beginning"
        return f"after row {self._rows.count:,} of {self._rows.table.label}"
