"""Tables without a model: a restore must not take rows from them.

Foreign keys of theirs may cascade when the rows they refer to are deleted, or be emptied.
"""

from collections.abc import Sequence
from contextlib import closing
from hashlib import sha256

from django.db.backends.base.base import BaseDatabaseWrapper

from ...exceptions import ClientError
from .catalog import database_references
from .connection import translated_errors
from .tables import Table, tables_without_model

_CANNOT_READ = "Cannot read the tables without a model"
_ROWS = 1000
_MODULUS = 1 << 256


class Outsiders:
    """The tables without a model that refer to those that are restored."""

    def __init__(self, connection: BaseDatabaseWrapper, tables: Sequence[Table]) -> None:
        self._connection = connection
        self._tables = tables
        self._before: dict[str, tuple[int, int]] = {}

    def look(self) -> None:
        """Remember their rows. Raises ``ClientError``."""
        with translated_errors(_CANNOT_READ):
            names = tables_without_model(self._connection, self._tables)
            references = database_references(self._connection, names)
            self._before = {name: self._sum(name) for name in names if references[name]}

    def require_untouched(self) -> None:
        """Raise ``ClientError`` unless they have the same rows as then."""
        for name, before in self._before.items():
            with translated_errors(_CANNOT_READ):
                found = self._sum(name)
            if found != before:
                raise ClientError(
                    f"Table {name} has no model, so that it is not in the backup, and the restore "
                    "would change its rows: they refer to rows that are replaced.",
                    hint="Save its rows elsewhere and empty it, restore, and put them back.",
                )

    def _sum(self, name: str) -> tuple[int, int]:
        count = total = 0
        opening, closing_ = self._connection.ops.quote_name("x").split("x")
        quoted = f"{opening}{name.replace(closing_, closing_ * 2)}{closing_}"
        with closing(self._connection.cursor()) as cursor:
            cursor.execute(f"SELECT * FROM {quoted}")  # noqa: S608
            while rows := cursor.fetchmany(_ROWS):
                for row in rows:
                    plain = [bytes(one) if isinstance(one, memoryview) else one for one in row]
                    count += 1
                    total += int.from_bytes(sha256(repr(plain).encode()).digest())
        return count, total % _MODULUS
