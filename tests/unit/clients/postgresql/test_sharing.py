"""The rows of one table, parted among several sessions."""

import threading
from collections.abc import Iterable
from contextlib import suppress
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


def test_all_readers_get_some_of_a_large_table(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = [b"".join(b"%d\n" % n for n in range(at, at + 50)) for at in range(0, 5000, 50)]
    got = parted(pieces, 3, monkeypatch, 100)
    assert all(len(part) > 2000 for part in got)


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
