"""The file descriptors that a program inherits, besides its pipes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

_SECRET_SIZE = 4096  # bytes; every pipe holds that many before anyone reads


def reserve_standard_fds() -> None:
    """Open the descriptors 0 to 2 where the caller closed them.

    Otherwise our pipes would get these numbers, and programs others in their place.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


@contextmanager
def secret_pipe(secret: bytes) -> Iterator[int]:
    """Yield the reading end of a pipe that contains ``secret``; -1 if it is empty.

    Raises ``ValueError`` for more than 4,096 bytes.
    """
    if not secret:
        yield -1
        return
    if len(secret) > _SECRET_SIZE:
        raise ValueError("the secret is too long for a pipe")
    reading, writing = os.pipe()
    try:
        os.write(writing, secret)
        os.close(writing)
        yield reading
    finally:
        os.close(reading)
