import json
from urllib.parse import quote

import pytest
from django.conf import settings as django_settings
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings as DjangoSettings

from django_rclone.redaction import MASK, redact
from tests.unit.conftest import Databases

PASSWORD = "pa$$ w0rd/+&é"


@pytest.mark.parametrize(
    "secrets",
    [
        {"PASSWORD": PASSWORD},
        {"OPTIONS": {"password": PASSWORD}},
        {"OPTIONS": {"passwd": PASSWORD}},
        {"OPTIONS": {"sslpassword": PASSWORD}},
        {"OPTIONS": {"tlsCertificateKeyFilePassword": PASSWORD}},
        {"HOST": f"mongodb+srv://shop:{quote(PASSWORD, safe='')}@one.example,two.example/shop"},
    ],
    ids=str,
)
def test_password_of_a_database_is_masked(secrets: dict[str, object], databases: Databases) -> None:
    databases({"default": {}, "other": secrets})
    assert redact(f"no login with {PASSWORD}.") == "no login with ***."
    assert redact(f"{PASSWORD}{PASSWORD}") == "******"
    assert redact(f"at //bob?{quote(PASSWORD, safe='')}#") == "at //bob?***#"


@pytest.mark.parametrize("key", ["SECRET_KEY", "SECRET_KEY_FALLBACKS", "SIGNING_KEY"])
def test_keys_are_masked(key: str, settings: DjangoSettings) -> None:
    if key == "SIGNING_KEY":
        settings.DJANGO_RCLONE = {"SIGNING_KEY": "k3y-of-0urs"}
    else:
        setattr(settings, key, "k3y-of-0urs" if key == "SECRET_KEY" else ["k3y-of-0urs"])
    assert redact("signed by k3y-of-0urs") == "signed by ***"


def test_longer_secret_is_masked_before_the_one_it_contains(databases: Databases) -> None:
    databases({"a": {"PASSWORD": "open"}, "b": {"PASSWORD": "open-sesame"}})
    assert redact("say open-sesame or open") == "say *** or ***"


def test_very_short_password_does_not_mask_every_sentence(databases: Databases) -> None:
    databases({"default": {"PASSWORD": "a"}})
    assert redact("a table and a row") == "a table and a row"


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("postgres://bob:hunter2@host:5432/db", "postgres://bob:***@host:5432/db"),
        ("postgresql+psycopg://bob:hunter2@host", "postgresql+psycopg://bob:***@host"),
        ("redis://:hunter2@host/0", "redis://:***@host/0"),
        ("see HTTPS://bob:hunter2@host/x, please", "see HTTPS://bob:***@host/x, please"),
        ("password=hunter2 host=db", "password=*** host=db"),
        ("PGPASSWORD=hunter2", "PGPASSWORD=***"),
        ("MYSQL_PWD=hunter2", "MYSQL_PWD=***"),
        ("passwd: hunter2", "passwd: ***"),
        ("password='hunter 2' host=db", "password=*** host=db"),
        ('password="hunter 2" host=db', "password=*** host=db"),
        ("--password=hunter2", "--password=***"),
        ("RCLONE_CONFIG_S3_SECRET_ACCESS_KEY=hunter2", "RCLONE_CONFIG_S3_SECRET_ACCESS_KEY=***"),
        ("access_key_id = AKIA123", "access_key_id = ***"),
        ("api-key: hunter2", "api-key: ***"),
        ("apikey=hunter2&x=1", "apikey=***&x=1"),
        ("https://host/?token=hunter2&x=1", "https://host/?token=***&x=1"),
        ('{"password": "hunter2", "user": "bob"}', '{"password": ***, "user": "bob"}'),
        ('{"access_token":"hunter2"}', '{"access_token":***}'),
        ("{'client_secret': 'hunter2'}", "{'client_secret': ***}"),
        ("Authorization: Bearer abcdef123456", "Authorization: Bearer ***"),
        ("Authorization: Basic Ym9iOmh1bnRlcjI=", "Authorization: Basic ***"),
        ("https://hooks.slack.com/services/T0/B0/xyz", "https://hooks.slack.com/***"),
        ("https://hc-ping.com/0123-4567/start", "https://hc-ping.com/***"),
    ],
)
def test_text_that_looks_like_a_secret_is_masked(text: str, redacted: str) -> None:
    assert redact(text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "password authentication failed for user",
        'FATAL:  password authentication failed for user "bob"',
        "the token expired",
        "InvalidAccessKeyId: The AWS Access Key Id you provided does not exist",
        "failed to decrypt password: base64 decode failed",
        "a secret is missing",
        "Permission denied (publickey,password).",
        "couldn't find the access key in the environment",
        "https://example.org/path?x=1",
        "https://example.org:8080/a@b",
        "mailto:bob@example.org",
        "bob@host:/srv/backups",
        "db/default-2031-12-09-070503.0a1b2c3d.sqlite3.zst: no such file",
        "rclone rcat exited with 1.",
        "The bearer of this is welcome",
        "row 17: (3, 'x')\nrow 18: (4, 'y')",
    ],
)
def test_ordinary_sentence_is_untouched(text: str) -> None:
    assert redact(text) == text


def test_masking_twice_changes_nothing_more() -> None:
    once = redact("password=hunter2 postgres://a:b@c token=x, done")
    assert redact(once) == once


# A mask is made of asterisks itself: of secrets with some, nothing is said here.
secrets = st.text(
    st.characters(exclude_characters="*", exclude_categories=["Cs"]), min_size=4, max_size=20
)


@given(secrets, st.text(max_size=20), st.text(max_size=20), st.sampled_from(["PASSWORD", "KEY"]))
def test_known_secret_never_survives(secret: str, before: str, after: str, kind: str) -> None:
    text = f"{before}{secret}{after} {quote(secret, safe='')}"
    with override_settings(SECRET_KEY=secret if kind == "KEY" else "another"):
        databases = django_settings.DATABASES
        django_settings.DATABASES = {"default": {"PASSWORD": secret if kind == "PASSWORD" else ""}}
        try:
            redacted = redact(text)
        finally:
            django_settings.DATABASES = databases
    assert MASK in redacted
    # What is left of the sentence may hold it by itself, such as "    ".
    assert redacted.count(secret) <= f"{before}{MASK}{after} {MASK}".count(secret)


@given(st.text("abc123", min_size=4, max_size=12), st.text("abc \"'{}:", max_size=10))
def test_secret_in_json_never_survives(secret: str, padding: str) -> None:
    text = json.dumps({"note": padding, "password": f"q{secret}"})
    assert f"q{secret}" not in redact(text)
