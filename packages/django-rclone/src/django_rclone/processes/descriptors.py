"""The descriptors that a program gets from us, beside its pipes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

_SECRET_SIZE = 4096  # bytes; every pipe takes as many before anyone reads


def reserve_standard_fds() -> None:
    """Keep our pipes from the numbers 0 to 2, which some callers closed: programs get others there."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


@contextmanager
def secret_pipe(secret: bytes) -> Iterator[int]:
    """Yield the end to read of a pipe that holds ``secret`` and no more; -1 without one.

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
