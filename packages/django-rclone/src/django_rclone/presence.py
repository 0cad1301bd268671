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
def present(token: str) -> Iterator[Path]:
    """Be alive under a name of our own, until the end of the block or of this process.

    Yield the file that shows it, which stays: remove it when nothing of the run
    is left that others could ask about. Where none can be made, ``is_dead()``
    stays in doubt.
    """
    path = _path(token)
    try:
        _sweep(path.parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError:
        yield path
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield path
    finally:
        os.close(descriptor)


def is_dead(token: str) -> bool:
    """Tell whether a run is known to have ended here; its file is removed then."""
    return _removed_unless_held(_path(token))


def _sweep(folder: Path) -> None:
    for path in folder.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - path.lstat().st_mtime > _OLD:
                _removed_unless_held(path)


def _removed_unless_held(path: Path) -> bool:
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
    return Path(tempfile.gettempdir()) / f"{_PREFIX}{token}"
