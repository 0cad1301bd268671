"""Whether a run on this machine is still alive, however it was killed.

Each run holds a lock on a marker file, which the kernel releases when the process
ends. A process id would not do: ids are reused, and in containers many runs have the
same one.
"""

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_PREFIX = ".django-rclone-run-"
_MAX_AGE = 86_400.0  # seconds; no lease lives that long


@contextlib.contextmanager
def hold_marker(token: str) -> Iterator[None]:
    """Hold the marker of a run until the end of the block or of this process.

    The file stays: call ``remove_marker()`` once the run has left nothing that others
    may ask about. If it cannot be created, ``owner_is_dead()`` returns ``False``.
    """
    try:
        path = _path(token)
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
    """Return whether the run with this token is known to have ended on this machine."""
    with contextlib.suppress(OSError):
        return _is_unlocked(_path(token))
    return False


def remove_marker(token: str) -> None:
    """Remove the marker of a run that has ended."""
    with contextlib.suppress(OSError):
        _path(token).unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    for path in folder.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - path.lstat().st_mtime > _MAX_AGE and _is_unlocked(path):
                path.unlink(missing_ok=True)


def _is_unlocked(path: Path) -> bool:
    """Return whether the file exists and no process holds a lock on it."""
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
    """Return where the marker of a run is. Raises ``OSError`` without a temporary folder."""
    return Path(tempfile.gettempdir()) / f"{_PREFIX}{token}"
