"""Patterns of media paths."""

import pytest

from django_rclone.operations.media.patterns import matcher


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("*.tmp", ["a.tmp", "x/y/a.tmp", "x.tmp/inside"], ["a.tmpx", "atmp"]),
        ("thumbs", ["thumbs", "thumbs/a", "x/thumbs/a"], ["thumbsx", "xthumbs"]),
        ("/thumbs", ["thumbs", "thumbs/a"], ["x/thumbs"]),
        ("a/*.jpg", ["a/b.jpg"], ["a/b/c.jpg", "x/a/b.jpg"]),
        ("a/**.jpg", ["a/b.jpg", "a/b/c.jpg"], ["b.jpg"]),
        ("**/cache", ["cache", "x/cache/y"], ["cached"]),
        ("f?o", ["foo", "fxo"], ["f/o", "fo"]),
        ("[ab]c", ["ac", "bc"], ["cc"]),
        ("[!ab]c", ["cc"], ["ac"]),
        ("a+(b).txt", ["a+(b).txt"], ["aab.txt"]),
        ("new\nline", ["new\nline"], ["new"]),
    ],
)
def test_a_pattern_matches_what_it_says(pattern: str, yes: list[str], no: list[str]) -> None:
    matches = matcher([pattern])
    assert matches
    assert [path for path in yes if not matches(path.encode())] == []
    assert [path for path in no if matches(path.encode())] == []


def test_without_patterns_there_is_nothing_to_match() -> None:
    assert matcher([]) is None
