"""Telling on one machine whether a run is still alive, whatever killed it."""

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_PREFIX = ".django-rclone-run-"
_OLD = 86_400.0  # seconds after which nobody asks for a dead run any more


@contextlib.contextmanager
def hold_marker(token: str) -> Iterator[None]:
    """Be alive under a name of our own, until the end of the block or of this process.

    The file that shows it stays: ``remove_marker()`` it when nothing of the run is left
    that others could ask about. Where none can be made, ``owner_is_dead()`` stays in doubt.
    """
    path = _path(token)
    try:
        _sweep(path.parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError:
        yield
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def owner_is_dead(token: str) -> bool:
    """Tell whether a run is known to have ended here. Call ``remove_marker()`` when nothing is left of it."""
    return _is_unlocked(_path(token))


def remove_marker(token: str) -> None:
    """Remove the file that shows whether a run is alive."""
    with contextlib.suppress(OSError):
        _path(token).unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    for path in folder.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - path.lstat().st_mtime > _OLD and _is_unlocked(path):
                path.unlink(missing_ok=True)


def _is_unlocked(path: Path) -> bool:
    """Whether the file is there, and nobody holds it any more."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _path(token: str) -> Path:
    return Path(tempfile.gettempdir()) / f"{_PREFIX}{token}"
