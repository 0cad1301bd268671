from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_rclone.backups import Backup
from django_rclone.backups.manifest import Manifest
from django_rclone.backups.naming import Naming
from django_rclone.backups.retention import LEFTOVER_AGE, expired, orphaned_dumps

START = datetime(2031, 1, 1, tzinfo=UTC)


def backup(day: float, *, name: str = "", problem: str = "") -> Backup:
    path = f"db/{name or day}"
    manifest = Manifest(
        path=path,
        created_at=START + timedelta(days=day),
        vendor="sqlite",
        format="sqlite",
        size=1,
        environment="",
        django_version="6.1",
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


NAMING = Naming("{database}-{datetime}.{ext}", "%Y-%m-%d")
NAME = "shop-2031-01-01.0123abcd.dump"


def test_an_empty_manifest_precedes_its_orphaned_dump() -> None:
    loose = {f"db/{NAME}", f"db/{NAME}.json", "db/other.json", "db/notes.txt"}
    late = START + LEFTOVER_AGE + timedelta(seconds=1)
    assert orphaned_dumps(loose, "shop", NAMING, now=late) == [f"db/{NAME}.json", f"db/{NAME}"]


def test_a_dump_that_may_still_be_written_is_not_orphaned() -> None:
    assert orphaned_dumps({f"db/{NAME}"}, "shop", NAMING, now=START + LEFTOVER_AGE) == []


def test_dumps_of_another_database_are_not_orphaned() -> None:
    late = START + 2 * LEFTOVER_AGE
    assert orphaned_dumps({f"db/{NAME}", f"db/{NAME}.json"}, "sho", NAMING, now=late) == []
