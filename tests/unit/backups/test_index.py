"""The lines of a run's index."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_rclone.backups.index import Entry, Kind, header, require_header

PART = st.binary(min_size=1, max_size=20).filter(
    lambda part: b"/" not in part and b"\0" not in part and part not in (b".", b"..")
)
NUMBERS = st.integers(-(2**62), 2**62)
ENTRIES = st.builds(
    Entry,
    path=st.lists(PART, min_size=1, max_size=3).map(b"/".join),
    kind=st.just(Kind.FILE),
    size=st.integers(0, 2**62),
    modified=NUMBERS,
    mode=st.integers(0, 0o7777),
    sha256=st.binary(min_size=32, max_size=32),
    target=st.just(b""),
    reason=st.just(""),
)
GOOD = {"path": "a", "kind": "file", "size": 1, "modified": 1, "mode": 1, "sha256": "0a" * 32}


@given(ENTRIES)
def test_an_entry_is_read_as_it_was_written(entry: Entry) -> None:
    line = entry.to_line()
    assert line.isascii()
    assert line.count(b"\n") == 1
    assert Entry.from_line(line) == entry


@pytest.mark.parametrize(
    "entry",
    [
        Entry(path=b"\xff/l", kind=Kind.LINK, target=b"../\xfe", modified=-5, mode=0o777),
        Entry(path=b"f", kind=Kind.FOLDER, modified=5, mode=0o755),
        Entry(path=b"p", kind=Kind.LEFT_OUT, reason="a pipe"),
    ],
)
def test_every_kind_is_read_as_it_was_written(entry: Entry) -> None:
    assert Entry.from_line(entry.to_line()) == entry


@pytest.mark.parametrize(
    "change",
    [
        *({"path": path} for path in ("", "/a", "a/", "a//b", "..", "a/../b", "./a", "a\0", 5)),
        *({"path": path} for path in ("\ud800",)),
        *({"size": size} for size in (-1, 2**63, "1", True, None)),
        *({"mode": mode} for mode in (-1, 0o10000, 1.5)),
        *({"modified": when} for when in (2**63, "x")),
        *({"sha256": text} for text in ("", "0A" * 32, "0a" * 31, 5)),
        *({"kind": kind} for kind in ("device", None)),
        {"kind": "link", "target": ""},
        {"kind": "link"},
    ],
)
def test_what_leads_elsewhere_or_is_none_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each says it in words of its own
        Entry.from_line(json.dumps({**GOOD, **change}).encode())


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        Entry.from_line(data)


def test_an_index_of_another_version_is_refused() -> None:
    require_header(header("media"))
    with pytest.raises(ValueError, match="its version is 2, this release reads 1"):
        require_header(b'{"version": 2}')
