"""Options that take a number."""

import argparse

_MAX_RETRIES = 10
_MAX_JOBS = 64


def add_retries(parser: argparse.ArgumentParser, what: str) -> None:
    """Add ``--retries``, of ``what``."""
    parser.add_argument(
        "--retries",
        type=lambda text: _number(text, 0, _MAX_RETRIES),
        default=0,
        metavar="N",
        help=f"Retries {what} up to N times. Defaults to 0.",
    )


def add_jobs(parser: argparse.ArgumentParser, what: str) -> None:
    """Add ``--jobs``, which does ``what`` with so many at once."""
    parser.add_argument(
        "-j",
        "--jobs",
        type=lambda text: _number(text, 1, _MAX_JOBS),
        default=1,
        metavar="N",
        help=f"{what} Defaults to 1.",
    )


def add_sessions(parser: argparse.ArgumentParser) -> None:
    """Add ``--jobs`` for a restore of one database."""
    add_jobs(
        parser,
        "Loads a PostgreSQL database with up to N sessions at once, if it goes into a new one.",
    )


def _number(text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise argparse.ArgumentTypeError(f"must be a whole number from {least} to {most}")
    return int(text)
