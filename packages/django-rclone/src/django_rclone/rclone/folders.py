"""Files in a folder of this machine, found without rclone, which takes four times as long.

As rclone does, it passes over links and whatever else is not a file.
"""

import os
import stat
import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import TypeVar

from ..exceptions import RcloneError
from ..interrupts import LOOK, interruptible, look
from ..processes import StallTimeout

Sized = tuple[str, int]
"""The path of a file, and its size in bytes."""

_TOGETHER = 1_000  # files that are looked at, about, before they are passed on

T = TypeVar("T")


def sizes(
    folder: str, names: Sequence[str] | None, limit: StallTimeout | None
) -> Generator[Sized, None, None]:
    """Yield the path and size of every file below a folder, or of those of ``names``.

    Nothing is yielded for what does not exist. Raises ``RcloneError`` for what cannot be
    read, and if the file system does not answer within ``limit``.
    """
    for ask in _questions(folder) if names is None else _lookups(folder, names):
        yield from _answer(ask, limit)


def _questions(folder: str) -> Generator[Callable[[], list[Sized]], None, None]:
    """Yield what lists some folders at a time, until there is none left."""
    pending = [""]
    while pending:
        yield partial(_list_some, folder, pending)


def _lookups(folder: str, names: Sequence[str]) -> Iterable[Callable[[], list[Sized]]]:
    for start in range(0, len(names), _TOGETHER):
        yield partial(_look_up, folder, names[start : start + _TOGETHER])


def _list_some(folder: str, pending: list[str]) -> list[Sized]:
    """Return the files of the last of ``pending`` folders, and add the folders in them."""
    found: list[Sized] = []
    while pending and len(found) < _TOGETHER:
        prefix = pending.pop()
        with suppress(FileNotFoundError), os.scandir(f"{folder}/{prefix}") as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(f"{prefix}{entry.name}/")
                elif entry.is_file(follow_symlinks=False):
                    try:
                        size = entry.stat(follow_symlinks=False).st_size
                    except FileNotFoundError:
                        continue  # others may delete it
                    found.append((prefix + entry.name, size))
    return found


def _look_up(folder: str, names: Iterable[str]) -> list[Sized]:
    found = []
    for name in names:
        try:
            status = os.lstat(f"{folder}/{name}")
        except (FileNotFoundError, NotADirectoryError):
            continue
        if stat.S_ISREG(status.st_mode):
            found.append((name, status.st_size))
    return found


def _answer(ask: Callable[[], T], limit: StallTimeout | None) -> T:
    """Return the answer of the file system, asked in a thread: it may keep whoever asks it."""
    outcome: Future[T] = Future()
    has_ended = threading.Event()

    def work() -> None:
        try:
            outcome.set_result(ask())
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that waits
            outcome.set_exception(error)
        finally:
            has_ended.set()

    started = time.monotonic()
    with interruptible():
        threading.Thread(target=work, name="django-rclone-folder", daemon=True).start()
        while not has_ended.wait(LOOK):
            look()
            if limit and time.monotonic() > started + limit.seconds:
                raise RcloneError(
                    f"The folder of the remote did not answer for {limit.seconds:g} seconds.",
                    hint=f"Check the disk or network that it is on, or raise {limit.setting}.",
                )
    try:
        return outcome.result()
    except OSError as error:
        raise RcloneError(f"The folder of the remote cannot be read: {error}.") from None
