"""Replacing the rows of all tables in one transaction."""

from collections.abc import Collection, Sequence
from contextlib import ExitStack, suppress
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import Error

from ...exceptions import RestoreError
from ...interrupts import interruptible
from .deferred import Circles
from .dump import own_transaction, use_utc
from .errors import told, told_in_full
from .format import Lines, parsed, require_fit
from .insert import Rows
from .sequences import reset_sequences
from .tables import Table


class Refill:
    """A target of the relay: empties the tables and fills them anew, and commits last."""

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        tables: Sequence[Table],
        *,
        migrations: Sequence[str],
        vendors: Collection[str],
        line_limit: int,
    ) -> None:
        """``vendors`` are those whose dumps are taken, ``line_limit`` counts bytes."""
        self.changed: bool | None = False
        self._connection = connection
        self._tables = tables
        self._migrations = migrations
        self._vendors = vendors
        self._lines = Lines(line_limit)
        self._transaction = ExitStack()
        self._has_begun = False
        self._is_whole = False
        self._is_unchecked = False
        self._done: list[Rows] = []
        self._circles = Circles(connection, tables)

    def write(self, data: bytes) -> None:
        """Take more of the dump. Raises ``RestoreError``."""
        for line in self._lines.add(data):
            self._take(line)

    def commit(self) -> None:
        """Make the restored rows the live ones. Raises ``RestoreError``."""
        # Checking may take long, and until the commit all can be undone.
        with interruptible():
            self._lines.finish()
            if not self._is_whole:
                raise RestoreError("The backup is cut: its end is missing.")
            self._complete()
        session = self._connection.connection
        self.changed = None
        try:
            self._transaction.close()
        except Error as error:
            if self._connection.connection is session and self._connection.is_usable():
                # It was refused, and rolled back; of a lost connection nobody knows.
                self.changed = False
            raise RestoreError(f"The restore was not committed: {told(error)}.") from None
        self.changed = True

    def close(self) -> None:
        """Undo what was not committed."""
        self._circles.close()
        if self._connection.in_atomic_block:
            # A broken connection has rolled back by itself.
            with suppress(Error):
                self._connection.set_rollback(True)
                self._transaction.close()

    def _take(self, line: bytes) -> None:
        try:
            value = parsed(line)
        except ValueError:
            raise RestoreError(f"The backup cannot be read {self._place()}: no JSON.") from None
        if self._is_whole:
            raise RestoreError("The backup goes on after its end.")
        if not self._has_begun:
            self._begin(value)
        elif isinstance(value, list) and self._done:
            rows = self._done[-1]
            rows.add(self._circles.hold(rows.table, value), len(line))
        elif isinstance(value, dict) and value.keys() == {"model"}:
            self._next_table(value["model"])
        elif isinstance(value, dict) and value.keys() == {"rows"}:
            self._end(value["rows"])
        else:
            raise RestoreError(f"The backup cannot be read {self._place()}: no row.")

    def _begin(self, header: Any) -> None:
        require_fit(header, self._tables, migrations=self._migrations, vendors=self._vendors)
        try:
            own_transaction(self._connection)
        except Error as error:
            said = told_in_full(error)
            raise RestoreError(f"The database cannot be reached: {said}.") from None
        self._transaction.enter_context(
            transaction.atomic(using=self._connection.alias, durable=True)
        )
        self._has_begun = True
        label = ""
        try:
            use_utc(self._connection)
            # Within the transaction: there are engines that alter the tables for it.
            self._is_unchecked = self._connection.disable_constraint_checking()
            self._circles.open()
            for table in reversed(self._tables):
                label = table.label
                table.all_rows._raw_delete(table.alias)
        except Error as error:
            raise RestoreError(f"{label} cannot be emptied: {told(error)}.") from None

    def _next_table(self, label: Any) -> None:
        self._flush()
        expected = self._tables[len(self._done) :]
        if not expected or label != expected[0].label:
            raise RestoreError(f"The backup cannot be read {self._place()}: another model follows.")
        self._done.append(Rows(expected[0], self._connection))

    def _end(self, counts: Any) -> None:
        self._flush()
        if len(self._done) != len(self._tables):
            raise RestoreError("The backup is cut: models are missing.")
        if counts != {rows.table.label: rows.count for rows in self._done}:
            raise RestoreError("The backup is cut or altered: it has not the rows that it counts.")
        self._is_whole = True

    def _flush(self) -> None:
        if self._done:
            self._done[-1].flush()

    def _complete(self) -> None:
        try:
            self._circles.fill()
        except Exception as error:  # noqa: BLE001 - fields and drivers raise what they like
            raise RestoreError(f"Rows refer to what is not there: {told(error)}.") from None
        try:
            reset_sequences(self._connection, [table.model for table in self._tables])
        except Error as error:
            raise RestoreError(f"The sequences cannot be reset: {told(error)}.") from None
        try:
            if self._is_unchecked:
                self._connection.enable_constraint_checking()
            self._connection.check_constraints()
        except Error as error:
            raise RestoreError(
                f"The restored rows contradict a constraint of the database: {told(error)}.",
                hint="Tables without a model stay as they are: they may refer to rows "
                "that the backup does not hold.",
            ) from None

    def _place(self) -> str:
        if not self._done:
            return "at its beginning"
        return f"after row {self._done[-1].count:,} of {self._done[-1].table.label}"
