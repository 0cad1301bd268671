"""The moments that operators write: what they leave out means its end."""

import pytest

from django_rclone.operations.media.choice import parse_moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31", "2026-01-31T23:59:59.999999+00:00"),
        ("20260131", "2026-01-31T23:59:59.999999+00:00"),
        ("2026-W05", "2026-02-01T23:59:59.999999+00:00"),
        ("2026W05", "2026-02-01T23:59:59.999999+00:00"),
        ("2026-W05-6", "2026-01-31T23:59:59.999999+00:00"),
        ("2026-01-31T03", "2026-01-31T03:59:59.999999+00:00"),
        ("2026-01-31 03:00", "2026-01-31T03:00:59.999999+00:00"),
        ("20260131T0300", "2026-01-31T03:00:59.999999+00:00"),
        ("2026-01-31T03:00:05", "2026-01-31T03:00:05.999999+00:00"),
        ("2026-01-31T03:00:05.5", "2026-01-31T03:00:05.500000+00:00"),
        ("2026-01-31T03:00Z", "2026-01-31T03:00:59.999999+00:00"),
        ("2026-01-31T03:00+09:00", "2026-01-31T03:00:59.999999+09:00"),
        ("2026-01-31T03+09:00", "2026-01-31T03:59:59.999999+09:00"),
        ("2026-01-31T03:00:05-09:30", "2026-01-31T03:00:05.999999-09:30"),
        ("9999-12-31", "9999-12-31T23:59:59.999999+00:00"),
    ],
)
def test_a_moment_is_the_end_of_what_it_may_mean(text: str, moment: str) -> None:
    found = parse_moment(text)
    assert found is not None
    assert found.isoformat(timespec="microseconds") == moment


@pytest.mark.parametrize("text", ["", "yesterday", "03:00", "2026-02-30", "9999-W53", "2026-01"])
def test_what_is_no_moment_is_none(text: str) -> None:
    assert parse_moment(text) is None
