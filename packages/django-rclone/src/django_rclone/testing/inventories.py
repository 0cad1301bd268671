"""Inventories that a restore must not take for its own."""

from collections.abc import Iterator

from ..backups.inventory import Inventory


def altered(inventory: Inventory) -> Iterator[Inventory]:
    """Yield inventories that say a little more, or less, than this one."""
    kind, names = next((kind, names) for kind, names in inventory.objects.items() if names)
    objects = dict(inventory.objects)
    yield Inventory({**objects, kind: names | {"lost"}}, inventory.rows)
    yield Inventory({**objects, kind: names - {min(names)}}, inventory.rows)
    for table, rows in sorted(inventory.rows.items())[:1]:
        yield Inventory(objects, {**inventory.rows, table: rows + 1})
