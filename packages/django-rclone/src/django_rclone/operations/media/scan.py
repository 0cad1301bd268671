"""What a media folder holds, in the order of names."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ...backups.index import Kind
from ...conf.media_sources import MediaSource
from ...scratch import PREFIX
from .patterns import matcher

_FILE, _FOLDER = Kind.FILE, Kind.FOLDER  # to look them up takes longer than to compare them
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
# Made by the file system itself where a volume is mounted; only root can read it.
_OF_FILE_SYSTEM = b"lost+found"
_OURS = PREFIX.encode()

_Above = tuple[tuple[int, int], ...]


class Found(NamedTuple):
    """One thing in a source."""

    path: bytes
    """Relative to the source."""
    kind: Kind
    size: int = 0
    modified: int = 0
    """Nanoseconds since 1970, as all times here."""
    changed: int = 0
    """When the content or anything else of the file last changed; 0 if that is not known."""
    inode: int = 0
    mode: int = 0
    target: bytes = b""
    """What a link points to."""
    reason: str = ""
    """Why it is left out."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What of a folder counts, and what becomes of links."""

    links: str
    included: Callable[[bytes], bool] | None = None
    excluded: Callable[[bytes], bool] | None = None
    backups: tuple[int, int] | None = None
    """Device and inode of the remote, if it is a folder: a link that is followed may lead there."""

    @classmethod
    def of(cls, source: MediaSource) -> "Rules":
        """Return the rules of a source."""
        return cls(source.links, matcher(source.include), matcher(source.exclude))

    def leaves_out(self, path: bytes, *, folder: bool = False) -> bool:
        """Return whether a path is not looked at."""
        if self.excluded and self.excluded(path):
            return True
        return not folder and self.included is not None and not self.included(path)


def scan(folder: bytes, rules: Rules) -> Iterator[Found]:
    """Yield all that is in a folder, each folder before what is in it.

    Raises ``OSError`` if the folder itself cannot be read.
    """
    with os.scandir(folder):
        pass
    pending: list[tuple[bytes, bytes, _Above]] = [(folder, b"", ())]
    while pending:
        place, prefix, above = pending.pop()
        try:
            with os.scandir(place) as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
            status = os.stat(place)
        except OSError as error:
            if prefix.rstrip(b"/") != _OF_FILE_SYSTEM:
                yield _left_out(prefix.rstrip(b"/"), error.strerror or str(error))
            continue
        above = (*above, (status.st_dev, status.st_ino))
        folders = []
        for entry in inside:
            path = prefix + entry.name
            if entry.name.startswith(_OURS):
                continue
            found = _look(entry, path, rules, above)
            if found is None:
                continue
            yield found
            if found.kind is _FOLDER:
                folders.append((entry.path, path + b"/", above))
        pending += reversed(folders)


def _look(entry: os.DirEntry[bytes], path: bytes, rules: Rules, above: _Above) -> Found | None:
    """Return what an entry of a folder is; ``None`` if it does not count."""
    follow = rules.links == "follow"
    try:
        if not follow and entry.is_symlink():
            return None if rules.leaves_out(path) else _link(entry, path, rules)
        status = entry.stat(follow_symlinks=follow)
    except OSError as error:
        gone = entry.is_symlink()
        reason = "a link to what is not there" if gone else error.strerror or str(error)
        return None if rules.leaves_out(path) else _left_out(path, reason)
    kind = stat.S_IFMT(status.st_mode)
    is_folder = kind == stat.S_IFDIR
    if rules.leaves_out(path, folder=is_folder):
        return None
    if kind == stat.S_IFREG:
        return of_status(path, status)
    identity = status.st_dev, status.st_ino
    if is_folder and entry.is_symlink() and identity in above:
        return _left_out(path, "a link to a folder that it is in")
    if is_folder and follow and identity == rules.backups:
        return _left_out(path, "the folder of the backups")
    if not is_folder:
        return _left_out(path, _KINDS.get(kind, "no file"))
    return of_status(path, status)


def of_status(path: bytes, status: os.stat_result) -> Found:
    """Return the file or folder at ``path`` as its status says."""
    mode = status.st_mode
    kind, size = (_FOLDER, 0) if stat.S_ISDIR(mode) else (_FILE, status.st_size)
    times = status.st_mtime_ns, status.st_ctime_ns
    # Without names: of a million files it takes a third less.
    return tuple.__new__(
        Found, (path, kind, size, *times, status.st_ino, stat.S_IMODE(mode), b"", "")
    )


def _link(entry: os.DirEntry[bytes], path: bytes, rules: Rules) -> Found:
    target = os.readlink(entry.path)
    if rules.links == "skip":
        return _left_out(path, f"a link to {target.decode('utf-8', 'backslashreplace')}")
    status = entry.stat(follow_symlinks=False)
    return Found(
        path=path,
        kind=Kind.LINK,
        modified=status.st_mtime_ns,
        mode=stat.S_IMODE(status.st_mode),
        target=target,
    )


def _left_out(path: bytes, reason: str) -> Found:
    return Found(path=path, kind=Kind.LEFT_OUT, reason=reason)
