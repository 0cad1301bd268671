"""Runs a command on a terminal of its own: it asks its questions there, and shows its progress."""

import contextlib
import os
import pty
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence

CLEAR = "\r\033[K"
"""What a terminal takes to forget the line that it is in."""


def run_on_terminal(
    argv: Sequence[str],
    environment: Mapping[str, str],
    *,
    answer: str,
    show: Callable[[str], None],
    show_unfinished: Callable[[str], None],
) -> tuple[int, str]:
    """Run a command, type ``answer`` if it asks, and return its exit status and its output.

    ``show`` is called with each line as soon as it is whole, ``show_unfinished`` with what
    stands behind the last one in the meantime: a question, or progress.
    """
    ours, theirs = pty.openpty()
    lines: list[str] = []
    try:
        process = subprocess.Popen(
            argv, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        with process:
            for line, is_whole in _read(ours):
                if is_whole:
                    lines.append(line)
                    show(line)
                    continue
                show_unfinished(line)
                if line.endswith("[y/N] "):
                    os.write(ours, f"{answer}\n".encode())
    finally:
        os.close(ours)
    return process.returncode, "\n".join(lines)


def _read(terminal: int) -> Iterator[tuple[str, bool]]:
    """Yield each line, and whether it is whole, until the command has ended."""
    pending = b""
    # Linux raises OSError where others say that it is the end.
    with contextlib.suppress(OSError):
        while data := os.read(terminal, 65536):
            *whole, pending = (pending + data).split(b"\r\n")
            yield from ((_visible(line), True) for line in whole)
            if pending:
                yield _visible(pending), False


def _visible(line: bytes) -> str:
    """Return what a terminal would show of a line in the end."""
    return line.decode("utf-8", "replace").rpartition(CLEAR)[2]
