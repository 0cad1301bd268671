"""What a dump of any engine holds, by kind."""

from collections.abc import Collection, Mapping

from ...backups.inventory import Inventory, Kind

_STAYS = "not dumped; stays as it is"

_TABLE = Kind(name="table", comes_back="its rows exactly", needs="a model, and the same migrations")
_COLUMN = Kind(name="column", needs="a field")

KINDS = (
    _TABLE,
    _COLUMN,
    Kind(name="generated column", comes_back="computed again", needs="a GeneratedField"),
    Kind(
        name="column without a field",
        comes_back="not dumped: the backup is partial, and a restore empties the column",
    ),
    Kind(name="sequence", comes_back="the next key is the one after the highest"),
    Kind(name="table without a model", comes_back=_STAYS),
    Kind(name="schema, index, constraint", comes_back=_STAYS),
    Kind(name="view", comes_back=_STAYS),
    Kind(
        name="trigger",
        comes_back=f"{_STAYS}, and fires",
        needs="to leave the rows that are inserted as they are",
    ),
)


def inventory_of(rows: Mapping[str, int], columns: Collection[str]) -> Inventory:
    """Return the inventory of tables with so many rows, and of ``columns`` by both names."""
    objects = {_TABLE.name: frozenset(rows), _COLUMN.name: frozenset(columns)}
    return Inventory(objects, dict(rows))


def require_restored(
    expected: Inventory, rows: Mapping[str, int], columns: Collection[str]
) -> None:
    """Raise ``ClientError`` unless these tables and columns are what the backup contains.

    Those of tables whose rows are excluded may be more.
    """
    wanted = expected.objects.get(_COLUMN.name, frozenset())
    expected.require(inventory_of(rows, wanted.intersection(columns)))
