from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from django_rclone.backups import Backup
from django_rclone.backups.health import Level, examine
from django_rclone.backups.manifest import Manifest
from django_rclone.backups.rehearsal import Rehearsal
from django_rclone.backups.wording import ago
from django_rclone.conf.limits import CheckLimits, check_limits
from django_rclone.exceptions import InvalidSettings

NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)
LIMITS = CheckLimits()


def backup(hours: float, *, size: int = 1000, problem: str = "", partial: bool = False) -> Backup:
    path = f"db/default-{hours}.zst"
    manifest = Manifest(
        path=path,
        created_at=NOW - timedelta(hours=hours),
        vendor="sqlite",
        format="sqlite3",
        size=size,
        environment="",
        django_version="5.2",
        database="default",
        partial=partial,
    )
    return Backup(path=path, size=size, manifest=manifest, problem=problem)


def record(hours: float, *, passed: bool = True) -> Rehearsal:
    return Rehearsal(
        path="db/default-5.zst",
        manifest="signature",
        proof="rehearsed",
        passed=passed,
        finished_at=NOW - timedelta(hours=hours),
        duration=1,
        host="here",
        complaints=() if passed else ("two rows are missing",),
    )


def found(backups, records=(), limits=LIMITS):
    health = examine("default", backups, records, limits, NOW)
    return health.level, " ".join(finding.text for finding in health.findings)


def test_fresh_and_proven_backups_are_healthy():
    assert found([backup(5), backup(29)], [record(50)]) == (Level.OK, "")


def test_no_backup_is_critical():
    assert found([]) == (Level.CRITICAL, "there is no backup")


@pytest.mark.parametrize(("hours", "level"), [(25.9, Level.OK), (26.1, Level.CRITICAL)])
def test_age_has_a_limit(hours, level):
    assert found([backup(hours)], [record(1)])[0] == level


def test_a_limit_can_be_switched_off():
    limits = CheckLimits(max_age=None, max_unverified_age=None, max_size_change=None)
    assert found([backup(9999)], limits=limits) == (Level.OK, "")


def test_backups_that_were_never_proven_are_a_warning():
    level, text = found([backup(5)])
    assert (level, "ever verified" in text) == (Level.WARNING, True)


def test_a_proof_grows_old():
    level, text = found([backup(5)], [record(9 * 24)])
    assert level == Level.WARNING
    assert "verified 9 days ago, the limit is 8 days" in text


def test_a_rehearsal_that_failed_last_is_critical_until_one_passes():
    level, text = found([backup(5)], [record(10), record(3, passed=False)])
    assert level == Level.CRITICAL
    assert "two rows are missing" in text
    assert found([backup(5)], [record(1), record(3, passed=False)])[0] == Level.OK


@pytest.mark.parametrize(
    ("size", "words"), [(400, "60 % smaller"), (1600, "60 % larger"), (1400, "")]
)
def test_a_size_out_of_the_usual_is_a_warning(size, words):
    backups = [backup(5, size=size), *(backup(24 * n) for n in range(1, 12))]
    level, text = found(backups, [record(1)])
    assert words in text
    assert level == (Level.WARNING if words else Level.OK)


def test_two_backups_say_nothing_about_what_is_usual():
    assert found([backup(5, size=1), backup(20), backup(30)], [record(1)])[0] == Level.OK


def test_a_newest_backup_that_cannot_be_verified_is_critical_an_old_one_is_not():
    forged = backup(2, problem="its manifest was altered, or signed with another key")
    level, text = found([forged, backup(5)], [record(1)])
    assert level == Level.CRITICAL
    assert "signed with another key" in text
    assert found([backup(5), replace(backup(50), problem="x")], [record(1)])[0] == Level.WARNING


def test_a_backup_dated_in_the_future_is_not_the_newest():
    level, text = found([backup(-48), backup(30)], [record(1)])
    assert level == Level.CRITICAL
    assert "dated in the future" in text


def test_a_backup_dated_in_the_future_that_is_pinned_is_known():
    ahead, now = backup(-48), backup(5)
    health = examine("default", [ahead, now], [record(1)], LIMITS, NOW, pinned={ahead.path})
    assert health.level == Level.OK
    assert health.newest == now
    health = examine("default", [ahead, now], [record(1)], LIMITS, NOW, pinned={now.path})
    assert health.level == Level.WARNING
    assert "pin that backup" in health.findings[0].text


def test_an_incomplete_newest_backup_is_a_warning():
    assert found([backup(5, partial=True)], [record(1)])[0] == Level.WARNING


@pytest.mark.parametrize(
    "value",
    [
        {"max_age": "26"},
        {"max_age": 26},
        {"max_age": "0h"},
        {"max_size_change": True},
        {"max_size_change": 0},
        {"maximum_age": "26h"},
        "26h",
    ],
    ids=str,
)
def test_a_wrong_limit_is_named(value):
    with pytest.raises(InvalidSettings, match="CHECK"):
        check_limits("CHECK", value)


def test_reading_a_backup_back_does_not_hide_a_rehearsal_that_failed():
    read = replace(record(1), proof="read")
    level, text = found([backup(5)], [record(3, passed=False), read])
    assert (level, "two rows are missing" in text) == (Level.CRITICAL, True)
    assert "ever verified" not in text
    # The other way round, all of it was read again.
    assert found([backup(5)], [replace(read, passed=False), record(0.5)])[0] == Level.OK


def test_an_older_backup_that_passes_later_does_not_hide_the_newest_that_fails():
    older = replace(record(1), path="db/default-29.zst")
    assert found([backup(5), backup(29)], [record(3, passed=False), older])[0] == Level.CRITICAL


@pytest.mark.parametrize(
    ("free", "level", "words"),
    [
        (None, Level.OK, ""),
        (3000, Level.OK, ""),
        (2999, Level.WARNING, "room for 2 more backups of this size, the limit is 3"),
        (1000, Level.WARNING, "room for 1 more backup of this size"),
        (999, Level.CRITICAL, "no room for another backup"),
    ],
)
def test_the_remote_must_have_room_for_more(free, level, words):
    health = examine("default", [backup(5)], [record(1)], LIMITS, NOW, free=free)
    assert health.level == level
    assert words in " ".join(finding.text for finding in health.findings)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "just now"), (59, "just now"), (60, "1 minute ago"), (125, "2 minutes ago")],
)
def test_ages_are_words(seconds, words):
    assert ago(NOW - timedelta(seconds=seconds), NOW) == words


def test_limits_are_read():
    limits = check_limits("CHECK", {"max_age": "90m", "max_unverified_age": None})
    assert (limits.max_age, limits.max_unverified_age) == (timedelta(minutes=90), None)
    assert limits.max_size_change == 50
