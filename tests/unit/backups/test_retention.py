from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_rclone.backups import Backup
from django_rclone.backups.manifest import Manifest
from django_rclone.backups.naming import Naming
from django_rclone.backups.retention import (
    LEFTOVER_AGE,
    dated_after,
    expired,
    orphaned_dumps,
    with_empty_manifests,
)

START = datetime(2031, 1, 1, tzinfo=UTC)


def backup(day: float, *, name: str = "", problem: str = "", partial: bool = False) -> Backup:
    path = f"db/{name or day}"
    manifest = Manifest(
        path=path,
        created_at=START + timedelta(days=day),
        vendor="sqlite",
        format="sqlite",
        size=1,
        environment="",
        django_version="6.1",
        partial=partial,
    )
    return Backup(path=path, size=1, manifest=manifest, problem=problem)


def test_newest_are_kept_whatever_the_order() -> None:
    days = [3.0, 1.0, 5.0, 2.0, 4.0]
    gone = expired([backup(day) for day in days], keep=2)
    assert [item.path for item in gone] == ["db/3.0", "db/2.0", "db/1.0"]


@pytest.mark.parametrize("keep", [3, 4, 1_000_000])
def test_nothing_expires_while_there_are_not_more_than_to_keep(keep: int) -> None:
    assert expired([backup(day) for day in (1, 2, 3)], keep=keep) == []


def test_no_backups_are_no_problem() -> None:
    assert expired([], keep=1) == []


@pytest.mark.parametrize("keep", [0, -1, -(10**9)])
def test_keeping_no_backup_is_refused(keep: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        expired([backup(1)], keep=keep)


def test_unverified_backups_neither_count_nor_expire() -> None:
    backups = [backup(5, problem="altered"), backup(4), backup(3), backup(1, problem="altered")]
    assert [item.path for item in expired(backups, keep=1)] == ["db/3"]
    assert expired([*backups, Backup(path="db/stranger", size=1)], keep=2) == []


def test_name_decides_between_backups_of_the_same_moment() -> None:
    same = [backup(1, name=name) for name in ("b", "c", "a")]
    assert [item.path for item in expired(same, keep=1)] == ["db/b", "db/a"]


@given(
    st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=30),
    st.integers(1, 12),
)
def test_exactly_the_surplus_of_verified_backups_expires_and_never_the_newest(
    drawn: list[tuple[int, bool]], keep: int
) -> None:
    backups = [
        backup(day, name=f"{number}", problem="" if good else "altered")
        for number, (day, good) in enumerate(drawn)
    ]
    verified = [item for item in backups if item.verified]
    gone = expired(backups, keep=keep)
    kept = [item for item in verified if item not in gone]
    assert len(gone) == max(0, len(verified) - keep)
    assert all(item.verified for item in gone)
    if gone:
        assert max(str(item.created_at) for item in gone) <= min(
            str(item.created_at) for item in kept
        )
        assert max(str(item.created_at) for item in verified) in {
            str(item.created_at) for item in kept
        }


def test_partial_backups_count_apart_from_whole_ones() -> None:
    whole = [backup(day) for day in (1, 2, 3)]
    partial = [backup(day, partial=True) for day in (4, 5, 6)]
    gone = expired([*whole, *partial], keep=2)
    assert [item.path for item in gone] == ["db/4", "db/1"]


def test_dates_are_compared_as_moments_whatever_their_time_zone() -> None:
    # Noon in Kiribati is the evening before in UTC.
    noon = START.replace(hour=12)
    assert dated_after([backup(0.5)], noon) == []
    assert dated_after([backup(0.5)], noon.astimezone(timezone(timedelta(hours=14)))) == []
    later = [backup(0.6), backup(9)]
    assert dated_after([backup(0.4), *later], noon) == later


NAMING = Naming("{database}-{datetime}.{ext}", "%Y-%m-%d")
NAME = "shop-2031-01-01.0123abcd.dump"
EXTENSIONS = ["dump", "dump.zst"]
LATE = START + 2 * LEFTOVER_AGE


def orphans(*names: str, alias: str = "shop", now: datetime = LATE) -> list[str]:
    found = orphaned_dumps({*names}, alias, NAMING, extensions=EXTENSIONS, now=now)
    return with_empty_manifests(found, {*names})


def test_an_empty_manifest_precedes_its_orphaned_dump() -> None:
    loose = (f"db/{NAME}", f"db/{NAME}.json", "db/other.json", "db/notes.txt")
    assert orphans(*loose) == [f"db/{NAME}.json", f"db/{NAME}"]


def test_a_dump_that_may_still_be_written_is_not_orphaned() -> None:
    assert orphans(f"db/{NAME}", now=START + LEFTOVER_AGE) == []


def test_dumps_of_another_database_are_not_orphaned() -> None:
    assert orphans(f"db/{NAME}", f"db/{NAME}.json", alias="sho") == []


@pytest.mark.parametrize(
    "name",
    [
        f"{NAME}.keep",
        f"{NAME}.zst.keep",
        f"{NAME}.zst.zst",
        f"{NAME}.gz",
        f"{NAME}~",
        f"{NAME} (1)",
        f"Copy of {NAME}",
        f"old/{NAME}.keep",
        NAME.upper(),
        NAME.replace(".dump", ".DUMP"),
        NAME.replace("abcd", "ABCD"),
        NAME.replace(".dump", ".sql"),
        NAME.replace(".0123abcd", ""),
        NAME.replace("01-01", "1-1"),
    ],
)
def test_only_a_name_that_the_template_makes_is_orphaned(name: str) -> None:
    assert orphans(f"db/{NAME}", f"db/{NAME}.zst") == [f"db/{NAME}", f"db/{NAME}.zst"]
    assert orphans(f"db/{name}") == []
