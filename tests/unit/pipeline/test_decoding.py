"""What a dump of another tool is wrapped in is recognized by its content, and undone."""

import bz2
import gzip
import lzma
import os
import subprocess
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest

from django_rclone.exceptions import BackupRejected, ExecutableNotFound, ProcessError
from django_rclone.pipeline.compression import ZSTD, compressor
from django_rclone.pipeline.decoding import Decoder, read_head
from django_rclone.pipeline.relay import HEAD, apply_dump

DUMP = b"PGDMP" + os.urandom(300_000) + b"a" * 3_000_000

Pack = Callable[[bytes], bytes]


class FakeStored(BytesIO):
    """What is stored; it is read in small pieces, as from a network."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 0, 7_001))

    def finish(self) -> None:
        pass


class FakeSink:
    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.finished = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def finish(self) -> None:
        self.finished = True


def _zstd(data: bytes) -> bytes:
    pack = compressor(ZSTD, 1)
    return pack.compress(data) + pack.flush()


def _in_members(data: bytes) -> bytes:
    return gzip.compress(data[:1_000]) + gzip.compress(data[1_000:]) + bytes(100)


PACKS = [gzip.compress, bz2.compress, lzma.compress, _zstd]


def undone(stored: bytes) -> bytes:
    sink = FakeSink()
    apply_dump(
        FakeStored(stored), sink, compression=Decoder(), expected=None, progress=lambda done: None
    )
    assert sink.finished
    assert len(sink.written[0]) >= HEAD
    return b"".join(sink.written)


@pytest.mark.parametrize(
    "pack",
    [*PACKS, _in_members, bytes, lambda data: bz2.compress(gzip.compress(data))],
    ids=["gzip", "bzip2", "xz", "zstd", "members", "plain", "nested"],
)
def test_whatever_it_is_wrapped_in_is_undone(pack: Pack) -> None:
    stored = pack(DUMP)
    assert undone(stored) == DUMP
    assert read_head(FakeStored(stored), decrypt=False).data == DUMP[:HEAD]


def test_a_short_dump_is_passed_on_whole() -> None:
    sink = FakeSink()
    stored = FakeStored(gzip.compress(b"short"))
    apply_dump(stored, sink, compression=Decoder(), expected=None, progress=lambda done: None)
    assert sink.written == [b"short"]


@pytest.mark.parametrize("pack", PACKS)
def test_what_is_cut_off_is_refused_and_the_sink_is_not_finished(pack: Pack) -> None:
    sink = FakeSink()
    with pytest.raises(BackupRejected, match="truncated"):
        apply_dump(
            FakeStored(pack(DUMP)[:-5]),
            sink,
            compression=Decoder(),
            expected=None,
            progress=lambda done: None,
        )
    assert not sink.finished


def test_what_is_damaged_is_refused() -> None:
    stored = bytearray(gzip.compress(DUMP))
    stored[150_000] ^= 1
    with pytest.raises(BackupRejected, match=r"decompressed|truncated"):
        undone(bytes(stored))


@pytest.fixture
def gpg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pack]:
    """What encrypts for a key of its own, which is the one that is known."""
    # A socket's path is short: https://www.man7.org/linux/man-pages/man7/unix.7.html.
    monkeypatch.setenv("GNUPGHOME", str(tmp_path))
    tmp_path.chmod(0o700)
    command = ["gpg", "--batch", "--quiet"]
    key = ["--passphrase", "", "--quick-generate-key", "of-the-tests"]
    subprocess.run([*command, *key], check=True, capture_output=True)
    to_nobody_else = ["--trust-model", "always", "--recipient", "of-the-tests", "--encrypt"]

    def encrypted(data: bytes) -> bytes:
        done = subprocess.run([*command, *to_nobody_else], input=data, capture_output=True)
        return done.stdout

    yield encrypted
    subprocess.run(["gpgconf", "--kill", "all"], check=True, capture_output=True)


@pytest.mark.thorough
def test_what_is_encrypted_is_decrypted_unless_it_is_only_looked_at(gpg: Pack) -> None:
    stored = gpg(gzip.compress(DUMP))
    assert undone(stored) == DUMP
    head = read_head(FakeStored(stored), decrypt=False)
    assert head.hidden
    assert [one.words for one in head.wrappers] == ["encrypted with GnuPG"]
    with pytest.raises(ProcessError, match="gpg could not decrypt") as caught:
        undone(stored[:-5_000])
    assert "secret key" in caught.value.hint


def test_without_gpg_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    stored = b"-----BEGIN PGP MESSAGE-----\n" + bytes(100)
    with pytest.raises(ExecutableNotFound, match="encrypted with GnuPG, and there is no gpg"):
        undone(stored)
