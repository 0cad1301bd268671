"""What a media folder holds: looked at before a run, and once more after it."""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from unicodedata import normalize

SHOWN = 10
"""How many names a sentence lists."""

# rclone shows control characters as pictures: https://rclone.org/overview/#restricted-characters
_PICTURES = {**{code: chr(0x2400 + code) for code in range(32)}, 0x7F: "\N{SYMBOL FOR DELETE}"}
_QUOTE = "\N{SINGLE HIGH-REVERSED-9 QUOTATION MARK}"  # precedes a picture in a real name

_EFFECTIVE = os.access in os.supports_effective_ids

_LINK_ENDING = ".rclonelink"
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
# Made by the file system itself where a volume is mounted; only root can read it.
_OF_FILE_SYSTEM = "lost+found"


@dataclass(slots=True)
class Survey:
    """What a folder holds. Paths are relative to it."""

    files: set[str] = field(default_factory=set)
    """Every file that can be copied, as rclone calls it."""
    links: dict[str, str] = field(default_factory=dict)
    """The links that are not followed, with what they point to."""
    problems: dict[str, str] = field(default_factory=dict)
    """What cannot be copied as it is, each with the reason."""
    left_out: list[str] = field(default_factory=list)
    """What rclone must not touch; with a slash at the end, only what is below it."""


def survey(folder: str, links: str) -> Survey:
    """Look at everything in a folder. ``links`` is one of the values of ``MEDIA_LINKS``.

    Raises ``OSError`` if the folder itself cannot be read.
    """
    found = Survey()
    with os.scandir(folder):
        pass
    pending: list[tuple[str, str, tuple[tuple[int, int], ...]]] = [(folder, "", ())]
    while pending:
        place, prefix, above = pending.pop()
        try:
            entries = list(os.scandir(place))
            status = Path(place).stat()
        except OSError as error:
            if prefix != f"{_OF_FILE_SYSTEM}/":
                found.problems[prefix.rstrip("/")] = error.strerror or str(error)
            found.left_out.append(prefix.rstrip("/"))
            continue
        above = (*above, (status.st_dev, status.st_ino))
        for entry in entries:
            path = prefix + _utf8(entry.name)
            if entry.is_symlink() and links != "follow":
                _note_link(found, entry, path, links)
            elif problem := _problem(entry, above):
                found.problems[path] = problem
                found.left_out.append(path)
            elif entry.is_dir():
                pending.append((entry.path, f"{path}/", above))
            else:
                _note_file(found, path, links)
    return found


def _note_link(found: Survey, entry: os.DirEntry[str], path: str, links: str) -> None:
    found.links[path] = str(Path(entry.path).readlink())
    if links == "store":
        found.left_out.append(f"{path}/")
        found.files.add(_called(path) + _LINK_ENDING)
        return
    found.left_out.append(path)
    if not Path(entry.path).exists():
        found.problems[path] = "a link to what is not there"


def _note_file(found: Survey, path: str, links: str) -> None:
    if links == "store" and path.endswith(_LINK_ENDING):
        found.problems[path] = f"a file whose name ends in {_LINK_ENDING}, as stored links do"
        found.left_out.append(path)
        return
    try:
        path.encode()
    except UnicodeEncodeError:
        # It is stored all the same: the content under another name is more than nothing.
        found.problems[path] = "its name is not UTF-8, so that it is stored under another one"
        return
    found.files.add(_called(path))


def _called(path: str) -> str:
    return path.translate(_PICTURES)


def _problem(entry: os.DirEntry[str], above: Iterable[tuple[int, int]]) -> str:
    """Return why an entry, which may be a link to follow, cannot be copied; or nothing."""
    try:
        status = entry.stat()
    except OSError as error:
        return "a link to what is not there" if entry.is_symlink() else str(error.strerror)
    if stat.S_ISDIR(status.st_mode):
        looped = entry.is_symlink() and (status.st_dev, status.st_ino) in above
        return "a link to a folder that it is in" if looped else ""
    if not stat.S_ISREG(status.st_mode):
        return _KINDS.get(stat.S_IFMT(status.st_mode), "no file")
    return "" if os.access(entry.path, os.R_OK, effective_ids=_EFFECTIVE) else "permission denied"


def missing(expected: Iterable[str], found: Iterable[str]) -> dict[str, str]:
    """Return the names that are expected and not found, each with what it was taken for."""
    present = {name.replace(_QUOTE, "") for name in found}
    lost = [name for name in expected if name.replace(_QUOTE, "") not in present]
    alike = {_folded(name): name for name in present} if lost else {}
    return {
        name: f"taken for {alike[_folded(name)]!r}" if _folded(name) in alike else "not there"
        for name in lost
    }


def _folded(name: str) -> str:
    """Return what all names have in common that some storage takes for the same."""
    return name.lower() if name.isascii() else normalize("NFC", normalize("NFC", name).casefold())


def sentence(named: Mapping[str, str]) -> str:
    """Return the first names, each with what is said of it."""
    return "; ".join(_some(f"{_called(name)} ({reason})" for name, reason in sorted(named.items())))


def _some(items: Iterable[str]) -> Iterator[str]:
    everything = list(items)
    yield from everything[:SHOWN]
    if len(everything) > SHOWN:
        yield f"and {len(everything) - SHOWN:,} more"


def _utf8(name: str) -> str:
    """Return a name as rclone reads it, whatever the encoding of this process is."""
    return os.fsencode(name).decode("utf-8", "surrogateescape")
