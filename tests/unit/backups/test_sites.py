"""The record of a site backup: what it holds, and what is refused."""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.signing import Signer
from hypothesis import given, settings
from hypothesis import strategies as st

from django_rclone.backups.sites import Part, SiteRecord, date_of, new_name

SIGNER = Signer(key="k", salt="s")
RECORD = SiteRecord(
    name="site-2026-01-31-030000.0123abcd",
    created_at=datetime(2026, 1, 31, 3, tzinfo=UTC),
    environment="production",
    size=12,
    partial=False,
    parts=(
        Part("database", "default", "db/default.x.zst", "signature one"),
        Part("media", "media", "media/runs/media.x.zst", "signature two"),
    ),
).signed(SIGNER)
VALUES: dict[str, Any] = json.loads(RECORD.to_bytes())


def read(values: Mapping[str, object]) -> SiteRecord:
    return SiteRecord.from_bytes(json.dumps(values).encode())


def test_a_record_is_read_as_it_was_written() -> None:
    assert SiteRecord.from_bytes(RECORD.to_bytes()) == RECORD
    assert RECORD.is_signed_by(SIGNER)
    assert [part.of for part in RECORD.of_kind("media")] == ["media"]


@pytest.mark.parametrize("name", VALUES)
def test_the_signature_covers_every_field(name: str) -> None:
    for other in ("x", 1, True, [["media", "m", "media/x", "s"]], "2026-01-31T03:00:01+00:00"):
        try:
            changed = read({**VALUES, name: other})
        except ValueError:
            continue
        assert changed == RECORD or not changed.is_signed_by(SIGNER)


@pytest.mark.parametrize(
    "parts",
    [
        None,
        [],
        {},
        "database",
        [[]],
        [["database", "default", "db/x"]],
        [["database", "default", "db/x", 1]],
        [["table", "default", "db/x", "s"]],
        [{"kind": "database"}],
    ],
)
def test_what_are_no_parts_is_refused(parts: object) -> None:
    with pytest.raises(ValueError, match="part"):
        read({**VALUES, "parts": parts})


@settings(max_examples=50)
@given(
    st.binary(max_size=200)
    | st.dictionaries(
        st.sampled_from(list(VALUES)),
        st.none() | st.integers() | st.text() | st.lists(st.lists(st.text(), max_size=4)),
    ).map(lambda some: json.dumps({**VALUES, **some}).encode())
)
def test_any_other_bytes_are_refused_or_read(data: bytes) -> None:
    with suppress(ValueError):
        SiteRecord.from_bytes(data).to_bytes()


def test_a_name_has_a_date() -> None:
    moment = datetime(2026, 1, 31, 3, 4, 5, tzinfo=UTC)
    assert new_name(moment, "0123abcdef") == "site-2026-01-31-030405.0123abcd"
    assert date_of("site-2026-01-31-030405.0123abcd") == moment
    assert [date_of(one) for one in ("", "site-", "default-2026-01-31-030405.0123abcd")] == [
        None
    ] * 3
