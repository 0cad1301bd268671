"""The rows of one table, parted among several sessions."""

import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_rclone.clients.postgresql.sharing import Halted, SharedRows


def parted(
    pieces: Iterable[bytes], readers: int, monkeypatch: pytest.MonkeyPatch, turn: int
) -> list[bytes]:
    """Return what each reader gets."""
    with monkeypatch.context() as patch:
        patch.setattr(SharedRows, "turn", turn)
        shared = SharedRows(readers)
        got = [b""] * readers

        def read(number: int) -> None:
            while data := shared.read(number):
                got[number] += data

        threads = [threading.Thread(target=read, args=(n,)) for n in range(readers)]
        for thread in threads:
            thread.start()
        for piece in pieces:
            shared.put(piece)
        shared.end()
        for thread in threads:
            thread.join()
        return got


@given(
    lines=st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"\\\n"))),
    cuts=st.lists(st.integers(0, 300)),
    readers=st.integers(1, 4),
    turn=st.integers(1, 40),
)
def test_every_row_arrives_once_and_whole(
    lines: list[bytes], cuts: list[int], readers: int, turn: int
) -> None:
    # A newline within a value has a backslash before it; a backslash of a value has one, too.
    rows = [line.rstrip(b"\\") + b"\n" for line in lines]
    text = b"".join(rows)
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [text[a:b] for a, b in pairwise(edges)]
    with pytest.MonkeyPatch.context() as patch:
        got = parted(pieces, readers, patch, turn)
    left = list(rows)
    for part in got:
        while part:
            row = next(row for row in left if part.startswith(row) and _is_whole(row, part))
            left.remove(row)
            part = part[len(row) :]
    assert left == []


def _is_whole(row: bytes, part: bytes) -> bool:
    return len(row) == len(part) or row.endswith(b"\n")


def test_all_readers_get_as_much_if_none_of_them_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SharedRows, "turn", 100)
    shared = SharedRows(3)
    for at in range(0, 6000, 50):
        shared.put(b"".join(b"%04d\n" % n for n in range(at, at + 50)))
    shared.end()
    got = [sum(map(len, iter(partial(shared.read, number), b""))) for number in range(3)]
    assert got == [10_000] * 3


def test_a_slow_reader_gets_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SharedRows, "turn", 1)
    shared = SharedRows(2)
    shared.put(b"a long row for the first\n")
    for _ in range(9):
        shared.put(b"x\n")
        assert shared.read(1) == b"x\n"
    assert shared.read(0) == b"a long row for the first\n"


def test_readers_that_are_quick_do_not_confuse_whoever_gives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        got = parted([b"%d\n" % n for n in range(3000)], 4, monkeypatch, turn=1)
    finally:
        sys.setswitchinterval(interval)
    assert sorted(map(int, b"".join(got).split())) == list(range(3000))


def test_no_more_is_held_than_a_session_can_take_soon() -> None:
    shared = SharedRows(1)
    put = [0]

    def fill() -> None:
        with suppress(Halted):
            while True:
                shared.put(b"x" * 65536)
                put[0] += 65536

    thread = threading.Thread(target=fill)
    thread.start()
    for _ in range(3):
        assert len(shared.read(0)) == 65536
    shared.halt()
    thread.join()
    assert put[0] <= (1 << 20) + 4 * 65536


def test_whoever_waits_is_told_when_another_fails() -> None:
    shared = SharedRows(2)
    told = threading.Event()

    def read() -> None:
        with pytest.raises(Halted):
            shared.read(1)
        told.set()

    thread = threading.Thread(target=read)
    thread.start()
    shared.halt()
    thread.join()
    assert told.is_set()
    with pytest.raises(Halted):
        shared.put(b"more\n")
