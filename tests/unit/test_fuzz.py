"""What comes from elsewhere is read, or refused with a clear error; and no secret comes through."""

import json
import os
import string
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import quote, quote_plus

import pytest
from django.conf import settings as django_settings
from django.test import override_settings
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from django_rclone import conf
from django_rclone.backups.manifest import Manifest, ManifestError
from django_rclone.backups.naming import Naming, validate_name
from django_rclone.exceptions import BackupNotFound, RcloneError
from django_rclone.locks.lease import Lease
from django_rclone.rclone.copying import Copying, Listed
from django_rclone.rclone.log import TransferStats
from django_rclone.rclone.output import RemoteObject
from django_rclone.rclone.remote import Remote
from django_rclone.rclone.sessions import session
from django_rclone.redaction import redact
from tests.support.site import fake_rclone

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
MANIFEST: dict[str, Any] = json.loads(
    Manifest(
        path="db/x",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        vendor="sqlite",
        format="sqlite3",
        size=1,
        environment="",
        django_version="6.1",
    ).to_bytes()
)
LEASE: dict[str, Any] = json.loads(
    Lease(
        token="0" * 16,
        operation="db_restore",
        database="default",
        host="x",
        pid=1,
        since=datetime(2026, 1, 1, tzinfo=UTC),
        until=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=15),
    ).to_bytes()
)


def changed(values: Mapping[str, Any]) -> st.SearchStrategy[bytes]:
    """One or two fields of something sound with any value, or any bytes at all."""
    some = st.dictionaries(st.sampled_from(sorted(values)), JSON, max_size=2)
    dates = st.fixed_dictionaries(
        {name: st.datetimes().map(str) | st.text(max_size=30) for name in values if name in _DATES}
    )
    return st.binary(max_size=200) | (some | dates | JSON).map(
        lambda new: json.dumps({**values, **new} if isinstance(new, dict) else new).encode()
    )


_DATES = ("created_at", "since", "until")


@given(changed(MANIFEST))
@settings(max_examples=400)
def test_a_manifest_is_read_or_refused(data: bytes) -> None:
    try:
        manifest = Manifest.from_bytes(data)
    except ManifestError:
        return
    assert Manifest.from_bytes(manifest.to_bytes()) == manifest


@given(changed(LEASE))
@settings(max_examples=400)
def test_a_lease_is_read_or_refused(data: bytes) -> None:
    try:
        lease = Lease.from_bytes(data)
    except ValueError:
        return
    assert Lease.from_bytes(lease.to_bytes()) == lease


@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_deep_nesting_is_refused(depth: int) -> None:
    data = b"[" * depth
    with pytest.raises(ManifestError):
        Manifest.from_bytes(data)
    with pytest.raises(ValueError, match="not JSON"):
        Lease.from_bytes(data)


ROW = st.fixed_dictionaries({"Path": JSON, "Size": JSON, "IsDir": JSON})
ANSWER = st.fixed_dictionaries(
    {"list": st.lists(ROW | JSON, max_size=3) | JSON, "item": ROW | JSON}
)


@pytest.fixture
def _one_rclone() -> Iterator[None]:
    with session():
        yield


@pytest.mark.usefixtures("_one_rclone")
@given(listing=(ANSWER | JSON).map(json.dumps) | st.text(max_size=50))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_listing_is_read_or_refused(listing: str, tmp_path: Path) -> None:
    answer = tmp_path / "answer"
    answer.write_text(listing, encoding="utf-8", errors="surrogatepass")
    fake = fake_rclone(tmp_path, "lsjson*|size*", f"exec cat {answer}")
    site = {"REMOTE": "x:", "RCLONE_BINARY": str(fake), "RETRIES": 0}
    with override_settings(DJANGO_RCLONE=site):
        rclone, copying = Remote(conf.load()), Copying(conf.load())
    for ask in (
        lambda: rclone.list("db"),
        lambda: rclone.size("x"),
        lambda: list(copying.sizes("x:")),
        lambda: list(copying.files("x:")),
    ):
        try:
            found = ask()
        except RcloneError:
            continue
        if isinstance(found, list):
            assert all(isinstance(one, RemoteObject | Listed | tuple) for one in found)


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda b: b.decode("utf-8", "replace")))
def test_a_name_is_taken_or_refused(name: str) -> None:
    naming = Naming("{database}-{datetime}.{ext}", "%Y-%m-%d-%H%M%S")
    assert naming.parse_timestamp("default", name) is None or name.startswith("default-")
    try:
        bare = validate_name(name, "db")
    except BackupNotFound:
        return
    assert "/" not in bare
    assert bare not in ("", ".", "..")


@given(JSON.map(json.dumps) | JSON.map(lambda value: json.dumps({"stats": value})) | st.text())
def test_a_line_of_the_log_is_read_whatever_it_holds(line: str) -> None:
    TransferStats().feed(line)


# ---------------------------------------------------------------------------- secrets

SECRET = st.text(
    alphabet=string.ascii_letters + string.digits + "!#$%&()*+,-./:;<=>?@[]^_{|}~ '\"\\äß€",
    min_size=8,
    max_size=40,
).filter(lambda text: text == text.strip() and len(set(text)) > 5)
PLACES: dict[str, Any] = {
    "password": lambda s: _of_database(PASSWORD=s),
    "option": lambda s: _of_database(OPTIONS={"passwd": s}),
    "key": lambda s: override_settings(SECRET_KEY=s),
    "old key": lambda s: override_settings(SECRET_KEY_FALLBACKS=[s]),
    "signing key": lambda s: override_settings(DJANGO_RCLONE={"SIGNING_KEY": s}),
    "old signing key": lambda s: override_settings(DJANGO_RCLONE={"SIGNING_KEY_FALLBACKS": [s]}),
    "variable of rclone": lambda s: mock.patch.dict(os.environ, {"RCLONE_CONFIG_X_PASS": s}),
}
"""Where the Django settings may hold a secret that is then known by its letters."""


def _of_database(**values: object) -> AbstractContextManager[object]:
    return mock.patch.dict(django_settings.DATABASES["default"], values)


SHAPES: dict[str, Any] = {
    "plain": lambda s: s,
    "quoted for an address": lambda s: f"postgres://user:{quote(s, safe='')}@host/db",
    "quoted for a form": lambda s: f"x={quote_plus(s)}",
    "in JSON": lambda s: json.dumps({"message": s}),
    "in JSON of a log": lambda s: json.dumps({"msg": json.dumps({"m": s})}),
    "as Python writes it": repr,
}
"""How programs print what they were given."""


@pytest.mark.parametrize("place", PLACES)
@given(secret=SECRET)
@settings(max_examples=60, deadline=None)
def test_a_secret_of_the_settings_is_masked_in_every_shape(place: str, secret: str) -> None:
    with PLACES[place](secret):
        for shape, write in SHAPES.items():
            said = redact(f"cannot use {write(secret)} here")
            assert write(secret)[1:-1] not in said, shape
            assert secret not in said, shape


# Names as in rclone's own options; what they hold is known by the name alone.
NAMES = [
    "pass",
    "password",
    "password2",
    "secret_access_key",
    "access_key_id",
    "token",
    "client_secret",
    "key_pem",
    "api_key",
    "sas_url",
    "bearer_token",
    "account_key",
    "auth_token",
    "private_key",
    "service_account_credentials",
]
NAMED = st.text(
    alphabet=string.ascii_letters + string.digits + "+/=_-.", min_size=8, max_size=40
).filter(lambda text: text[0].isalnum() and len(set(text)) > 5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", ["{} = {}", "{}={}", '"{}": "{}"', "{}: {}", "--x-{} {}"])
@given(secret=NAMED)
@settings(max_examples=15, deadline=None)
def test_values_named_like_secrets_of_rclone_are_masked(name: str, form: str, secret: str) -> None:
    if form.startswith("--"):
        name = name.replace("_", "-")
    assume(secret not in name)
    assert secret not in redact(f"error: {form.format(name, secret)}, sorry")
