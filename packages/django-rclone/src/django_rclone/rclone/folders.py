"""Files in a folder of this machine, found without rclone, which takes four times as long.

As rclone does, it passes over links and whatever else is not a file.
"""

import os
import stat
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial

from ..exceptions import RcloneError
from ..interrupts import LOOK, interruptible, look
from ..processes import StallTimeout

Sized = tuple[str, int]
"""The path of a file, and its size in bytes."""

_Question = Callable[[], list[Sized]]
_TOGETHER = 1_000  # files that are looked at, about, before they are passed on


def sizes(
    folder: str, names: Sequence[str] | None, limit: StallTimeout | None
) -> Generator[Sized, None, None]:
    """Yield the path and size of every file below a folder, or of those of ``names``.

    Nothing is yielded for what does not exist. Raises ``RcloneError`` for what cannot be
    read, and if the file system does not answer within ``limit``.
    """
    questions = iter(_questions(folder) if names is None else _lookups(folder, names))
    asked = _asked_next(questions)
    while asked:
        found = asked.answer(limit)
        # The file system works at the next one while whoever wants these works at them.
        asked = _asked_next(questions)
        yield from found


def _asked_next(questions: Iterator[_Question]) -> "_Asked | None":
    return next(map(_Asked, questions), None)


def _questions(folder: str) -> Generator[_Question, None, None]:
    """Yield what lists some folders at a time, until there is none left."""
    pending = [""]
    while pending:
        yield partial(_list_some, folder, pending)


def _lookups(folder: str, names: Sequence[str]) -> Iterable[_Question]:
    for start in range(0, len(names), _TOGETHER):
        yield partial(_look_up, folder, names[start : start + _TOGETHER])


def _list_some(folder: str, pending: list[str]) -> list[Sized]:
    """Return the files of the last of ``pending`` folders, and add the folders in them.

    They are more or less in the order of names, as whoever keeps them in a tree likes them.
    """
    found: list[Sized] = []
    while pending and len(found) < _TOGETHER:
        prefix = pending.pop()
        inside = []
        with suppress(FileNotFoundError), _entries(f"{folder}/{prefix}") as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    inside.append(f"{prefix}{entry.name}/")
                elif entry.is_file(follow_symlinks=False):
                    try:
                        size = entry.stat(follow_symlinks=False).st_size
                    except FileNotFoundError:
                        continue  # others may delete it
                    found.append((prefix + entry.name, size))
        pending += sorted(inside, reverse=True)
    return sorted(found)


@contextmanager
def _entries(folder: str) -> Iterator[Iterator[os.DirEntry[str]]]:
    """Open a folder by a descriptor: a file in it is then found without looking for the folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with os.scandir(descriptor) as entries:
            yield entries
    finally:
        os.close(descriptor)


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


class _Asked:
    """A question to the file system, asked in a thread: it may keep whoever asks it."""

    def __init__(self, ask: _Question) -> None:
        self._ask = ask
        self._outcome: Future[list[Sized]] = Future()
        self._has_ended = threading.Event()
        threading.Thread(target=self._work, name="django-rclone-folder", daemon=True).start()

    def answer(self, limit: StallTimeout | None) -> list[Sized]:
        """Wait for the answer. Raises ``RcloneError``."""
        started = time.monotonic()
        with interruptible():
            while not self._has_ended.wait(LOOK):
                look()
                if limit and time.monotonic() > started + limit.seconds:
                    raise RcloneError(
                        f"The folder of the remote did not answer for {limit.seconds:g} seconds.",
                        hint=f"Check the disk or network that it is on, or raise {limit.setting}.",
                    )
        try:
            return self._outcome.result()
        except OSError as error:
            raise RcloneError(f"The folder of the remote cannot be read: {error}.") from None

    def _work(self) -> None:
        try:
            self._outcome.set_result(self._ask())
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that waits
            self._outcome.set_exception(error)
        finally:
            self._has_ended.set()
