"""What listbackups shows."""

import json
import os

import pytest
from django.core.management.base import CommandError

from tests.support.site import DjangoSite, record_programs, record_requests


def test_backups_are_listed_newest_first_with_what_matters(site: DjangoSite) -> None:
    site.rclone["ENVIRONMENT"] = "staging"
    names = [site.back_up().name for _ in range(3)]
    listed = site.backups()
    assert [backup["name"] for backup in listed] == names[::-1]
    assert set(listed[0]) == {
        "name",
        "path",
        "size",
        "date",
        "age",
        "database",
        "environment",
        "verified",
        "problem",
        "proof",
        "rehearsed_at",
        "read_at",
        "pinned",
        "pinned_until",
        "kept",
    }
    assert listed[0]["environment"] == "staging"


def test_one_database_can_be_listed_alone(site: DjangoSite) -> None:
    for alias in ("app", "app-eu", "app2"):
        site.add_database(alias)
    site.call("dbbackup", "--all")
    for alias in ("app", "app-eu", "app2"):
        assert [backup["database"] for backup in site.backups("-d", alias)] == [alias]


@pytest.mark.parametrize("width", [40, 80, 100, 200])
def test_the_listing_fits_the_terminal_and_cuts_no_name(
    site: DjangoSite, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = site.back_up().name
    monkeypatch.setenv("COLUMNS", str(width))
    text = site.call("listbackups")
    assert name in text
    assert "default" in text
    rest = [line for line in text.splitlines() if name not in line]
    assert all(len(line) <= max(width, 66) for line in rest)
    if width == 200:
        assert text.splitlines()[0].split() == [
            "NAME",
            "SIZE",
            "AGE",
            "DATE",
            "DATABASE",
            "PROOF",
            "KEPT",
        ]


def test_what_is_known_of_a_backup_is_shown(
    site: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    dump = site.back_up()
    assert "  signed  " in site.call("listbackups")
    site.call("dbverify", "--remote-only")
    assert "  read back just now  " in site.call("listbackups")
    site.call("dbverify")
    assert "  rehearsed just now, read back just now  " in site.call("listbackups")
    (listed,) = site.backups()
    assert listed["proof"]["kind"] == "rehearsed"
    assert listed["rehearsed_at"] == listed["proof"]["date"] > listed["read_at"]

    data = bytearray(dump.read_bytes())
    data[-9] ^= 1
    dump.write_bytes(data)
    with pytest.raises(CommandError):
        site.call("dbverify", "--remote-only")
    assert "  NOT RESTORABLE  " in site.call("listbackups")
    assert site.backups()[0]["proof"]["complaints"]


def test_an_unverified_backup_says_why(site: DjangoSite) -> None:
    dump = site.back_up()
    dump.write_bytes(dump.read_bytes()[:-1])
    (listed,) = site.backups()
    assert not listed["verified"]
    assert "bytes, its manifest says" in listed["problem"]
    assert f"{dump.name} is not verified" in site.call("listbackups")


def test_an_empty_remote_is_reported(site: DjangoSite) -> None:
    assert site.call("listbackups") == "There are no backups.\n"
    assert json.loads(site.call("listbackups", "--json")) == []


def test_dumps_and_manifests_alone_are_no_backups(site: DjangoSite) -> None:
    dump = site.back_up()
    (dump.parent / "alone.sqlite3").write_bytes(b"x")
    (dump.parent / "orphan.sqlite3.json").write_bytes(
        dump.with_name(dump.name + ".json").read_bytes()
    )
    assert [backup["name"] for backup in site.backups()] == [dump.name]


def test_garbage_among_the_manifests_hides_no_backup(site: DjangoSite) -> None:
    names = {site.back_up().name for _ in range(2)}
    folder = site.remote / "db"
    for number, junk in enumerate([b"", b"{", b"\n\n{}\n", os.urandom(2000), b"[" * 5000]):
        (folder / f"0junk{number}").write_bytes(b"x")
        (folder / f"0junk{number}.json").write_bytes(junk)
    listed = site.backups()
    assert {backup["name"] for backup in listed if backup["verified"]} == names
    assert "0junk0" not in {backup["name"] for backup in listed}, "an empty manifest is none"


def test_a_listing_takes_one_request_if_nothing_is_new(
    site: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        site.back_up()
    asked = record_requests(monkeypatch)
    assert all(backup["verified"] for backup in site.backups())
    assert len([one for one in asked if one.startswith("/operations/list")]) == 1
    assert len([one for one in asked if ".json" in one]) == 3
    runs = record_programs(monkeypatch)
    asked.clear()
    assert all(backup["verified"] for backup in site.backups())
    assert [argv[1] for argv in runs] == ["obscure"]
    questions = [one.partition("?")[0] for one in asked]
    assert [one for one in questions if one.startswith("/operations/")] == ["/operations/list"]
    assert not any(".json" in one for one in questions)
