"""A folder that files are restored into: nothing is ever written through a link in it."""

import contextlib
import errno
import os
import shutil
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

from ...scratch import scratch_directory

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_OWNERS = 0o700  # we must get in


class Target:
    """A folder, opened: paths below it are followed from its descriptor, name by name.

    It is a context manager. Methods raise ``OSError``.
    """

    def __init__(self, folder: str, *, follow: bool) -> None:
        """``follow`` is whether links to folders are followed."""
        self.folder = os.fsencode(folder)
        self._flags = _OPEN | (0 if follow else os.O_NOFOLLOW)
        self._open: list[tuple[bytes, int]] = []

    def __enter__(self) -> Self:
        os.makedirs(self.folder, exist_ok=True)
        self._root = os.open(self.folder, _OPEN)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._keep(0)
        os.close(self._root)

    def make_folder(self, path: bytes, mode: int) -> bool:
        """Make a folder, and those it is in. Return whether it was not there yet."""
        parent, name = self._parent(path, make=True)
        try:
            os.mkdir(name, mode | _OWNERS, dir_fd=parent)
        except FileExistsError:
            os.close(os.open(name, self._flags, dir_fd=parent))
            return False
        with contextlib.suppress(OSError):
            os.chmod(name, mode | _OWNERS, dir_fd=parent)
        return True

    def put(self, staged: bytes, path: bytes, *, modified: int, mode: int) -> None:
        """Move a finished file to its place: from then on it is whole."""
        os.chmod(staged, mode & 0o777)
        os.utime(staged, ns=(modified, modified))
        self._move(staged, path)

    def put_copy(self, staged: bytes, path: bytes, *, modified: int, mode: int) -> None:
        """Put a copy of a finished file in place."""
        copy = staged + b".copy"
        shutil.copyfile(staged, copy)
        self.put(copy, path, modified=modified, mode=mode)

    def put_link(self, staged: bytes, path: bytes, target: bytes) -> None:
        """Put a link in place."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(staged)
        os.symlink(target, staged)
        self._move(staged, path)

    def set_status(self, path: bytes, *, modified: int, mode: int) -> None:
        """Give a file the time and permissions that it had."""
        parent, name = self._parent(path)
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent)
        try:
            os.fchmod(descriptor, mode & 0o777)
            os.utime(descriptor, ns=(modified, modified))
        finally:
            os.close(descriptor)

    def remove(self, path: bytes) -> None:
        """Delete a file or a link, or an empty folder; what is gone already is fine."""
        try:
            parent, name = self._parent(path)
            status = os.stat(name, dir_fd=parent, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                os.rmdir(name, dir_fd=parent)
            else:
                os.unlink(name, dir_fd=parent)
        except FileNotFoundError:
            pass

    def _move(self, staged: bytes, path: bytes) -> None:
        """Let a finished file or link take the place of what is at ``path``, at once."""
        parent, name = self._parent(path, make=True)
        try:
            os.replace(staged, name, dst_dir_fd=parent)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            # A folder in the target is on a disk of its own.
            folder = os.path.dirname(os.path.join(self.folder, path))
            with scratch_directory(Path(os.fsdecode(folder))) as near:
                copy = os.fsencode(near / "copy")
                shutil.copy2(staged, copy, follow_symlinks=False)
                os.replace(copy, name, dst_dir_fd=parent)
            os.unlink(staged)

    def _parent(self, path: bytes, *, make: bool = False) -> tuple[int, bytes]:
        """Return the descriptor of the folder that ``path`` is in, and its name there."""
        *parts, name = path.split(b"/")
        common = 0
        for (opened, _), part in zip(self._open, parts, strict=False):
            if opened != part:
                break
            common += 1
        self._keep(common)
        for part in parts[common:]:
            above = self._open[-1][1] if self._open else self._root
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=above)
            self._open.append((part, os.open(part, self._flags, dir_fd=above)))
        return (self._open[-1][1] if self._open else self._root), name

    def _keep(self, count: int) -> None:
        for _, descriptor in self._open[count:]:
            os.close(descriptor)
        del self._open[count:]

    def flush(self) -> dict[bytes, str]:
        """Return the files that could not be put in place after all: none."""
        return {}

    def forget(self) -> None:
        """Open every folder again from here on: some may have been deleted."""
        self._keep(0)
