"""`dbverify` proves a backup, records it, and touches no live database."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from django_rclone.backups.rehearsal import Rehearsal
from tests.support.signal_recorder import SignalRecorder
from tests.support.site import DjangoSite


def orders_add_up(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM entry")
        (count,) = cursor.fetchone()
    return [] if count > 1 else [f"there are only {count} entries"]


def raising(connection):
    raise RuntimeError("no such shop")


def record_of(dump: Path, proof: str = "rehearsed") -> Rehearsal:
    return Rehearsal.from_bytes(dump.with_name(f"{dump.name}.{proof}").read_bytes())


def run_sql(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_a_good_backup_passes_and_the_live_database_is_not_touched(site: DjangoSite) -> None:
    dump = site.back_up()
    run_sql(site.database.path, "DELETE FROM entry")
    live = site.database.path.read_bytes()

    printed = site.call("dbverify")

    assert f"Rehearsed db/{dump.name}" in printed
    assert "size and hash" in printed
    assert "foreign keys" in printed
    assert site.database.path.read_bytes() == live
    record = record_of(dump)
    assert (record.passed, record.complaints) == (True, ())
    assert any("rows of" in words for words in record.compared)


def test_reading_back_needs_no_database_and_has_a_record_of_its_own(site: DjangoSite) -> None:
    dump = site.back_up()
    site.database.path.unlink()

    printed = site.call("dbverify", "--remote-only")

    assert f"Read db/{dump.name}" in printed
    assert record_of(dump, "read").compared == ("size and hash",)
    assert not dump.with_name(f"{dump.name}.rehearsed").exists()


@pytest.mark.parametrize("arguments", [(), ("--remote-only",)], ids=["rehearsed", "read"])
def test_a_flipped_byte_is_found_and_recorded(site: DjangoSite, arguments: tuple[str, ...]) -> None:
    dump = site.back_up()
    data = bytearray(dump.read_bytes())
    data[len(data) // 2] ^= 1
    dump.write_bytes(data)

    with pytest.raises(CommandError, match="is not restorable") as caught:
        site.call("dbverify", *arguments)

    assert caught.value.returncode == 1
    record = record_of(dump, "read" if arguments else "rehearsed")
    assert not record.passed
    assert record.complaints


def test_broken_foreign_keys_are_a_complaint(site: DjangoSite) -> None:
    run_sql(
        site.database.path,
        "CREATE TABLE author (id INTEGER PRIMARY KEY)",
        "CREATE TABLE book (author INTEGER REFERENCES author (id))",
        "INSERT INTO book VALUES (99)",
    )
    site.back_up()
    with pytest.raises(CommandError, match="foreign keys do not hold in table book"):
        site.call("dbverify")


def test_checks_of_the_site_are_asked_in_the_rehearsed_database(site: DjangoSite) -> None:
    site.rclone["REHEARSAL_CHECKS"] = [f"{__name__}.orders_add_up"]
    dump = site.back_up()
    run_sql(site.database.path, "DELETE FROM entry")
    site.call("dbverify")
    assert f"{__name__}.orders_add_up" in record_of(dump).compared

    emptied = site.back_up()
    with pytest.raises(CommandError, match=r"orders_add_up: there are only 0 entries"):
        site.call("dbverify", "-i", emptied.name)


def test_a_check_that_raises_is_a_complaint(site: DjangoSite) -> None:
    site.rclone["REHEARSAL_CHECKS"] = [f"{__name__}.raising"]
    site.back_up()
    with pytest.raises(CommandError, match="raising raised RuntimeError: no such shop"):
        site.call("dbverify")


def test_a_check_that_does_not_exist_is_named_before_anything_is_read(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.back_up()
    site.rclone["REHEARSAL_CHECKS"] = ["shop.no_such"]
    with pytest.raises(CommandError, match=r"REHEARSAL_CHECKS.*names shop\.no_such"):
        site.call("dbverify")


def test_every_backup_is_tried_and_each_failure_is_told(site: DjangoSite) -> None:
    first, second, third = site.back_up(), site.back_up(), site.back_up()
    for dump in (first, third):
        dump.write_bytes(dump.read_bytes()[:-9] + b"x" * 9)

    with pytest.raises(CommandError) as caught:
        site.call("dbverify", "--all")

    assert first.name in str(caught.value)
    assert third.name in str(caught.value)
    assert record_of(second).passed


def test_observers_learn_of_a_verification_and_may_veto_it(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    dump = site.back_up()
    site.call("dbverify")
    events = [e for e in recorder.events if e.operation == "db_verify"]
    assert [e.state for e in events] == ["started", "succeeded"]
    assert {e.path for e in events} == {f"db/{dump.name}"}
    assert all(json.dumps(e.database) == '"default"' for e in events)


def test_a_rehearsal_in_a_database_of_its_own_replaces_that_alone(site: DjangoSite) -> None:
    scratch = site.add_database("rehearsal")
    scratch.path.unlink()
    site.rclone["REHEARSAL"] = {"default": "rehearsal"}
    dump = site.back_up("-d", "default")
    fingerprint = site.database.fingerprint()
    run_sql(site.database.path, "DELETE FROM entry")
    live = site.database.path.read_bytes()

    site.call("dbverify")
    site.call("dbverify")

    assert record_of(dump).passed
    run_sql(scratch.path, "DROP TABLE django_rclone_rehearsal")
    assert scratch.fingerprint() == fingerprint
    assert site.database.path.read_bytes() == live


def test_a_database_that_no_rehearsal_has_filled_is_not_replaced(site: DjangoSite) -> None:
    users = site.add_database("users")
    site.rclone["REHEARSAL"] = {"default": "users"}
    dump = site.back_up("-d", "default")
    live = users.path.read_bytes()

    with pytest.raises(CommandError, match="'users', a database that is not empty") as caught:
        site.call("dbverify")

    assert caught.value.returncode == 2
    assert users.path.read_bytes() == live
    run_sql(users.path, "CREATE TABLE django_rclone_rehearsal (name char(1) PRIMARY KEY)")
    site.call("dbverify")
    assert record_of(dump).passed


def test_a_database_for_rehearsals_is_not_backed_up_with_the_others(site: DjangoSite) -> None:
    site.add_database("rehearsal")
    site.rclone["REHEARSAL"] = {"default": "rehearsal"}
    site.call("dbbackup", "--all")
    assert {backup["database"] for backup in site.backups()} == {"default"}


@pytest.mark.parametrize(
    ("rehearsal", "problem"),
    [
        ({"default": "default"}, "would replace 'default'"),
        ({"default": "twin"}, "would replace 'default'"),
        ({"default": "nowhere"}, "unknown database"),
        ("twin", "must be a dict"),
    ],
)
def test_a_live_database_is_never_rehearsed_in(
    site: DjangoSite, rehearsal: object, problem: str
) -> None:
    site.databases["twin"] = {**site.databases["default"]}
    site.back_up("-d", "default")
    live = site.database.path.read_bytes()
    site.rclone["REHEARSAL"] = rehearsal

    with pytest.raises(CommandError, match=problem) as caught:
        site.call("dbverify", "-d", "default")

    assert caught.value.returncode == 2
    assert site.database.path.read_bytes() == live


@pytest.mark.parametrize("environment", ["", "elsewhere"])
def test_a_database_that_has_backups_is_never_rehearsed_in(
    site: DjangoSite, environment: str
) -> None:
    users = site.add_database("users")
    if environment:
        site.rclone["ENVIRONMENT"] = environment
    site.back_up("-d", "users")
    site.rclone.pop("ENVIRONMENT", None)
    site.back_up("-d", "default")
    site.rclone["REHEARSAL"] = {"default": "users"}
    live = users.path.read_bytes()
    if environment:
        run_sql(users.path, "CREATE TABLE django_rclone_rehearsal (name char(1) PRIMARY KEY)")
        site.call("dbverify")
        return

    with pytest.raises(CommandError, match="'users', a database that has backups of its own"):
        site.call("dbverify")

    assert users.path.read_bytes() == live


def test_a_database_to_rehearse_in_that_cannot_be_reached_is_named(site: DjangoSite) -> None:
    site.databases["spare"] = {**site.databases["default"], "NAME": ":memory:"}
    site.back_up("-d", "default")
    site.rclone["REHEARSAL"] = {"default": "spare"}
    with pytest.raises(CommandError, match=r"is in memory.*\nHint: This is about 'spare', which"):
        site.call("dbverify")


def test_a_backup_of_elsewhere_is_named_with_the_way_to_it(site: DjangoSite) -> None:
    site.rclone["ENVIRONMENT"] = "production"
    dump = site.back_up()
    del site.rclone["ENVIRONMENT"]
    with pytest.raises(CommandError, match=r"other environments, production: name one with -i"):
        site.call("dbverify")
    site.call("dbverify", "-i", dump.name)
    site.databases["renamed"] = site.databases.pop("default")
    site.databases["default"] = {**site.databases["renamed"], "NAME": "another.sqlite3"}
    for command in ("dbverify", "dbrestore"):
        with pytest.raises(CommandError, match=r"give the database its old one, 'default'"):
            site.call(command, "-d", "renamed", "-i", dump.name)


def test_settings_without_a_database_prove_nothing(site: DjangoSite) -> None:
    site.databases["default"] = {"ENGINE": ""}
    for command in (
        ["dbverify"],
        ["dbbackup", "--all"],
        ["backupcheck"],
        ["prune"],
        ["prune", "--dry-run"],
    ):
        with pytest.raises(
            CommandError, match=r"There is (no database|nothing to check)"
        ) as caught:
            site.call(*command)
        assert caught.value.returncode == 2


def test_an_unsigned_or_forged_record_proves_nothing(site: DjangoSite) -> None:
    from django_rclone.backups.rehearsal import read_record, record_signer

    dump = site.back_up()
    site.call("dbverify")
    data = dump.with_name(f"{dump.name}.rehearsed").read_bytes()
    manifest = json.loads(dump.with_name(f"{dump.name}.json").read_bytes())["signature"]
    right = record_signer("another key", ())
    assert read_record(data, manifest, right, Rehearsal) is None
    assert read_record(data.replace(b"true", b"false"), manifest, right, Rehearsal) is None
    assert read_record(b"{}", manifest, right, Rehearsal) is None
    assert read_record(None, manifest, right, Rehearsal) is None


def test_a_backup_is_verified_at_once_and_old_ones_stay_if_it_does_not_pass(
    site: DjangoSite,
) -> None:
    site.rclone["DB_CLEANUP_KEEP"] = 1
    site.call("dbbackup", "--verify")
    (first,) = [path for path in site.stored() if path.suffix == ".zst"]
    assert record_of(first).passed

    site.rclone["REHEARSAL_CHECKS"] = [f"{__name__}.orders_add_up"]
    run_sql(site.database.path, "DELETE FROM entry")
    with pytest.raises(CommandError, match="The new backup of 'default' did not pass") as caught:
        site.call("dbbackup", "--verify", "--clean")
    assert caught.value.returncode == 1
    assert first.exists()

    del site.rclone["REHEARSAL_CHECKS"]
    site.call("dbbackup", "--verify", "--clean")
    assert not first.exists()
