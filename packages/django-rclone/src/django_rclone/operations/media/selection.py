"""The part of a run that an operator asks for: a file, a folder, or what matches a pattern."""

import os
from collections.abc import Callable

from ...backups import Backup
from ...rclone import Remote
from .patterns import matcher
from .runs import read_index
from .workset import WorkSet

Selection = Callable[[bytes], bool]


def read_selected(remote: Remote, run: Backup, work: WorkSet, path: str | None) -> Selection:
    """Add the entries of a run that ``path`` names to the facts, and return what finds them.

    It is a file or folder of this name, if the run has one, and a pattern otherwise: names
    such as ``photo[1].jpg`` are common. ``None`` is all of the run. Raises
    ``BackupRejected`` for an index that is damaged, and ``RcloneError``.
    """
    path = None if path is None else _as_stored(path)
    if path is None:
        read_index(remote, run, work)
        return lambda found: True
    named, matching = _named(path), matcher([path])
    assert matching
    read_index(remote, run, work, wanted=lambda found: named(found) or matching(found))
    if not any(named(found) for (found,) in work.connection.execute("SELECT path FROM run")):
        return matching
    work.connection.create_function("named", 1, named, deterministic=True)
    work.run("DELETE FROM run WHERE NOT named(path)")
    return named


def _as_stored(path: str) -> str | None:
    """Return a path, also ``./a//b/``, as runs have it; ``None`` for the top, as ``.`` is.

    ``./a`` starts there as ``/a`` does.
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path and not parts:
        return None
    return ("/" if path.startswith(("/", "./")) else "") + "/".join(parts)


def _named(path: str) -> Selection:
    top = os.fsencode(path.strip("/"))
    return lambda found: found == top or found.startswith(top + b"/")
