import zlib
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_rclone.backups.inventory import Inventory
from django_rclone.exceptions import ClientError

NAMES = st.frozensets(st.text(max_size=5), max_size=3)
INVENTORIES = st.builds(
    Inventory,
    st.dictionaries(st.text(max_size=5), NAMES, max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(0, 1 << 63), max_size=3),
)
EXPECTED = Inventory(
    {"table": frozenset({"note", "tag"}), "trigger": frozenset({"audit"})}, {"note": 2, "tag": 0}
)


def found(
    tables: set[str] | None = None, triggers: set[str] | None = None, **rows: int
) -> Inventory:
    objects = {
        "table": frozenset({"note", "tag"} if tables is None else tables),
        "trigger": frozenset({"audit"} if triggers is None else triggers),
    }
    return Inventory(objects, rows)


@given(INVENTORIES)
def test_an_inventory_survives_its_text(inventory: Inventory) -> None:
    text = inventory.to_text()
    assert text.isascii()
    assert Inventory.from_text(text) == inventory


def test_an_inventory_equals_itself() -> None:
    assert EXPECTED.differences(EXPECTED) == ()
    EXPECTED.require(EXPECTED)


@pytest.mark.parametrize(
    ("restored", "difference"),
    [
        (found(tables={"note"}), "table tag is missing"),
        (found(triggers=set()), "trigger audit is missing"),
        (found(triggers={"audit", "spy"}), "trigger spy is not in the backup"),
        (found(note=1, tag=0), "note has 1 rows instead of 2"),
        (found(note=2, tag=1_000), "tag has 1,000 rows instead of 0"),
    ],
)
def test_a_difference_is_named(restored: Inventory, difference: str) -> None:
    assert EXPECTED.differences(restored) == (difference,)
    with pytest.raises(ClientError, match=difference):
        EXPECTED.require(restored)


def test_a_kind_without_objects_is_compared_too() -> None:
    assert Inventory({"event": frozenset()}).differences(
        Inventory({"event": frozenset({"purge"})})
    ) == ("event purge is not in the backup",)


def test_what_only_one_side_knows_is_not_compared() -> None:
    other = Inventory({"sequence": frozenset({"ids"})}, {"other": 3})
    assert EXPECTED.differences(other) == ()


def test_a_long_list_of_differences_is_cut() -> None:
    expected = Inventory({"table": frozenset(f"t{number:04}" for number in range(1200))})
    with pytest.raises(ClientError, match=r"t0009 is missing; and 1,190 more\.") as raised:
        expected.require(Inventory({"table": frozenset()}))
    assert "t0010" not in raised.value.message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not base64!",
        b64encode(b"not compressed").decode(),
        b64encode(zlib.compress(b"{}")[:-3]).decode(),
        b64encode(zlib.compress(b"{}")).decode(),
        b64encode(zlib.compress(b"[]")).decode(),
        b64encode(zlib.compress(b'{"objects": {"table": 7}, "rows": {}}')).decode(),
        b64encode(zlib.compress(b'{"objects": {}, "rows": {"note": "many"}}')).decode(),
        b64encode(zlib.compress(b'{"objects": {}, "rows": {"note": null}}')).decode(),
    ],
)
def test_what_is_no_inventory_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="it is not an inventory"):
        Inventory.from_text(text)


def test_a_text_that_grows_without_end_is_refused() -> None:
    bomb = b64encode(zlib.compress(b" " * (65 << 20), 9)).decode()
    with pytest.raises(ValueError, match="it is not an inventory"):
        Inventory.from_text(bomb)


def test_what_is_compared_is_told_in_words() -> None:
    assert EXPECTED.summary() == ["3 objects", "2 rows of 2 tables"]
    one = Inventory({"table": frozenset({"note"})}, {"note": 1})
    assert one.summary() == ["1 object", "1 row of 1 table"]
    assert Inventory({"table": frozenset()}).summary() == ["0 objects"]
