"""Moves a dump between a database client and the remote.

The relay is what makes a stream safe. Programs take the end of their input for
success, even when the program before them died. So the end is passed on last:
the remote sees the end of a dump only after the dump tool ended well, and the
last piece of a restore reaches the database only after size and hash matched.
"""

import hashlib
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from ..exceptions import BackupRejected, DumpError
from ..interrupts import interruptible, look
from .compression import Decompressor, compressor, decompressor

_CHUNK = 1 << 20
_HEAD = 16  # bytes; enough to recognize what a dump command prints
HEAD = 512
"""Bytes; enough to recognize every dump, also those of other tools."""


class Source(Protocol):
    """Where bytes come from."""

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes, and nothing at the end."""

    def finish(self) -> None:
        """Raise unless everything there was has been read. Called after the end."""


class Sink(Protocol):
    """Where bytes go."""

    def write(self, data: bytes) -> None:
        """Take all of ``data``."""

    def finish(self) -> None:
        """Accept what was written as a whole. Without this call nothing of it may count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What went through: bytes as stored, their SHA-256 (hexadecimal), and bytes before."""

    size: int
    sha256: str
    raw_size: int


Progress = Callable[[int], None]


def upload_dump(
    source: Source,
    sink: Sink,
    *,
    compression: str | None,
    level: int,
    magic: tuple[bytes, ...] = (),
) -> Digest:
    """Compress ``source`` into ``sink``, and finish the sink once the source ended well.

    ``magic`` holds the possible first bytes of the source, if they are known. Raises
    ``DumpError`` for any others, and whatever either side raises; the sink is not finished then.
    """
    pack = compressor(compression, level)
    hashed = hashlib.sha256()
    size = raw_size = 0
    head = b""

    def send(data: bytes) -> None:
        nonlocal size
        if data:
            sink.write(data)
            hashed.update(data)
            size += len(data)

    try:
        with interruptible():
            while chunk := source.read(_CHUNK):
                look()
                raw_size += len(chunk)
                if len(head) < _HEAD:
                    head = (head + chunk)[:_HEAD]
                    _check_magic(head, magic)
                send(pack.compress(chunk))
            source.finish()
            send(pack.flush())
            sink.finish()
    finally:
        # It has threads, which no fork has: one that found it in an old traceback, and freed
        # it, would wait for them forever.
        del pack
    return Digest(size=size, sha256=hashed.hexdigest(), raw_size=raw_size)


def apply_dump(
    source: Source,
    sink: Sink,
    *,
    compression: str | Decompressor | None,
    expected: Digest | None,
    progress: Progress,
) -> None:
    """Decompress ``source`` into ``sink``, and finish the sink once the source proved ``expected``.

    The last piece is withheld from the sink until then; the first has ``HEAD`` bytes, if there
    are as many. Without ``expected`` (no manifest) only the end of the source and of the
    compression are checked. Raises ``BackupRejected`` on any difference; the sink is not
    finished then.
    """
    if compression is None or isinstance(compression, str):
        compression = decompressor(compression)
    unpack = compression
    hashed = hashlib.sha256()
    size = raw_size = 0
    withheld = b""

    def pass_on(pieces: Iterable[bytes]) -> None:
        nonlocal raw_size, withheld
        for piece in pieces:
            raw_size += len(piece)
            _check_growth(size, raw_size, expected)
            if raw_size - len(piece) < HEAD:
                withheld += piece
                continue
            sink.write(withheld)
            withheld = piece

    with closing(unpack), interruptible():
        while chunk := source.read(_CHUNK):
            look()
            hashed.update(chunk)
            size += len(chunk)
            pass_on(unpack.decompress(chunk))
            progress(size)
        source.finish()
        pass_on(unpack.finish())
        _check_digest(Digest(size=size, sha256=hashed.hexdigest(), raw_size=raw_size), expected)
        if not withheld:
            raise BackupRejected("The backup is empty.")
        sink.write(withheld)
        sink.finish()


def _check_magic(head: bytes, magic: tuple[bytes, ...]) -> None:
    if magic and not any(first[: len(head)] == head[: len(first)] for first in magic):
        raise DumpError(
            f"The dump command did not produce a dump: its output starts with {head!r}.",
            hint="Does the program, or a wrapper around it, print anything else to stdout?",
        )


def _check_growth(size: int, raw_size: int, expected: Digest | None) -> None:
    # Without this, a swapped object could fill the disk before its hash is known.
    if expected and (size > expected.size or raw_size > expected.raw_size):
        raise BackupRejected("The stored dump is larger than its manifest says: it was altered.")


def _check_digest(found: Digest, expected: Digest | None) -> None:
    if expected is None or found == expected:
        return
    if found.size != expected.size:
        raise BackupRejected(
            f"The stored dump has {found.size:,} bytes, its manifest says {expected.size:,}: "
            "it was truncated or altered."
        )
    raise BackupRejected("The stored dump does not match the hash in its manifest: it was altered.")
