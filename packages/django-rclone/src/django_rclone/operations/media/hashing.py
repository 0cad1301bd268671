"""Hashing files by threads; each file is looked at before and after."""

import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from ...backups.index import Kind
from ...interrupts import interruptible
from .scan import Found, of_status

_THREADS = 2
_TOGETHER = 32  # files that a thread takes at a time
_CHUNK = 1 << 20

CHANGING = "it changes while it is read"


class Hashed(NamedTuple):
    """A file that was read: how it was then, and its hash; or why it could not be read."""

    found: Found
    sha256: bytes = b""
    problem: str = ""


def hash_files(
    folder: bytes,
    paths: Sequence[bytes],
    *,
    follow: bool,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Hashed]:
    """Return what reading each of ``paths`` below ``folder`` gave.

    ``follow`` is whether links are read through. ``progress`` gets the bytes read so far.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    stop = threading.Event()
    pieces = [paths[start : start + _TOGETHER] for start in range(0, len(paths), _TOGETHER)]
    hashed: list[Hashed] = []
    size = 0
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            futures = [pool.submit(_hash_some, folder, piece, flags, stop) for piece in pieces]
            for future in futures:
                with interruptible():
                    some = future.result()
                hashed += some
                size += sum(one.found.size for one in some)
                progress(size)
        finally:
            stop.set()
    return hashed


def _hash_some(
    folder: bytes, paths: Sequence[bytes], flags: int, stop: threading.Event
) -> list[Hashed]:
    return [_hash(folder, path, flags, stop) for path in paths]


def _hash(folder: bytes, path: bytes, flags: int, stop: threading.Event) -> Hashed:
    try:
        descriptor = os.open(os.path.join(folder, path), flags)
        try:
            before = of_status(path, os.fstat(descriptor))
            sha256 = _digest(descriptor, before.size, stop)
            after = of_status(path, os.fstat(descriptor))
        finally:
            os.close(descriptor)
    except OSError as error:
        return Hashed(Found(path, Kind.FILE), problem=error.strerror or str(error))
    if before != after:
        return Hashed(after, problem=CHANGING)
    return Hashed(after, sha256)


def _digest(descriptor: int, size: int, stop: threading.Event) -> bytes:
    """Return the hash of a file that has ``size`` bytes, or of another number if it changes."""
    # Python makes room for all that it asks for, which takes longer than reading a small file;
    # one byte more than there should be shows the end.
    data = os.read(descriptor, min(_CHUNK, size + 1))
    digest = hashlib.sha256(data)
    if len(data) != size:
        while data and not stop.is_set():
            data = os.read(descriptor, _CHUNK)
            digest.update(data)
    return digest.digest()
