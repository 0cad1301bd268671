"""The numbers that options take."""

from argparse import ArgumentTypeError

_MAX_RETRIES = 10
_MAX_JOBS = 64


def retries_count(text: str) -> int:
    """Return a number of retries. Raises ``ArgumentTypeError``."""
    return _number(text, 0, _MAX_RETRIES)


def jobs_count(text: str) -> int:
    """Return a number of databases. Raises ``ArgumentTypeError``."""
    return _number(text, 1, _MAX_JOBS)


def _number(text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise ArgumentTypeError(f"must be a whole number from {least} to {most}")
    return int(text)
