"""Bytes that no compression makes smaller."""

import random


def incompressible(size: int, seed: int = 5) -> bytes:
    """Return the same random bytes each time."""
    return random.Random(seed).randbytes(size)
