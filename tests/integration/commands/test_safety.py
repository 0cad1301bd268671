"""What a restore replaces is backed up first, so that the restore of the wrong night can be taken back."""

import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from django_rclone.operations import pinning, safety
from django_rclone.signals import pre_db_restore
from tests.faults.clock import going_wrong
from tests.support.signal_recorder import SignalRecorder
from tests.support.site import DjangoSite

MARK = re.compile(r"^default-[\d-]+\.[0-9a-f]{8}\.safety\.sqlite3\.zst$")


@pytest.fixture
def shop(site: DjangoSite) -> DjangoSite:
    """A site as it is by default."""
    del site.rclone["SAFETY_BACKUP"]
    return site


def safety_backups(site: DjangoSite) -> list[Path]:
    return [path for path in site.stored() if MARK.match(path.name)]


def test_a_restore_can_be_taken_back(shop: DjangoSite, recorder: SignalRecorder) -> None:
    dump = shop.back_up()
    new = shop.database.fingerprint()
    shop.database.mutate()
    old = shop.database.fingerprint()

    printed = shop.restore()

    (saved,) = safety_backups(shop)
    assert shop.database.fingerprint() == new
    assert f"manage.py dbrestore -d default -i {saved.name}" in printed
    operations = [event.operation for event in recorder.events]
    assert operations == ["db_backup", "db_backup", "db_restore", "db_restore"]
    assert recorder.names.count("post_db_backup") == 1
    listed = {one["name"]: one for one in shop.backups()}[saved.name]
    assert listed["pinned"] == f"before {dump.name} was restored"
    ends = datetime.fromisoformat(listed["pinned_until"]) - datetime.now(UTC)
    assert timedelta(days=6, hours=23) < ends < timedelta(days=7)
    assert listed["kept"] == [f"pinned until {listed['pinned_until'][:16].replace('T', ' ')} UTC"]

    shop.restore("-i", saved.name)
    assert shop.database.fingerprint() == old


def test_the_newest_restored_twice_is_the_same_backup(shop: DjangoSite) -> None:
    shop.back_up()
    new = shop.database.fingerprint()
    for _ in range(2):
        shop.database.mutate()
        shop.restore()
        assert shop.database.fingerprint() == new
    assert len(safety_backups(shop)) == 2
    assert "Rehearsed" in shop.call("dbverify")
    assert not any(path.suffix == ".rehearsed" for path in shop.stored() if MARK.match(path.stem))


def test_no_rule_counts_a_safety_backup_and_it_goes_once_its_pin_has_ended(
    shop: DjangoSite,
) -> None:
    shop.rclone["DB_CLEANUP_KEEP"] = 2
    first, second = shop.back_up(), shop.back_up()
    shop.restore()
    (saved,) = safety_backups(shop)
    shop.call("prune")
    assert all(path.exists() for path in (first, second, saved))

    with going_wrong() as clock:
        clock.wrong = timedelta(days=7, minutes=1)
        assert "WOULD BE DELETED" in shop.call("prune", "--dry-run")
        shop.call("prune")
    assert [path for path in shop.stored() if saved.name in path.name] == []
    assert first.exists()
    assert second.exists()


def test_a_safety_backup_stays_as_long_as_there_is_no_other(shop: DjangoSite) -> None:
    dump = shop.back_up()
    shop.restore()
    for path in shop.stored():
        if path.name.startswith(dump.name):
            path.unlink()
    (saved,) = safety_backups(shop)
    with going_wrong() as clock:
        clock.wrong = timedelta(days=30)
        shop.call("prune")
    assert saved.exists()
    with pytest.raises(CommandError, match=f"name it with -i {saved.name}"):
        shop.restore()


def test_a_check_takes_it_for_no_backup_of_the_night(shop: DjangoSite) -> None:
    dump = shop.back_up()
    shop.restore()
    with pytest.raises(SystemExit):
        shop.call("backupcheck")  # it was never rehearsed
    assert f"Rehearsed db/{dump.name}" in shop.call("dbverify")
    for path in shop.stored():
        if path.name.startswith(dump.name):
            path.unlink()
    process = shop.manage("backupcheck")
    assert (process.returncode, "there is no backup" in process.stdout) == (2, True)


@pytest.mark.parametrize("live", ["missing", "empty file", "no table"])
def test_an_empty_database_needs_none(shop: DjangoSite, live: str) -> None:
    shop.back_up()
    new = shop.database.fingerprint()
    shop.database.path.unlink()
    if live == "empty file":
        shop.database.path.touch()
    elif live == "no table":
        with closing(sqlite3.connect(shop.database.path)) as connection:
            connection.execute("PRAGMA user_version = 3")
            connection.commit()
    shop.remote.joinpath("db").chmod(0o500)
    shop.restore()
    assert safety_backups(shop) == []
    assert shop.database.fingerprint() == new


def test_a_database_too_broken_to_back_up_stops_the_restore(
    shop: DjangoSite, recorder: SignalRecorder
) -> None:
    shop.back_up()
    new = shop.database.fingerprint()
    ruin = b"not a database at all" * 500
    shop.database.path.write_bytes(ruin)

    with pytest.raises(CommandError, match="could not be backed up first") as caught:
        shop.restore()

    assert "--no-safety-backup" in str(caught.value)
    assert shop.database.path.read_bytes() == ruin
    assert recorder.events[-1].target_state == "unchanged"
    shop.restore("--no-safety-backup")
    assert shop.database.fingerprint() == new
    assert safety_backups(shop) == []


def test_a_remote_that_takes_nothing_stops_the_restore_and_nothing_is_left(
    shop: DjangoSite, recorder: SignalRecorder
) -> None:
    shop.back_up()
    shop.database.mutate()
    old, stored = shop.database.fingerprint(), shop.stored()
    shop.rclone["RETRIES"] = 0
    shop.fake_rclone("rcat*.pin", "echo 'NOTICE: no such right' >&2; exit 1")

    with pytest.raises(CommandError, match="could not be backed up first") as caught:
        shop.restore()

    assert "--no-safety-backup" in str(caught.value)
    assert shop.database.fingerprint() == old
    assert shop.stored() == stored
    assert recorder.events[-1].target_state == "unchanged"


def test_a_veto_comes_before_the_safety_backup(shop: DjangoSite) -> None:
    shop.back_up()

    def refuse(**kwargs: object) -> None:
        raise RuntimeError("not today")

    pre_db_restore.connect(refuse)
    try:
        with pytest.raises(CommandError, match="not today"):
            shop.restore()
    finally:
        pre_db_restore.disconnect(refuse)
    assert safety_backups(shop) == []


def test_the_pin_is_there_before_the_backup_is_one(
    shop: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clean-up elsewhere at that moment must not find it without."""
    dump = shop.back_up()
    seen: list[list[str]] = []
    store = pinning.store_pin

    def look(*arguments: object) -> None:
        store(*arguments)  # type: ignore[arg-type]
        seen.append([path.suffix for path in shop.stored() if dump.name not in path.name])

    monkeypatch.setattr(safety, "store_pin", look)
    shop.restore()
    assert [sorted(suffixes) for suffixes in seen] == [[".pin", ".zst"]]


def test_what_a_killed_restore_left_of_one_is_swept_later(shop: DjangoSite) -> None:
    shop.back_up()
    shop.restore()
    (saved,) = safety_backups(shop)
    manifest = saved.with_name(f"{saved.name}.json")
    manifest.unlink()
    with going_wrong() as clock:
        clock.wrong = timedelta(days=3)
        shop.call("prune")
    assert [path for path in shop.stored() if saved.name in path.name] == []


def test_the_setting_says_how_long_it_is_kept(shop: DjangoSite) -> None:
    shop.rclone["SAFETY_BACKUP"] = "2h"
    shop.back_up()
    shop.restore()
    (one,) = [one for one in shop.backups() if one["pinned_until"]]
    ends = datetime.fromisoformat(one["pinned_until"]) - datetime.now(UTC)
    assert timedelta(hours=1) < ends < timedelta(hours=2)


@pytest.mark.parametrize(
    ("arguments", "setting", "said"),
    [
        ((), "7d", "What is in it now is backed up first."),
        (("--no-safety-backup",), "7d", "is NOT backed up first, and cannot be recovered."),
        ((), None, "is NOT backed up first, and cannot be recovered."),
    ],
)
def test_the_question_says_whether_there_will_be_a_way_back(
    shop: DjangoSite,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    setting: str | None,
    said: str,
) -> None:
    shop.rclone["SAFETY_BACKUP"] = setting
    shop.back_up()
    asked: list[str] = []

    def confirm(command: object, question: str, *, interactive: bool) -> None:
        asked.append(question)

    monkeypatch.setattr("django_rclone.management.base.RcloneCommand.confirm", confirm)
    shop.call("dbrestore", *arguments)
    assert said in asked[0]


def test_a_salvage_needs_none(shop: DjangoSite) -> None:
    shop.back_up()
    shop.restore("--salvage")
    assert safety_backups(shop) == []


def test_a_pin_may_have_an_end(site: DjangoSite) -> None:
    site.rclone["DB_CLEANUP_KEEP"] = 1
    old, _ = site.back_up(), site.back_up()
    assert "until" in site.call("pin", old.name, "--for", "2d", "--reason", "the audit")
    assert re.search(rf"{old.name} is pinned until .* UTC: the audit", site.call("listbackups"))
    site.call("prune")
    assert old.exists()
    with going_wrong() as clock:
        clock.wrong = timedelta(days=2, minutes=1)
        site.call("prune")
    assert [path for path in site.stored() if old.name in path.name] == []
    with pytest.raises(CommandError, match="such as '26h'"):
        site.call("pin", "x", "--for", "soon")
