"""Private temporary folders, which are removed even after their owner was killed."""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PREFIX = ".django-rclone-"

# Seconds; a younger folder may not be locked yet by the run that creates it.
_SETTLED = 60.0


@contextlib.contextmanager
def scratch_directory(parent: Path) -> Iterator[Path]:
    """Create a folder in ``parent`` that only this user can read, and remove it at the end.

    Its owner holds a lock on it while it lives. Folders that a killed run left
    behind are no longer locked, and are removed here. Raises ``OSError`` if
    ``parent`` cannot be written.
    """
    sweep(parent)
    owner = os.getpid()
    path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent)).absolute()
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield path
    finally:
        # A fork that ends leaves it to its owner.
        if os.getpid() == owner:
            shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


def sweep(parent: Path) -> None:
    """Remove the folders that killed runs of this user left in ``parent``."""
    for path in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            _sweep_one(path)


def _sweep_one(path: Path) -> None:
    status = path.lstat()
    if status.st_uid != os.getuid() or time.time() - status.st_ctime < _SETTLED:
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(descriptor)
