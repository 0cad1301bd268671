"""Files of this host that save time and nothing else: any of them may be lost, or be wrong.

They are in ``$XDG_CACHE_HOME/django-rclone``, by default ``~/.cache/django-rclone``: a
folder that is used only if it belongs to this user, and nobody else may read it.
https://specifications.freedesktop.org/basedir-spec/latest/
"""

import fcntl
import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LIMIT = 64 << 20  # bytes: some 400,000 backups

logger = logging.getLogger(__name__)


def read(name: str) -> bytes | None:
    """Return the file called ``name``; ``None`` if there is none that can be used."""
    try:
        with (
            _opened(_folder() / name, os.O_RDONLY) as descriptor,
            open(descriptor, "rb", closefd=False) as file,
        ):
            data = file.read(_LIMIT + 1)
    except OSError as error:
        logger.debug("What was kept of earlier listings cannot be read: %s", error)
        return None
    return data if len(data) <= _LIMIT else None


def write(name: str, data: bytes) -> None:
    """Replace the file called ``name``, if that is possible and nobody else is doing so.

    It is written in place: whoever reads it must be able to tell if it is incomplete.
    """
    try:
        folder = _folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _opened(folder / name, os.O_RDWR | os.O_CREAT) as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.truncate(descriptor, 0)
            with open(descriptor, "wb", closefd=False) as file:
                file.write(data)
    except OSError as error:
        logger.debug("What was listed cannot be kept for the next time: %s", error)


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    _require_private(path.parent)
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is not a file")
        yield descriptor
    finally:
        os.close(descriptor)


def _folder() -> Path:
    """Return the folder. Raises ``OSError`` if there is no place for it."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or "")
    if not base.is_absolute():
        home = Path(os.environ.get("HOME") or "")
        # `sudo` may leave root the home of somebody else, who would not own what root makes.
        if not home.is_absolute() or home.stat().st_uid != os.geteuid():
            raise OSError("this user has no home")
        base = home / ".cache"
    return base / "django-rclone"


def _require_private(folder: Path) -> None:
    status = folder.lstat()
    private = stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077
    if not private or status.st_uid != os.geteuid():
        raise OSError(f"{folder} is not a folder that only this user may read")
