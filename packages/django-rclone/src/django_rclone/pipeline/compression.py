"""Compressing and decompressing a stream, in bounded memory."""

import os
import sys
from collections.abc import Callable, Iterator
from typing import Protocol

from ..exceptions import BackupRejected

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ZSTD = "zstd"
SUFFIXES = {ZSTD: "zst"}

ZSTD_FRAME = (zstd.ZstdDecompressor, (zstd.ZstdError,))
"""What decompresses a frame, and what it raises."""

_PIECE = 1 << 20  # bytes returned at a time, however large a small input expands


class Compressor(Protocol):
    """Turns raw bytes into stored bytes."""

    def compress(self, data: bytes) -> bytes: ...

    def flush(self) -> bytes: ...


class Decompressor(Protocol):
    """Turns stored bytes into raw bytes, in pieces."""

    def decompress(self, data: bytes) -> Iterator[bytes]: ...

    def finish(self) -> Iterator[bytes]:
        """Yield what is left. Raises ``BackupRejected`` if the stream is truncated."""

    def close(self) -> None:
        """Free what it holds."""


def compressor(method: str | None, level: int) -> Compressor:
    """Return the compressor for ``method``: ``"zstd"``, or ``None`` to store bytes unchanged."""
    if method is None:
        return _Plain()
    return zstd.ZstdCompressor(
        options={
            zstd.CompressionParameter.compression_level: level,
            zstd.CompressionParameter.checksum_flag: 1,
            zstd.CompressionParameter.nb_workers: _workers(_cores()),
        }
    )


def _workers(cores: int) -> int:
    """Return how many threads compress.

    By measurement two keep up with pg_dump and with a disk (700 MB/s at level 1). One takes a
    third more processor time than none, which compresses in the calling thread.
    """
    return 0 if cores < 2 else 2


def _cores() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def decompressor(method: str | None) -> Decompressor:
    """Return the decompressor for ``method``. Raises ``BackupRejected`` for an unknown one."""
    if method is None:
        return _PlainReader()
    if method == ZSTD:
        return FrameReader(*ZSTD_FRAME, several=False)
    raise BackupRejected(
        f"The backup is compressed with {method!r}, which this release cannot read."
    )


class _Plain:
    def compress(self, data: bytes) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""


class _PlainReader:
    def decompress(self, data: bytes) -> Iterator[bytes]:
        if data:
            yield data

    def finish(self) -> Iterator[bytes]:
        return iter(())

    def close(self) -> None:
        pass


class Frame(Protocol):
    """One compressed stream, as the modules of Python decompress it."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class FrameReader:
    """Decompresses one frame, or as many as there are."""

    def __init__(
        self, frame: Callable[[], Frame], errors: tuple[type[Exception], ...], *, several: bool
    ) -> None:
        """``errors`` is what a frame raises; ``several`` may follow one another."""
        self._new, self._errors, self._several = frame, errors, several
        self._frame = frame()

    def decompress(self, data: bytes) -> Iterator[bytes]:
        """Yield what ``data`` becomes. Raises ``BackupRejected``."""
        while data or not self._frame.needs_input:
            if self._frame.eof:
                data = self._begin_another(data)
                if not data:
                    return
            try:
                piece = self._frame.decompress(data, _PIECE)
            except self._errors as error:
                raise BackupRejected(f"The backup cannot be decompressed: {error}.") from None
            if piece:
                yield piece
            data = self._frame.unused_data if self._frame.eof else b""
            if self._frame.eof and not data:
                return

    def finish(self) -> Iterator[bytes]:
        """See ``Decompressor``."""
        if not self._frame.eof:
            raise BackupRejected("The compressed data ends too early: the backup is truncated.")
        return iter(())

    def close(self) -> None:
        """Do nothing."""

    def _begin_another(self, data: bytes) -> bytes:
        if not self._several:
            raise BackupRejected(
                "There is more data after the end of the compressed backup: it is damaged."
            )
        data = data.lstrip(b"\0")  # gzip on a tape, or dd, pads with zeros
        if data:
            self._frame = self._new()
        return data
