"""Shares of the content of media runs, which are read in turns."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_rclone.backups.readings import END, Part, covers_all, next_share, with_part

START = datetime(2026, 3, 29, tzinfo=UTC)
shares = st.integers(1, 40).map(lambda number: Fraction(1, number))


def read(parts: list[Part], share: Fraction, day: int) -> list[Part]:
    start, end = next_share(parts, share)
    return with_part(parts, Part(start, end, START + timedelta(days=day)))


@given(shares)
def test_as_many_shares_as_there_are_cover_everything(share: Fraction) -> None:
    parts: list[Part] = []
    for day in range(share.denominator):
        assert not covers_all(parts)
        parts = read(parts, share, day)
    assert covers_all(parts)
    assert min(part.read_at for part in parts) == START


@given(st.lists(shares, min_size=1, max_size=60))
def test_nothing_is_left_out_for_long_however_large_each_share_is(sizes: list[Fraction]) -> None:
    parts: list[Part] = []
    for day, share in enumerate(sizes):
        parts = read(parts, share, day)
        assert all(one.end <= other.start for one, other in pairwise(parts))
        assert [Part.from_text(str(part)) for part in parts] == parts
    # Two rounds of the smallest share reach everything: the last of a round may be cut short.
    smallest = min(sizes).denominator
    if len(sizes) >= 2 * smallest:
        assert covers_all(parts)
        oldest = min(part.read_at for part in parts)
        assert oldest >= START + timedelta(days=len(sizes) - 2 * smallest)


def test_everything_at_once_starts_at_the_beginning() -> None:
    parts = read([], Fraction(1, 3), 0)
    assert next_share(parts, Fraction(1)) == (0, END)
    assert with_part(parts, Part(0, END, START)) == [Part(0, END, START)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0000-10000",
        "0000-10001 2026-03-29T00:00:00+00:00",
        "0001-00001 2026-03-29T00:00:00Z",
        "0000-10000 2026-03-29",
        "0000-10000 soon",
    ],
)
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"part is not one|isoformat"):
        Part.from_text(text)
