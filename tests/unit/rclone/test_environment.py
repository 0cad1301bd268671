"""Of rclone's own variables only configuration and credentials reach it."""

import json
import re
import subprocess
from functools import cache
from typing import Any

import pytest

from django_rclone.exceptions import RcloneError
from django_rclone.rclone.environment import Variables, choose, collection
from tests.support.site import RCLONE


@cache
def output_of(*arguments: str) -> str:
    command = [str(RCLONE), *arguments]
    done = subprocess.run(command, env={}, capture_output=True, text=True, check=True)
    return done.stdout


def variables_of_group(group: str) -> set[str]:
    section = output_of("help", "flags").split(f"(flag group {group}):")[1].split("\n\n")[0]
    flags = re.findall(r"^ +(?:-\w, )? *--([a-z0-9-]+)", section, re.MULTILINE)
    return {f"RCLONE_{flag.replace('-', '_').upper()}" for flag in flags}


def variables_of(kind: str, **wanted: Any) -> set[str]:
    return {
        f"RCLONE_{'' if option['NoPrefix'] else provider['Prefix'] + '_'}{option['Name']}".upper()
        for provider in json.loads(output_of("config", "providers"))
        for option in provider["Options"]
        if kind in (provider["Prefix"], "")
        and all(option[name] == value for name, value in wanted.items())
    }


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> Any:
    def choose_among(names: set[str]) -> Variables:
        for name in names:
            monkeypatch.setenv(name, "x")
        return choose(output_of)

    return choose_among


@pytest.mark.parametrize("group", ["Networking", "Performance"])
def test_how_servers_are_reached_is_passed_on(group: str, chosen: Any) -> None:
    names = variables_of_group(group)
    assert len(names) > 2
    found = chosen(names)
    assert set(found.passed) == names
    assert found.left_out == ()


@pytest.mark.parametrize("group", ["Copy", "Sync", "Important", "Filter", "Listing", "Logging"])
def test_what_changes_a_run_is_left_out(group: str, chosen: Any) -> None:
    names = variables_of_group(group)
    assert len(names) > 1
    found = chosen(names)
    assert found.passed == {}
    assert set(found.left_out) == names


def test_configuration_is_passed_on(chosen: Any) -> None:
    names = {"RCLONE_CONFIG", "RCLONE_CONFIG_PASS", "RCLONE_PASSWORD_COMMAND"}
    names |= {"RCLONE_CONFIG_BACKUPS_TYPE", "RCLONE_CONFIG_BACKUPS_VERSION_AT"}
    assert set(chosen(names).passed) == names


def test_credentials_of_every_storage_are_passed_on(chosen: Any) -> None:
    names = variables_of("", IsPassword=True) | variables_of("", Sensitive=True)
    assert {"RCLONE_S3_ACCESS_KEY_ID", "RCLONE_CRYPT_PASSWORD", "RCLONE_SFTP_USER"} <= names
    assert set(chosen(names).passed) == names


def test_nothing_that_changes_a_folder_is_passed_on(chosen: Any) -> None:
    names = variables_of("local")
    assert {"RCLONE_COPY_LINKS", "RCLONE_LOCAL_ENCODING"} <= names
    assert set(chosen(names).left_out) == names


@pytest.mark.parametrize(
    "name",
    [
        *("S3_VERSION_AT", "S3_VERSIONS", "S3_VERSION_DELETED", "S3_DECOMPRESS", "S3_ENCODING"),
        *("B2_VERSIONS", "DRIVE_TRASHED_ONLY", "DRIVE_SKIP_GDOCS", "CRYPT_STRICT_NAMES"),
        *("WEBDAV_OWNCLOUD_EXCLUDE_SHARES", "SFTP_SKIP_LINKS", "SFTP_HASHES"),
    ],
)
def test_what_changes_a_listing_of_all_storages_of_a_kind_is_left_out(
    name: str, chosen: Any
) -> None:
    assert chosen({f"RCLONE_{name}"}).left_out == (f"RCLONE_{name}",)


@pytest.mark.parametrize(
    "name", ["S3_REGION", "S3_ENDPOINT", "S3_PROFILE", "S3_FORCE_PATH_STYLE", "S3_CHUNK_SIZE"]
)
def test_how_storages_of_a_kind_are_reached_is_passed_on(name: str, chosen: Any) -> None:
    assert set(chosen({f"RCLONE_{name}"}).passed) == {f"RCLONE_{name}"}


def test_a_variable_that_is_not_of_rclone_is_not_worth_a_word(chosen: Any) -> None:
    assert chosen({"RCLONE_OF_THE_SHOP"}) == Variables({}, ())


def test_how_often_memory_is_freed_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOGC", raising=False)
    assert collection() == {"GOGC": "200"}
    monkeypatch.setenv("GOGC", "50")
    assert collection() == {}


def test_rclone_is_not_asked_without_need(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: str) -> str:
        raise RcloneError("not now")

    monkeypatch.setenv("RCLONE_CONFIG", "/some/file")
    assert choose(refuse).passed == {"RCLONE_CONFIG": "/some/file"}


@pytest.mark.parametrize("printed", ["", "nonsense", "[1]", '[{"Options": [{}]}]', "{}"])
def test_odd_answers_pass_nothing_on(printed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RCLONE_S3_REGION", "x")
    assert choose(lambda *_: printed).passed == {}
