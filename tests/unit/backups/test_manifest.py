import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_rclone.backups.manifest import Manifest, ManifestError, manifest_path, signer
from django_rclone.pipeline.relay import Digest

KEY = "the key"
SIGNER = signer(KEY, ())
MANIFEST = Manifest(
    path="db/default-2031-12-09-070503.0a1b2c3d.sqlite3.zst",
    created_at=datetime(2031, 12, 9, 7, 5, 3, 123456, tzinfo=UTC),
    vendor="sqlite",
    format="sqlite-file",
    size=1234,
    environment="prod",
    django_version="6.1.3",
    database="default",
    compression="zstd",
    sha256="0f" * 32,
    raw_size=98765,
    count=7,
    tool="sqlite3",
    tool_version="3.40",
    server_version="3.40.1",
    migrations=("auth.0001_initial", "shop.0002_ü"),
    inventory="eJw",
    damage_check="quick_check",
    partial=True,
    content_size=1,
    added=2,
    changed=3,
    deleted=4,
    left_out=5,
).signed(SIGNER)
STORED: dict[str, Any] = json.loads(MANIFEST.to_bytes())
ALTERED: dict[str, Any] = {
    "path": "db/other",
    "created_at": datetime(2031, 12, 9, 7, 5, 3, 123457, tzinfo=UTC),
    "vendor": "mysql",
    "format": "sql",
    "size": 1235,
    "environment": "staging",
    "django_version": "6.1.4",
    "version": 2,
    "database": None,
    "compression": None,
    "sha256": "1f" * 32,
    "raw_size": None,
    "count": 8,
    "tool": "",
    "tool_version": "3.41",
    "server_version": "",
    "migrations": ("auth.0001_initial",),
    "inventory": "",
    "damage_check": "integrity_check",
    "partial": False,
    "content_size": 2,
    "added": 3,
    "changed": 4,
    "deleted": 5,
    "left_out": 6,
    "signature": "x",
}


def stored(**changes: Any) -> bytes:
    return json.dumps({**STORED, **changes}).encode()


def without(*names: str) -> bytes:
    return json.dumps({k: v for k, v in STORED.items() if k not in names}).encode()


def test_a_written_manifest_can_be_read() -> None:
    read = Manifest.from_bytes(MANIFEST.to_bytes())
    assert read == MANIFEST
    assert read.is_signed_by(SIGNER)


def test_least_manifest_is_read_too() -> None:
    least = Manifest(
        path="media/runs/x",
        created_at=datetime(2031, 1, 1, tzinfo=UTC),
        vendor="media",
        format="index",
        size=0,
        environment="",
        django_version="6.1",
    ).signed(SIGNER)
    assert Manifest.from_bytes(least.to_bytes()) == least
    assert least.digest is None


def test_stored_form_is_one_line_of_ascii() -> None:
    data = MANIFEST.to_bytes()
    assert data.endswith(b"\n")
    assert data.count(b"\n") == 1
    assert data.isascii()


def test_every_field_is_stored() -> None:
    assert set(STORED) == {field.name for field in fields(Manifest)} == set(ALTERED)


def test_manifest_is_stored_next_to_its_dump() -> None:
    assert manifest_path("db/app.dump.zst") == "db/app.dump.zst.json"


def test_digest_is_that_of_the_dump() -> None:
    assert MANIFEST.digest == Digest(size=1234, sha256="0f" * 32, raw_size=98765)
    assert replace(MANIFEST, sha256=None).digest is None
    assert replace(MANIFEST, raw_size=None).digest is None


@pytest.mark.parametrize("name", ALTERED)
def test_change_of_any_field_breaks_the_signature(name: str) -> None:
    altered = replace(MANIFEST, **{name: ALTERED[name]})
    assert altered != MANIFEST
    assert not altered.is_signed_by(SIGNER)


def test_dates_in_other_time_zones_are_equal() -> None:
    elsewhere = MANIFEST.created_at.astimezone(timezone(timedelta(hours=5, minutes=30)))
    read = Manifest.from_bytes(stored(created_at=elsewhere.isoformat()))
    assert read == MANIFEST
    assert read.created_at.tzinfo is UTC
    assert read.is_signed_by(SIGNER)


def test_other_layout_of_the_same_values_is_still_signed() -> None:
    text = json.dumps(STORED, indent=4)
    assert Manifest.from_bytes(text.encode()).is_signed_by(SIGNER)


def test_signature_of_an_older_key_counts_as_long_as_the_key_is_listed() -> None:
    assert MANIFEST.is_signed_by(signer("new key", ("older key", KEY)))
    assert not MANIFEST.is_signed_by(signer("new key", ("older key",)))
    assert not MANIFEST.is_signed_by(signer("new key", ()))


def test_new_signatures_use_the_first_key() -> None:
    signed = MANIFEST.signed(signer("new key", (KEY,)))
    assert signed.is_signed_by(signer("new key", ()))
    assert not signed.is_signed_by(SIGNER)


@pytest.mark.parametrize("signature", ["", ":", "x:y", MANIFEST.signature + ":", "é", "\0"])
def test_signature_of_any_shape_is_refused(signature: str) -> None:
    assert not replace(MANIFEST, signature=signature).is_signed_by(SIGNER)


def test_signature_of_another_purpose_is_refused() -> None:
    from django.core.signing import Signer

    foreign = MANIFEST.signed(Signer(key=KEY, salt="sessions"))
    assert not foreign.is_signed_by(SIGNER)


@pytest.mark.parametrize("name", sorted(STORED))
def test_missing_field_is_refused(name: str) -> None:
    with pytest.raises(
        ManifestError, match=f"missing or unknown fields.*{name}|its version is None"
    ):
        Manifest.from_bytes(without(name))


def test_unknown_field_is_refused() -> None:
    with pytest.raises(ManifestError, match="unknown fields: backend"):
        Manifest.from_bytes(stored(backend="os.system"))


MEDIA = ("count", "content_size", "added", "changed", "deleted", "left_out")
NUMBERS = ("size", "raw_size", "version", *MEDIA)
WRONG = [None, True, 0, -1, 1.5, "", "x", [], [1], {}, {"a": 1}]


@pytest.mark.parametrize("name", sorted(STORED))
@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_field_of_any_type_is_accepted_as_it_should_or_refused(name: str, value: object) -> None:
    try:
        read = Manifest.from_bytes(stored(**{name: value}))
    except ManifestError:
        return
    assert type(getattr(read, name)) is type(getattr(MANIFEST, name)) or value is None
    optional = (*MEDIA, "database", "compression", "sha256", "raw_size")
    assert value is not None or name in optional
    assert read == MANIFEST or not read.is_signed_by(SIGNER)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"size": "1234"}, "'size' is missing or has the wrong type"),
        ({"size": True}, "'size' is missing or has the wrong type"),
        ({"size": 1234.0}, "'size' is missing or has the wrong type"),
        ({"size": -1}, "'size' is negative"),
        ({"raw_size": -1}, "'raw_size' is negative"),
        ({"partial": 1}, "'partial' is missing or has the wrong type"),
        ({"partial": None}, "'partial' is missing or has the wrong type"),
        ({"migrations": "auth.0001"}, "'migrations' is missing or has the wrong type"),
        ({"migrations": [1]}, "'migrations' is missing or has the wrong type"),
        ({"path": None}, "'path' is missing or has the wrong type"),
        ({"created_at": "yesterday"}, "'created_at' is not a valid date"),
        ({"created_at": "2031-12-09T07:05:03"}, "'created_at' has no time zone"),
        ({"created_at": "0001-01-01T00:00:00+23:59"}, "'created_at' is not a valid date"),
        ({"created_at": "9999-12-31T23:59:59-23:59"}, "'created_at' is not a valid date"),
        ({"created_at": 1234}, "'created_at' is missing or has the wrong type"),
        ({"version": 2}, "its version is 2, this release reads 1"),
        ({"version": 0}, "its version is 0"),
        ({"version": True}, "its version is True"),
        ({"version": "1"}, "its version is 1, this release"),
        ({"version": 1.0}, "'version' is missing or has the wrong type"),
        ({"version": [[]]}, r"its version is \[\[\]\]"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_invalid_value_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ManifestError, match=words):
        Manifest.from_bytes(stored(**changes))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"{",
        b"null",
        b"5",
        b"[]",
        b'"text"',
        b"{}",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b"[" * 900 + b"]" * 900,
        b'{"version": 1, "size": ' + b"9" * 5_000 + b"}",
        b'{"version": ' + b"9" * 5_000 + b"}",
        b'{"version": 1e999}',
        b'{"version": NaN}',
        b'{"version": Infinity}',
        b'{"version": "\\ud800"}',
        MANIFEST.to_bytes()[:-3],
        MANIFEST.to_bytes() * 2,
        MANIFEST.to_bytes() + b"x",
        MANIFEST.to_bytes().replace(b'"size":1234', b'"size":NaN'),
        MANIFEST.to_bytes().replace(b'"size":1234', b'"size":1234e0'),
        MANIFEST.to_bytes().replace(b'"size":1234', b'"size":' + b"9" * 5_000),
    ],
    ids=lambda data: ascii(data)[:30],
)
def test_anything_but_a_manifest_is_refused(data: bytes) -> None:
    with pytest.raises(ManifestError):
        Manifest.from_bytes(data)


def test_deep_nesting_is_refused_at_every_depth() -> None:
    for depth in [
        *range(1, 40),
        *range(900, 1_100),
        *range(1_400, 1_600),
        *range(1_600, 60_000, 997),
    ]:
        with pytest.raises(ManifestError):
            Manifest.from_bytes(b'{"version":' + b"[" * depth + b"]" * depth + b"}")


def test_last_of_duplicate_keys_is_what_the_signature_covers() -> None:
    line = MANIFEST.to_bytes()
    harmless = line.replace(b"{", b'{"size":1,', 1)
    assert Manifest.from_bytes(harmless) == MANIFEST
    harmful = line.replace(b"}", b',"size":1}', 1)
    assert not Manifest.from_bytes(harmful).is_signed_by(SIGNER)


def test_largest_numbers_are_only_numbers() -> None:
    read = Manifest.from_bytes(stored(size=10**4_000))
    assert read.size == 10**4_000
    assert not read.is_signed_by(SIGNER)
    assert Manifest.from_bytes(read.to_bytes()) == read


def survives(data: bytes) -> None:
    try:
        read = Manifest.from_bytes(data)
    except ManifestError:
        return
    assert Manifest.from_bytes(read.to_bytes()) == read


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    survives(data)


@given(st.integers(0, len(MANIFEST.to_bytes()) - 1), st.integers(0, 255))
def test_any_byte_changed_is_noticed(position: int, value: int) -> None:
    data = bytearray(MANIFEST.to_bytes())
    data[position] = value
    survives(bytes(data))
    try:
        read = Manifest.from_bytes(bytes(data))
    except ManifestError:
        return
    assert read == MANIFEST or not read.is_signed_by(SIGNER)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**18, 10**40)
    | st.floats()
    | st.text(st.characters(), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(STORED)), json_values, max_size=4))
def test_any_values_are_read_or_refused(changes: dict[str, Any]) -> None:
    survives(stored(**changes))


@given(st.one_of(st.text(max_size=30), st.datetimes(timezones=st.timezones()).map(str)))
def test_any_date_is_read_or_refused(text: str) -> None:
    survives(stored(created_at=text))
