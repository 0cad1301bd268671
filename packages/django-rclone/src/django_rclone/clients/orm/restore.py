"""Replacing the rows of all tables in one transaction."""

from collections.abc import Collection, Sequence
from contextlib import ExitStack, suppress
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import Error

from ...exceptions import ClientError
from ..staging import LiveData, swap_and_look
from .connection import describe, fresh_connection, translated_errors, use_utc
from .deferred import DeferredReferences
from .format import Lines, parse, require_fit
from .insert import RowInserter, reset_sequences
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
    ) -> None:
        """``vendors`` are those whose dumps are accepted, ``line_limit`` is in bytes."""
        self._connection = connection
        self._tables = tables
        self._migrations = migrations
        self._vendors = vendors
        self._lines = Lines(line_limit)
        self._transaction = ExitStack()
        self._has_begun = False
        self._is_complete = False
        self._is_unchecked = False
        self._done: list[RowInserter] = []
        self._deferred = DeferredReferences(connection, tables)
        self._before: list[Any] = []
        self._after: list[Any] = []

    def write(self, data: bytes) -> None:
        """Take more of the dump. Raises ``ClientError``."""
        for line in self._lines.add(data):
            self._take(line)

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
            self._after = self._evidence()

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

    def _take(self, line: bytes) -> None:
        try:
            value = parse(line)
        except ValueError:
            raise ClientError(f"Cannot read the backup {self._place()}: not JSON.") from None
        if self._is_complete:
            raise ClientError("The backup continues after its end.")
        if not self._has_begun:
            require_fit(value, self._tables, migrations=self._migrations, vendors=self._vendors)
            self._begin()
        elif isinstance(value, list) and self._done:
            rows = self._done[-1]
            rows.add(self._deferred.defer(rows.table, value), len(line))
        elif isinstance(value, dict) and value.keys() == {"model"}:
            self._next_table(value["model"])
        elif isinstance(value, dict) and value.keys() == {"rows"}:
            self._end(value["rows"])
        else:
            raise ClientError(f"Cannot read the backup {self._place()}: not a row.")

    def _begin(self) -> None:
        connection = self._connection
        with translated_errors("Cannot begin a transaction"):
            self._transaction.enter_context(
                transaction.atomic(using=connection.alias, durable=True)
            )
            self._has_begun = True
            use_utc(connection)
            self._before = self._evidence()
            # Within the transaction: there are engines that alter the tables for it.
            self._is_unchecked = connection.disable_constraint_checking()
            self._deferred.clear()
        for table in reversed(self._tables):
            with translated_errors(f"Cannot empty {table.label}"):
                table.all_rows._raw_delete(table.alias)

    def _next_table(self, label: Any) -> None:
        self._flush()
        expected = self._tables[len(self._done) :]
        if not expected or label != expected[0].label:
            raise ClientError(f"Cannot read the backup {self._place()}: an unexpected model.")
        self._done.append(RowInserter(expected[0], self._connection))

    def _end(self, counts: Any) -> None:
        self._flush()
        if len(self._done) != len(self._tables):
            raise ClientError("The backup is truncated: models are missing.")
        if counts != {rows.table.label: rows.count for rows in self._done}:
            raise ClientError("The backup is truncated or altered: row counts do not match.")
        self._is_complete = True

    def _flush(self) -> None:
        if self._done:
            self._done[-1].flush()

    def _place(self) -> str:
        if not self._done:
            return "at its beginning"
        return f"after row {self._done[-1].count:,} of {self._done[-1].table.label}"
