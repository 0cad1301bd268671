import hashlib
import random
import tracemalloc
import weakref
from contextlib import closing
from pathlib import Path

import pytest

from django_rclone.exceptions import BackupRejected, DumpError
from django_rclone.pipeline import compression, relay
from django_rclone.pipeline.relay import Digest, apply_dump, upload_dump
from tests.support.fakes import CHUNK, FakeProgress, FakeSink, FakeSource

METHODS = [None, "zstd"]
SIZES = [0, 1, 2, 1000, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 5 * CHUNK + 3]


def dump(size: int, *, seed: int = 0) -> bytes:
    """Bytes of which about half can be compressed away."""
    noise = random.Random(seed).randbytes(size // 2)
    return (noise + b"row, another row\n" * (size // 17 + 1))[:size]


def digest_of(stored: bytes, raw: bytes) -> Digest:
    return Digest(size=len(stored), sha256=hashlib.sha256(stored).hexdigest(), raw_size=len(raw))


def packed(raw: bytes, method: str | None) -> bytes:
    target = FakeSink()
    upload_dump(FakeSource(raw), target, compression=method, level=1)
    return target.data


def unpack(
    stored: bytes,
    target: FakeSink,
    *,
    method: str | None,
    expected: Digest | None,
    step: int = CHUNK,
) -> None:
    source = FakeSource(stored, step=step)
    apply_dump(source, target, compression=method, expected=expected, progress=FakeProgress())


def assert_rejected(
    stored: bytes, raw: bytes, *, method: str | None, expected: Digest | None, step: int = CHUNK
) -> None:
    target = FakeSink()
    with pytest.raises(BackupRejected):
        unpack(stored, target, method=method, expected=expected, step=step)
    assert not target.finished
    # Either something else arrived, or the last of it was withheld.
    assert target.data != raw or not raw


# Storing


@pytest.mark.parametrize("method", METHODS)
def test_what_is_empty_is_not_loaded(method: str | None) -> None:
    kept, given_back = FakeSink(), FakeSink()
    digest = upload_dump(FakeSource(b""), kept, compression=method, level=3)
    with pytest.raises(BackupRejected, match="empty"):
        unpack(kept.data, given_back, method=method, expected=digest)
    assert not given_back.finished


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [size for size in SIZES if size])
def test_what_is_stored_can_be_loaded(method: str | None, size: int) -> None:
    raw = dump(size)
    kept, given_back = FakeSink(), FakeSink()
    digest = upload_dump(FakeSource(raw), kept, compression=method, level=3)
    assert kept.finished
    assert digest == digest_of(kept.data, raw)
    unpack(kept.data, given_back, method=method, expected=digest)
    assert given_back.finished
    assert given_back.data == raw


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("step", [1, 7, 4096])
def test_pieces_of_the_source_do_not_matter(method: str | None, step: int) -> None:
    raw = dump(20_000)
    stored = packed(raw, method)
    target = FakeSink()
    upload_dump(FakeSource(raw, step=step), target, compression=method, level=1)
    again = FakeSink()
    unpack(target.data, again, method=method, expected=digest_of(target.data, raw), step=step)
    assert again.data == raw
    assert stored[:4] == target.data[:4]


@pytest.mark.parametrize("method", METHODS)
def test_dump_is_committed_only_after_its_source_ended_well(method: str | None) -> None:
    source = FakeSource(dump(3 * CHUNK))

    def ask() -> None:
        assert source.finished

    target = FakeSink(on_finish=ask)
    upload_dump(source, target, compression=method, level=1)
    assert target.finished


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [0, 10, 2 * CHUNK])
def test_dump_whose_source_ended_badly_is_not_committed(method: str | None, size: int) -> None:
    source = FakeSource(dump(size), error=RuntimeError("pg_dump exited with 1"))
    target = FakeSink()
    with pytest.raises(RuntimeError, match="pg_dump"):
        upload_dump(source, target, compression=method, level=1)
    assert not target.finished


def test_compressed_dump_whose_source_ended_badly_has_no_end() -> None:
    raw = dump(10_000)
    target = FakeSink()
    with pytest.raises(RuntimeError):
        upload_dump(
            FakeSource(raw, error=RuntimeError()),
            target,
            compression="zstd",
            level=1,
        )
    assert_rejected(target.data, raw, method="zstd", expected=None)


@pytest.mark.parametrize("method", METHODS)
def test_dump_that_the_target_refuses_is_not_committed(method: str | None) -> None:
    target = FakeSink(error=RuntimeError("rclone exited with 1"))
    with pytest.raises(RuntimeError, match="rclone"):
        upload_dump(FakeSource(dump(9 * CHUNK)), target, compression=method, level=1)
    assert not target.finished


def test_interrupted_dump_is_not_committed() -> None:
    target = FakeSink(error=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        upload_dump(FakeSource(dump(10)), target, compression=None, level=1)
    assert not target.finished


def test_an_error_does_not_keep_the_threads_that_compress(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that forks later could free them in the fork, and would wait there forever."""

    class FakeCompressor:
        def compress(self, data: bytes) -> bytes:
            return data

        def flush(self) -> bytes:
            return b""

    pack = FakeCompressor()
    there = weakref.ref(pack)
    packs = [pack]
    del pack
    monkeypatch.setattr(relay, "compressor", lambda method, level: packs.pop())
    source = FakeSource(dump(10), error=RuntimeError("pg_dump exited with 1"))
    with pytest.raises(RuntimeError) as raised:
        upload_dump(source, FakeSink(), compression="zstd", level=1)
    assert raised.value.__traceback__ is not None
    assert there() is None


def test_level_changes_the_size() -> None:
    raw = b"".join(b"%d,%d\n" % (n, n * n % 9973) for n in range(50_000))
    sizes = []
    for level in (1, 19):
        target = FakeSink()
        upload_dump(FakeSource(raw), target, compression="zstd", level=level)
        sizes.append(len(target.data))
    assert sizes[1] < sizes[0] < len(raw)


# Loading


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("length", [1, 2, 100])
def test_stream_cut_at_any_position_is_rejected(method: str | None, length: int) -> None:
    raw = dump(length)
    stored = packed(raw, method)
    for position in range(len(stored)):
        expected = digest_of(stored, raw)
        assert_rejected(stored[:position], raw, method=method, expected=expected, step=16)


@pytest.mark.parametrize("method", METHODS)
def test_any_byte_changed_is_rejected(method: str | None) -> None:
    raw = dump(120)
    stored = packed(raw, method)
    for position in range(len(stored)):
        for mask in (0x01, 0x80, 0xFF):
            damaged = bytearray(stored)
            damaged[position] ^= mask
            target = FakeSink()
            with pytest.raises(BackupRejected):
                unpack(bytes(damaged), target, method=method, expected=digest_of(stored, raw))
            assert not target.finished
            assert target.data == b"", "one small piece is the last, and withheld"


def test_damage_without_a_manifest_is_seen_by_the_checksum_of_the_stream() -> None:
    raw = dump(5_000)
    stored = bytearray(packed(raw, "zstd"))
    stored[-1] ^= 0xFF
    assert_rejected(bytes(stored), raw, method="zstd", expected=None)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("extra", [b"\0", b"x", b"more rows\n" * 1000], ids=len)
@pytest.mark.parametrize("step", [5, CHUNK])
def test_bytes_after_the_end_are_rejected(method: str | None, extra: bytes, step: int) -> None:
    raw = dump(100)
    stored = packed(raw, method)
    expected = digest_of(stored, raw)
    assert_rejected(stored + extra, raw, method=method, expected=expected, step=step)
    if method:
        assert_rejected(stored + extra, raw, method=method, expected=None, step=step)


@pytest.mark.parametrize("step", [1, 13, CHUNK])
@pytest.mark.parametrize("second", [b"DROP TABLE entry;", b""], ids=["dump", "nothing"])
def test_second_frame_is_rejected(step: int, second: bytes) -> None:
    raw = dump(100)
    stored = packed(raw, "zstd")
    both = stored + packed(second, "zstd")
    for expected in (digest_of(stored, raw), digest_of(both, raw + second), None):
        target = FakeSink()
        with pytest.raises(BackupRejected):
            unpack(both, target, method="zstd", expected=expected, step=step)
        assert not target.finished
        assert second not in target.data or not second


def test_frame_at_the_border_of_a_read_is_rejected() -> None:
    stored = packed(dump(100), "zstd")
    assert_rejected(stored * 2, dump(100) * 2, method="zstd", expected=None, step=len(stored))


@pytest.mark.parametrize("stored", [b"", b"\x28\xb5\x2f\xfd", b"SQLite format 3\0", b"\0" * 100])
def test_what_is_no_zstd_stream_is_rejected(stored: bytes) -> None:
    assert_rejected(stored, b"", method="zstd", expected=None)


def test_truncated_stream_without_a_manifest_is_rejected() -> None:
    raw = dump(3 * CHUNK)
    stored = packed(raw, "zstd")
    for position in (0, 1, len(stored) // 2, len(stored) - 5, len(stored) - 1):
        assert_rejected(stored[:position], raw, method="zstd", expected=None)


@pytest.mark.parametrize("method", METHODS)
def test_last_piece_is_withheld_until_the_hash_is_known(method: str | None) -> None:
    raw = dump(3 * CHUNK + 5)
    stored = packed(raw, method)
    wrong = Digest(size=len(stored), sha256="0" * 64, raw_size=len(raw))
    target = FakeSink()
    with pytest.raises(BackupRejected, match="does not match the hash"):
        unpack(stored, target, method=method, expected=wrong)
    assert not target.finished
    assert target.pieces, "a large dump streams"
    assert raw.startswith(target.data)
    assert len(target.data) < len(raw)


@pytest.mark.parametrize("method", METHODS)
def test_last_piece_is_withheld_until_the_source_ended_well(method: str | None) -> None:
    raw = dump(2 * CHUNK)
    stored = packed(raw, method)
    source = FakeSource(stored, error=RuntimeError("rclone exited with 1"))
    target = FakeSink()
    with pytest.raises(RuntimeError, match="rclone"):
        apply_dump(
            source,
            target,
            compression=method,
            expected=digest_of(stored, raw),
            progress=FakeProgress(),
        )
    assert not target.finished
    assert len(target.data) < len(raw)


@pytest.mark.parametrize(
    "wrong",
    [
        Digest(size=1, sha256=hashlib.sha256(b"rows").hexdigest(), raw_size=4),
        Digest(size=5, sha256=hashlib.sha256(b"rows").hexdigest(), raw_size=4),
        Digest(size=4, sha256=hashlib.sha256(b"row").hexdigest(), raw_size=4),
        Digest(size=4, sha256=hashlib.sha256(b"rows").hexdigest().upper(), raw_size=4),
        Digest(size=4, sha256="", raw_size=4),
        Digest(size=4, sha256=hashlib.sha256(b"rows").hexdigest(), raw_size=3),
        Digest(size=4, sha256=hashlib.sha256(b"rows").hexdigest(), raw_size=5),
        Digest(size=0, sha256="", raw_size=0),
    ],
    ids=str,
)
def test_every_part_of_the_digest_counts(wrong: Digest) -> None:
    assert_rejected(b"rows", b"rows", method=None, expected=wrong)


def test_stream_that_swells_is_given_out_in_small_pieces_and_stopped() -> None:
    bomb = packed(bytes(64 * CHUNK), "zstd")
    assert len(bomb) < CHUNK
    target = FakeSink()
    expected = Digest(size=len(bomb), sha256=hashlib.sha256(bomb).hexdigest(), raw_size=3 * CHUNK)
    with pytest.raises(BackupRejected, match="larger than its manifest says"):
        unpack(bomb, target, method="zstd", expected=expected)
    assert not target.finished
    assert len(target.data) <= 3 * CHUNK
    assert max(map(len, target.pieces)) <= CHUNK


def test_object_that_is_longer_than_its_manifest_says_is_not_read_to_its_end() -> None:
    source = FakeSource(bytes(50 * CHUNK))
    target = FakeSink()
    expected = Digest(size=2 * CHUNK, sha256="", raw_size=2 * CHUNK)
    with pytest.raises(BackupRejected, match="larger than its manifest says"):
        apply_dump(source, target, compression=None, expected=expected, progress=FakeProgress())
    assert not source.at_end
    assert len(target.data) <= 2 * CHUNK


def test_unknown_compression_is_rejected_before_anything_is_read() -> None:
    source, target = FakeSource(b"x"), FakeSink()
    with pytest.raises(BackupRejected, match="'rot13', which this release cannot read"):
        apply_dump(source, target, compression="rot13", expected=None, progress=FakeProgress())
    assert source.read(9) == b"x"
    assert not target.finished


def test_failing_commit_is_told() -> None:
    def refuse() -> None:
        raise RuntimeError("constraint failed")

    target = FakeSink(on_finish=refuse)
    with pytest.raises(RuntimeError, match="constraint"):
        unpack(b"rows", target, method=None, expected=digest_of(b"rows", b"rows"))


def test_plain_dump_without_a_manifest_is_taken_as_it_is() -> None:
    target = FakeSink()
    unpack(b"rows", target, method=None, expected=None)
    assert (target.data, target.finished) == (b"rows", True)


def test_progress_counts_stored_bytes() -> None:
    raw = dump(3 * CHUNK)
    stored = packed(raw, "zstd")
    progress = FakeProgress()
    source = FakeSource(stored, step=100_000)
    apply_dump(source, FakeSink(), compression="zstd", expected=None, progress=progress)
    assert progress.in_order
    assert progress.told[-1] == len(stored)


def test_every_method_has_a_suffix() -> None:
    assert compression.SUFFIXES == {"zstd": "zst"}


def test_reader_asks_for_no_end_before_it_came() -> None:
    reader = compression.decompressor("zstd")
    stored = packed(b"rows", "zstd")
    assert b"".join(reader.decompress(stored[:-1])) in (b"", b"rows")
    with pytest.raises(BackupRejected, match="truncated"):
        reader.finish()
    assert b"".join(reader.decompress(stored[-1:])) in (b"", b"rows")
    reader.finish()


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_what_does_not_begin_like_a_dump_is_not_committed(step: int) -> None:
    target = FakeSink()
    with pytest.raises(DumpError, match="did not produce a dump"):
        upload_dump(
            FakeSource(b"noise\nPGDMP...", step=step),
            target,
            compression=None,
            level=1,
            magic=(b"--", b"PGDMP"),
        )
    assert not target.finished


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_what_begins_like_a_dump_is_stored(step: int) -> None:
    target = FakeSink()
    source = FakeSource(b"PGDMP...", step=step)
    upload_dump(source, target, compression=None, level=1, magic=(b"--", b"PGDMP"))
    assert target.data == b"PGDMP..."


# Memory


class Stream:
    """A source of the same piece again and again, and a target that only counts."""

    def __init__(self, pieces: int) -> None:
        self._left = pieces
        self._piece = random.Random(1).randbytes(CHUNK)
        self.taken = 0

    def read(self, size: int) -> bytes:
        self._left -= 1
        # A copy, as what comes from a pipe.
        return bytes(bytearray(self._piece)) if self._left >= 0 else b""

    def write(self, data: bytes) -> None:
        self.taken += len(data)

    def finish(self) -> None: ...


class File(Stream):
    """The same, but what is written is kept in a file, and read from it."""

    def __init__(self, path: Path) -> None:
        super().__init__(0)
        self._file = path.open("w+b")

    def read(self, size: int) -> bytes:
        return self._file.read(size)

    def write(self, data: bytes) -> None:
        self._file.write(data)

    def finish(self) -> None:
        self._file.seek(0)

    def close(self) -> None:
        self._file.close()


@pytest.mark.parametrize("method", METHODS)
def test_a_dump_is_never_in_memory_as_a_whole(method: str | None, tmp_path: Path) -> None:
    pieces, restored = 32, Stream(0)
    with closing(File(tmp_path / "stored")) as stored:
        tracemalloc.start()
        try:
            digest = upload_dump(Stream(pieces), stored, compression=method, level=1)
            apply_dump(
                stored, restored, compression=method, expected=digest, progress=FakeProgress()
            )
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert restored.taken == pieces * CHUNK
    assert peak < pieces * CHUNK / 2
