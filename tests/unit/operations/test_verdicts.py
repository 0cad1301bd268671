"""Which rehearsed backup stays, whatever the rules say."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from django_rclone.backups import Backup
from django_rclone.backups.manifest import Facts
from django_rclone.backups.rehearsal import Proof, Rehearsal
from django_rclone.operations.verdicts import newest_rehearsed

NOW = datetime(2031, 1, 10, tzinfo=UTC)


def backup(days: int, *, partial: bool = False) -> Backup:
    moment = NOW + timedelta(days=days)
    return Backup(path=f"db/{days}", size=1, facts=Facts(moment, "default", "", 1, partial, ""))


def passed(backups: Sequence[Backup]) -> Iterator[Rehearsal]:
    for one in backups:
        yield Rehearsal(
            path=one.path,
            manifest="",
            proof=Proof.REHEARSED,
            passed=True,
            finished_at=NOW,
            duration=1,
            host="host",
        )


def test_it_is_the_newest_by_its_own_date() -> None:
    assert newest_rehearsed([backup(-3), backup(-1), backup(-2)], passed, NOW) == {"db/-1"}


def test_one_dated_in_the_future_takes_the_place_of_none() -> None:
    assert newest_rehearsed([backup(900), backup(-1)], passed, NOW) == {"db/-1"}


def test_a_partial_one_takes_the_place_of_no_whole_one() -> None:
    backups = [backup(-1, partial=True), backup(-2, partial=True), backup(-3), backup(-4)]
    assert newest_rehearsed(backups, passed, NOW) == {"db/-1", "db/-3"}
