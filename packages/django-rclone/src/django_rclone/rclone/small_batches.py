"""A few files: copied and looked for by the rclone that takes requests.

To start one of its own takes longer, and on S3 it opens the storage once more. The requests
are those of https://rclone.org/rc/, the options those of the flags in ``copying``.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..exceptions import RcloneError
from .daemon import Daemon
from .parallel import FILES, AtOnce
from .requests import as_folder

_NAMES = 300  # that are few
_COPY = {
    "NoCheckDest": True,
    "NoUpdateDirModTime": True,
    "UseServerModTime": True,
}
_LIST = {"recurse": True, "filesOnly": True, "noModTime": True, "noMimeType": True}

_numbers = itertools.count(1)


def copied(
    daemon: Daemon,
    source: str,
    destination: str,
    progress: Callable[[int, int], None],
    *,
    hashes: bool,
    at_once: AtOnce = FILES,
) -> bool:
    """Copy a folder with the files that its links point to; return whether all arrived.

    ``progress`` gets the bytes and the files copied so far; ``hashes`` is whether rclone is to
    compare them. Raises ``RcloneError`` if there is no answer.
    """

    def seen(stats: Mapping[str, Any]) -> None:
        progress(int(stats.get("bytes", 0)), int(stats.get("transfers", 0)))

    return daemon.api.succeeds(
        "sync/copy",
        f"copy files to {destination}",
        seen,
        srcFs=f":local,copy_links:{as_folder(source)}",
        dstFs=as_folder(destination),
        _config={**_COPY, **at_once.config, "IgnoreChecksum": not hashes},
    )


def sizes(daemon: Daemon, folder: str, names: Sequence[str]) -> list[tuple[str, int]]:
    """Return the path and size of each file of ``names`` that is in a folder, asked for by name.

    Nothing is returned if they are many, or after an error.
    """
    if len(names) > _NAMES:
        return []
    wanted = daemon.folder / f"names-{next(_numbers)}"
    wanted.write_text("".join(f"{name}\n" for name in names), "utf-8", "surrogateescape")
    try:
        found = daemon.api.call(
            "operations/list",
            f"list {folder}",
            fs=as_folder(folder),
            remote="",
            opt=_LIST,
            _config={**daemon.options.small, "NoTraverse": True, "Checkers": 32},
            _filter={"FilesFromRaw": [str(wanted)]},
        )
        return [(str(one["Path"]), int(one["Size"])) for one in found["list"] or ()]
    except (RcloneError, KeyError, TypeError, ValueError):
        return []
    finally:
        wanted.unlink()
