"""Moving a dump between a database client and the remote.

The relay is what makes a stream safe. Programs take the end of their input for
success, also when the program before them died. So the end is passed on last:
a dump is committed to the remote only after the dump tool ended well, and the
last piece of a restore reaches the database only after size and hash matched.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ..exceptions import BackupRejected, DumpError
from ..interrupts import interruptible
from .compression import compressor, decompressor

_CHUNK = 1 << 20
_HEAD = 16  # bytes; no format needs more to be known


class Source(Protocol):
    """Where bytes come from."""

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes, and nothing at the end."""

    def finish(self) -> None:
        """Raise unless everything there was has been read. Called after the end."""


class Target(Protocol):
    """Where bytes go."""

    def write(self, data: bytes) -> None:
        """Take all of ``data``."""

    def commit(self) -> None:
        """Make what was written count. Without it, nothing was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What went through: bytes as stored, their SHA-256 (hexadecimal), and bytes before."""

    size: int
    sha256: str
    raw_size: int


Progress = Callable[[int], None]


def store(
    source: Source,
    target: Target,
    *,
    compression: str | None,
    level: int,
    begins: tuple[bytes, ...] = (),
) -> Digest:
    """Compress ``source`` into ``target``, and commit it once the source ended well.

    ``begins`` is how the source may begin, if that is known. Raises ``DumpError`` unless it does,
    and whatever either side raises; the target is not committed then.
    """
    pack = compressor(compression, level)
    hashed = hashlib.sha256()
    size = raw_size = 0
    head = b""

    def send(data: bytes) -> None:
        nonlocal size
        if data:
            target.write(data)
            hashed.update(data)
            size += len(data)

    with interruptible():
        while chunk := source.read(_CHUNK):
            raw_size += len(chunk)
            if len(head) < _HEAD:
                head = (head + chunk)[:_HEAD]
                _check_head(head, begins)
            send(pack.compress(chunk))
        source.finish()
        send(pack.flush())
        target.commit()
    return Digest(size=size, sha256=hashed.hexdigest(), raw_size=raw_size)


def load(
    source: Source,
    target: Target,
    *,
    compression: str | None,
    expected: Digest | None,
    progress: Progress,
) -> None:
    """Decompress ``source`` into ``target``, and commit it once it proved to be ``expected``.

    The last piece is withheld from the target until then. Without ``expected``
    (no manifest) only the source's own end and that of the compression count.
    Raises ``BackupRejected`` on any difference; the target is not committed then.
    """
    unpack = decompressor(compression)
    hashed = hashlib.sha256()
    size = raw_size = 0
    withheld = b""
    with interruptible():
        while chunk := source.read(_CHUNK):
            hashed.update(chunk)
            size += len(chunk)
            for piece in unpack.decompress(chunk):
                raw_size += len(piece)
                _check_growth(size, raw_size, expected)
                if withheld:
                    target.write(withheld)
                withheld = piece
            progress(size)
        source.finish()
        _check_whole(Digest(size=size, sha256=hashed.hexdigest(), raw_size=raw_size), expected)
        unpack.finish()
        if not withheld:
            raise BackupRejected("The backup is empty.")
        target.write(withheld)
    # Not to be interrupted: afterwards it is known on which side it ended.
    target.commit()


def _check_head(head: bytes, begins: tuple[bytes, ...]) -> None:
    if begins and not any(begin[: len(head)] == head[: len(begin)] for begin in begins):
        raise DumpError(
            f"What came is no dump: it begins with {head!r}.",
            hint="Does the program, or a script in its place, print something besides the dump?",
        )


def _check_growth(size: int, raw_size: int, expected: Digest | None) -> None:
    # Without this, a swapped object could fill the disk before its hash is known.
    if expected and (size > expected.size or raw_size > expected.raw_size):
        raise BackupRejected("The stored dump is larger than its manifest says: it was altered.")


def _check_whole(found: Digest, expected: Digest | None) -> None:
    if expected is None or found == expected:
        return
    if found.size != expected.size:
        raise BackupRejected(
            f"The stored dump has {found.size:,} bytes, its manifest says {expected.size:,}: "
            "it was truncated or altered."
        )
    raise BackupRejected("The stored dump does not match the hash in its manifest: it was altered.")
