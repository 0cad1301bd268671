"""Telling on one machine whether a run is still alive, whatever killed it."""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def present(token: str) -> Iterator[None]:
    """Be alive under a name of our own, until the end of the block or of this process.

    Where no file can be made it is not shown, and ``is_dead()`` stays in doubt.
    """
    path = _path(token)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError:
        yield
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def is_dead(token: str) -> bool:
    """Tell whether a run is known to have died here; its file is removed then."""
    path = _path(token)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _path(token: str) -> Path:
    return Path(tempfile.gettempdir()) / f".django-rclone-run-{token}"
