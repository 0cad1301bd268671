"""The whole state of a folder: what a restore must bring back."""

import os
import stat
from pathlib import Path
from typing import NamedTuple


class Item(NamedTuple):
    """One thing in a folder."""

    kind: str
    content: bytes = b""
    mode: int = 0
    modified: int = 0


State = dict[bytes, Item]


def read_state(folder: Path) -> State:
    """Return all that is in a folder, by its path in bytes. Times of folders do not count."""
    top = os.fsencode(folder)
    state: State = {}
    for place, folders, files in os.walk(top):
        for name in (*folders, *files):
            path = os.path.join(place, name)
            status = os.lstat(path)
            mode = stat.S_IMODE(status.st_mode)
            if stat.S_ISLNK(status.st_mode):
                item = Item("link", os.readlink(path))
            elif stat.S_ISDIR(status.st_mode):
                item = Item("folder", mode=mode)
            else:
                item = Item("file", Path(os.fsdecode(path)).read_bytes(), mode, status.st_mtime_ns)
            state[os.path.relpath(path, top)] = item
    return state
