from datetime import UTC, datetime, timedelta, timezone

import pytest

from django_rclone.management import formatting as text

NOW = datetime(2031, 12, 9, 7, 5, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1024, "1.0 KB"),
        (1_258_291, "1.2 MB"),
        (5 * 1024**3, "5.0 GB"),
        (3 * 1024**4, "3.0 TB"),
    ],
)
def test_size(count: int, shown: str) -> None:
    assert text.size(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0.0 s"),
        (0.84, "0.8 s"),
        (9.94, "9.9 s"),
        (10, "10 s"),
        (42.4, "42 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (60, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3_725, "62 min 05 s"),
    ],
)
def test_duration(seconds: float, shown: str) -> None:
    assert text.duration(seconds) == shown


@pytest.mark.parametrize(
    ("passed", "shown"),
    [
        (timedelta(0), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=-3600), "just now"),
        (timedelta(seconds=60), "1 minute"),
        (timedelta(minutes=3, seconds=50), "3 minutes"),
        (timedelta(hours=25), "1 day"),
        (timedelta(days=15), "2 weeks"),
        (timedelta(days=800), "2 years"),
    ],
    ids=str,
)
def test_age(passed: timedelta, shown: str) -> None:
    assert text.age(NOW - passed, NOW) == shown


def test_age_counts_across_time_zones() -> None:
    moment = (NOW - timedelta(minutes=5)).astimezone(timezone(timedelta(hours=9)))
    assert text.age(moment, NOW) == "5 minutes"


def test_date_is_in_utc() -> None:
    assert text.date(NOW) == "2031-12-09 07:05 UTC"
    assert text.date(NOW.astimezone(timezone(timedelta(hours=9)))) == "2031-12-09 07:05 UTC"


def test_what_is_not_known_is_told() -> None:
    assert text.age(None, NOW) == text.date(None) == "unknown"


@pytest.mark.parametrize("shown", [text.size(5_000), text.age(NOW - timedelta(days=2), NOW)])
def test_texts_hold_plain_spaces_only(shown: str) -> None:
    assert shown.isascii()
