from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from django_rclone.rclone.decoding import json_object, json_value, typed_fields


@dataclass
class Record:
    name: str
    count: int
    at: datetime
    tags: tuple[str, ...]
    sure: bool
    note: str | None


VALUES: dict[str, Any] = {
    "name": "x",
    "count": 1,
    "at": "2031-12-09T09:05:03+02:00",
    "tags": ["a", "b"],
    "sure": True,
}


def test_fields_get_the_types_of_their_annotations() -> None:
    record = Record(**typed_fields(Record, {**VALUES, "unknown": 1}))
    at = datetime(2031, 12, 9, 7, 5, 3, tzinfo=UTC)
    assert record == Record("x", 1, at, ("a", "b"), True, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", None),
        ("name", 1),
        ("count", True),
        ("count", 1.0),
        ("count", -1),
        ("at", 1),
        ("at", "yesterday"),
        ("at", "2031-12-09T07:05:03"),
        ("at", "9999-12-31T23:59:59-23:59"),
        ("tags", "ab"),
        ("tags", [1]),
        ("sure", 1),
        ("note", 1),
    ],
)
def test_a_value_of_another_type_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"its field '{name}'"):
        typed_fields(Record, {**VALUES, name: value})


@pytest.mark.parametrize("data", [b"", b"{", b"[" * 100_000, b"\xff", b"9" * 5_000])
def test_anything_but_json_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="it is not JSON"):
        json_value(data)


@pytest.mark.parametrize("data", [b"[]", b"null", b'"text"'])
def test_anything_but_an_object_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="it is not a JSON object"):
        json_object(data)
