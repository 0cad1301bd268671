"""Patterns of media paths."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        ("[!a]", ["b"], ["a", "/"]),
        ("x[!a]y", ["xby"], ["x/y"]),
        ("[a-c]1", ["b1"], ["d1"]),
        ("[c-a]1", [], ["b1"]),
        ("[a--b]", [], ["[a--b]x"]),
        ("[[&~|\\^]", ["[", "&", "~", "|", "\\", "^"], ["a"]),
        ("[ab", ["[ab"], ["a"]),
        ("?.jpg", ["ü.jpg", "a.jpg"], ["üü.jpg"]),
        ("[äöü].jpg", ["ü.jpg"], ["a.jpg"]),
        ("a+(b).txt", ["a+(b).txt"], ["aab.txt"]),
        ("new\nline", ["new\nline"], ["new"]),
    ],
)
def test_a_pattern_matches_what_it_says(pattern: str, yes: list[str], no: list[str]) -> None:
    matches = matcher([pattern])
    assert matches
    assert [path for path in yes if not matches(path.encode())] == []
    assert [path for path in no if matches(path.encode())] == []


@given(st.text("[]!^-ab*?/\\&|~ü"), st.text("[]!^-ab/\\&|~ü"))
def test_whatever_is_typed_is_a_pattern(pattern: str, path: str) -> None:
    matches = matcher([pattern])
    assert matches
    assert matches(path.encode()) in (True, False)


def test_a_name_that_is_not_utf_8_matches_too() -> None:
    matches = matcher(["*.jpg"])
    assert matches
    assert matches(b"\xff.jpg")


def test_without_patterns_there_is_nothing_to_match() -> None:
    assert matcher([]) is None
