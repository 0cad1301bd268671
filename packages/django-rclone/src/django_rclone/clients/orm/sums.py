"""Whether two sets of rows are equal, in whatever order they come and without keeping them."""

from collections.abc import Sequence
from hashlib import sha256

from django.db.backends.base.base import BaseDatabaseWrapper

from ...exceptions import ClientError
from .dump import encoded_rows
from .format import to_line
from .tables import Table

_MODULUS = 1 << 256


class RowSum:
    """The sum of the hashes of rows of one table, as a dump has them."""

    def __init__(self, table: Table, *, counts_only: bool) -> None:
        """With ``counts_only`` rows are counted, and their values are not looked at."""
        self.count = 0
        self._total = 0
        self._stable = [n for n, one in enumerate(table.columns) if one.codec.is_stable]
        self._counts_only = counts_only

    def add(self, values: Sequence[str | None]) -> None:
        """Take another row."""
        self.count += 1
        if not self._counts_only:
            line = to_line([values[number] for number in self._stable])
            self._total += int.from_bytes(sha256(line).digest())
            self._total %= _MODULUS

    def equals(self, other: "RowSum") -> bool:
        """Return whether both have the same rows."""
        return (self.count, self._total) == (other.count, other._total)


def require_rows(
    connection: BaseDatabaseWrapper, table: Table, expected: RowSum, *, counts_only: bool
) -> None:
    """Raise ``ClientError`` unless the table holds the rows of the sum, and no others."""
    found = RowSum(table, counts_only=counts_only)
    if counts_only:
        found.count = table.all_rows.count()
    else:
        for values in encoded_rows(connection, table):
            found.add(values)
    if not found.equals(expected):
        raise ClientError(
            f"{table.label} does not hold the rows of the backup after they were inserted: "
            "the database changed them, by a trigger for example.",
            hint="Turn off its triggers during the restore. If that is not it, restore with the option "
            '"verify_rows" set to False, and compare by hand.',
        )
