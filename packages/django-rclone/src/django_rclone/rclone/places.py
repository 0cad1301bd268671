"""Where on this machine a remote keeps its files, if it does: https://rclone.org/overview/."""

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

Sections = Mapping[str, Mapping[str, str]]
"""A configuration of rclone: the options of each remote by its name."""

_LOCAL = "local"
_DEEPEST = 20  # remotes that wrap one another
_MODE = re.compile(r":(ro|nc|writeback)$")


def local_places(place: str, sections: Sections) -> Iterator[Path]:
    """Yield the folders behind ``place``, a folder or a remote that may wrap others.

    Of a remote that changes names, such as ``crypt``, it is the folder that it wraps.
    """
    yield from _behind(place, sections, _DEEPEST)


def _behind(place: str, sections: Sections, depth: int) -> Iterator[Path]:
    name, colon, path = place.removeprefix(":").partition(":")
    if not colon or "/" in name:
        if place.startswith("/"):
            yield Path(os.path.realpath(place))
        return
    if not depth:
        return
    if place.startswith(":"):
        # A connection string; options may follow the type.
        options: Mapping[str, str] = {"type": name.partition(",")[0]}
    else:
        options = _options(name, sections)
    if options.get("type") == _LOCAL:
        yield from _behind(path, sections, depth - 1)
        return
    wrapped = options.get("remote")
    if wrapped is not None:
        below = _joined(wrapped, path) if options.get("type") == "alias" else wrapped
        yield from _behind(below, sections, depth - 1)
    for upstream in _upstreams(options):
        yield from _behind(upstream, sections, depth - 1)


def _options(name: str, sections: Sections) -> dict[str, str]:
    """Return the options of a remote; a variable of the environment goes before the file."""
    prefix = f"RCLONE_CONFIG_{name.upper()}_"
    variables = {
        key.removeprefix(prefix).lower(): value
        for key, value in os.environ.items()
        if key.startswith(prefix)
    }
    return {**sections.get(name, {}), **variables}


def _upstreams(options: Mapping[str, str]) -> Iterator[str]:
    """Yield what ``union`` and ``combine`` consist of."""
    try:
        upstreams = shlex.split(options.get("upstreams", ""))
    except ValueError:
        return
    for upstream in upstreams:
        if options.get("type") == "combine":
            yield upstream.partition("=")[2]
        else:
            yield _MODE.sub("", upstream)


def _joined(remote: str, path: str) -> str:
    joint = "" if not path or remote.endswith((":", "/")) else "/"
    return f"{remote}{joint}{path}"
