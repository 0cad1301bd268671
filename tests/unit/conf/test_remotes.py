"""What ``REMOTES`` accepts, and what it says of what is wrong: never a secret."""

from pathlib import Path
from typing import Any

import pytest

from django_rclone import conf
from django_rclone.conf.remotes import ConfiguredRemote, Encryption
from django_rclone.conf.sources import CREDENTIALS_DIRECTORY
from django_rclone.exceptions import InvalidSettings
from django_rclone.redaction import redact
from tests.unit.conftest import Configure

SECRET = "5ecret-value"


def one(configure: Configure, **keys: Any) -> ConfiguredRemote:
    (found,) = configure(REMOTES={"backups": {"TYPE": "s3", **keys}}).remotes
    return found


def test_a_remote_without_encryption(configure: Configure) -> None:
    found = one(configure, OPTIONS={"provider": "AWS", "chunk_size": 5, "no_check_bucket": True})
    assert (found.name, found.type, found.encryption) == ("backups", "s3", None)
    assert found.options == {"provider": "AWS", "chunk_size": "5", "no_check_bucket": "true"}


def test_a_remote_with_encryption(configure: Configure) -> None:
    found = one(configure, ENCRYPTION={"PASSWORD": SECRET, "SALT": "salt"})
    assert found.encryption == Encryption(password=SECRET, salt="salt")
    assert SECRET not in repr(conf.load())


def test_a_path_is_an_option(configure: Configure, tmp_path: Path) -> None:
    assert one(configure, OPTIONS={"key_file": tmp_path}).options == {"key_file": str(tmp_path)}


@pytest.mark.parametrize(
    ("remotes", "words"),
    [
        ([], "must be a dict, not list"),
        ({"back-ups": {"TYPE": "s3"}}, "has a remote with a wrong name: 'back-ups'"),
        ({5: {"TYPE": "s3"}}, "has a remote with a wrong name: 5"),
        ({"backups": "s3"}, "of 'backups' must be a dict"),
        ({"backups": {}}, "of 'backups' has no TYPE"),
        ({"backups": {"TYPE": 5}}, "of 'backups' has no TYPE"),
        ({"backups": {"TYPE": "s3", "OPTION": {}}}, "unknown key 'OPTION'.\nHint: Did you mean 'OPTIONS'"),
        ({"backups": {"TYPE": "s3", "options": {}}}, "Did you mean 'OPTIONS'"),
        ({"backups": {"TYPE": "s3", "OPTIONS": [SECRET]}}, "OPTIONS must be a dict"),
        ({"backups": {"TYPE": "s3", "OPTIONS": {"key": None}}}, "not NoneType"),
        ({"backups": {"TYPE": "s3", "OPTIONS": {"key": [SECRET]}}}, "not list"),
        ({"backups": {"TYPE": "s3", "OPTIONS": {"key": SECRET + "\0"}}}, "NUL"),
        ({"backups": {"TYPE": "s3", "ENCRYPTION": SECRET}}, "ENCRYPTION must be a dict"),
        ({"backups": {"TYPE": "s3", "ENCRYPTION": {}}}, "ENCRYPTION has no PASSWORD"),
        ({"backups": {"TYPE": "s3", "ENCRYPTION": {"PASSWORD": ""}}}, "PASSWORD of ENCRYPTION is empty"),
        (
            {"backups": {"TYPE": "s3", "ENCRYPTION": {"PASSWORD": SECRET, "PASSWORD2": SECRET}}},
            "unknown key 'PASSWORD2'",
        ),
        ({"a": {"TYPE": "s3"}, "A": {"TYPE": "s3"}}, "cannot keep apart: A, a"),
        (
            {
                "a": {"TYPE": "s3", "ENCRYPTION": {"PASSWORD": SECRET}},
                "a_plain": {"TYPE": "local"},
            },
            "cannot keep apart",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_the_fix(
    remotes: Any, words: str, configure: Configure
) -> None:
    with pytest.raises(InvalidSettings) as caught:
        configure(REMOTES=remotes)
    assert caught.value.key == "REMOTES"
    assert words in str(caught.value)
    assert caught.value.hint
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("place", ["disk:backups", "disk:", "DISK:backups"])
def test_a_relative_folder_of_a_remote_is_refused(place: str, configure: Configure) -> None:
    disk = {"disk": {"TYPE": "local"}}
    with pytest.raises(InvalidSettings, match="relative folder"):
        configure(REMOTE=place, REMOTES=disk)
    with pytest.raises(InvalidSettings, match="relative folder"):
        configure(REMOTES=disk, MEDIA_SOURCES={"media": {"REMOTE": place}})


def test_a_secret_may_come_from_a_variable(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"secret_access_key": {"ENV": "BUCKET_SECRET"}}
    with pytest.raises(InvalidSettings, match="the variable BUCKET_SECRET, which is not set"):
        one(configure, OPTIONS=options)
    monkeypatch.setenv("BUCKET_SECRET", SECRET)
    assert one(configure, OPTIONS=options).options == {"secret_access_key": SECRET}
    assert redact(f"got {SECRET}!") == "got ***!"


def test_a_secret_may_come_from_a_file(configure: Configure, tmp_path: Path) -> None:
    path = tmp_path / "password"
    encryption = {"PASSWORD": {"FILE": path}}
    with pytest.raises(InvalidSettings, match=f"{path}, which cannot be read: No such file"):
        one(configure, ENCRYPTION=encryption)
    path.write_text("\n")
    with pytest.raises(InvalidSettings, match="which is empty"):
        one(configure, ENCRYPTION=encryption)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidSettings, match="it is not text"):
        one(configure, ENCRYPTION=encryption)
    path.write_text(f" {SECRET} \r\n")
    # Only the end of the line is not part of it.
    assert one(configure, ENCRYPTION=encryption).encryption == Encryption(password=f" {SECRET} ")


def test_a_secret_may_be_a_credential_of_systemd(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "password").write_text(SECRET)
    encryption = {"PASSWORD": {"FILE": "password"}}
    monkeypatch.delenv(CREDENTIALS_DIRECTORY, raising=False)
    with pytest.raises(InvalidSettings, match="CREDENTIALS_DIRECTORY is not set"):
        one(configure, ENCRYPTION=encryption)
    monkeypatch.setenv(CREDENTIALS_DIRECTORY, str(tmp_path))
    assert one(configure, ENCRYPTION=encryption).encryption == Encryption(password=SECRET)


@pytest.mark.parametrize("source", [{}, {"FILE": ""}, {"PATH": "/x"}, {"FILE": "/x", "ENV": "X"}])
def test_a_secret_has_one_source(source: object, configure: Configure) -> None:
    with pytest.raises(InvalidSettings, match="must name one FILE or one ENV"):
        one(configure, OPTIONS={"secret_access_key": source})


@pytest.mark.parametrize(
    "keys",
    [
        {"OPTIONS": {"secret_access_key": SECRET}},
        {"OPTIONS": {"pass": SECRET}},
        {"OPTIONS": {"key_pem": SECRET}},
        {"OPTIONS": {"sas_url": SECRET}},
        {"ENCRYPTION": {"PASSWORD": SECRET}},
        {"ENCRYPTION": {"PASSWORD": "x", "SALT": SECRET}},
    ],
)
def test_secrets_are_masked(keys: dict[str, Any], configure: Configure) -> None:
    one(configure, **keys)
    assert redact(f"rclone said {SECRET}.") == "rclone said ***."


@pytest.mark.parametrize("value", [None, [], {"a": 5}, {"a": {"OPTIONS": 5, "ENCRYPTION": []}}])
def test_masking_survives_wrong_settings(value: object, settings: Any) -> None:
    settings.DJANGO_RCLONE = {"REMOTES": value}
    assert redact("all is well") == "all is well"
