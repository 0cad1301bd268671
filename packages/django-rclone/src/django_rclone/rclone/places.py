"""Where a remote keeps its files, on this machine or elsewhere: https://rclone.org/overview/."""

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

Sections = Mapping[str, Mapping[str, str]]
"""A configuration of rclone: the options of each remote by its name."""

_LOCAL = "local"
_DEEPEST = 20  # remotes that wrap one another
_MODE = re.compile(r":(ro|nc|writeback)$")


def variable_prefix(name: str) -> str:
    """Return how the variables begin that configure a remote: https://rclone.org/docs/#config-file."""
    return f"RCLONE_CONFIG_{name.upper()}_"


def places_behind(place: str, sections: Sections, variables: Mapping[str, str]) -> Iterator[Path]:
    """Yield the folders behind ``place``, a folder or a remote that may wrap others.

    Those that are not on this machine begin with the name of their remote, ``name:/bucket``,
    so that they contain one another as folders do. Of a remote that changes names, such as
    ``crypt``, it is the folder that it wraps. ``variables`` configure remotes too.
    """
    yield from _behind(place, _Known(sections, variables), _DEEPEST)


def is_configured(place: str, sections: Sections, variables: Mapping[str, str]) -> bool:
    """Whether ``place`` is a folder, or a path on a remote that is configured."""
    name, colon, _ = place.partition(":")
    if place.startswith(("/", ":")) or not colon:
        return True
    return bool(_Known(sections, variables).options(name).get("type"))


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of remotes by their names."""

    sections: Sections
    variables: Mapping[str, str]

    def options(self, name: str) -> dict[str, str]:
        """Return the options of a remote; a variable goes before the file."""
        prefix = variable_prefix(name)
        found = {
            key.removeprefix(prefix).lower(): value
            for key, value in self.variables.items()
            if key.startswith(prefix)
        }
        return {**self.sections.get(name, {}), **found}


def _behind(place: str, known: _Known, depth: int) -> Iterator[Path]:
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
        options = known.options(name)
    if options.get("type") == _LOCAL:
        yield from _behind(path, known, depth - 1)
        return
    wrapped, upstreams = options.get("remote"), list(_upstreams(options))
    if wrapped is None and not upstreams:
        yield Path(f"{name}:/{path}")
    if wrapped is not None:
        below = _joined(wrapped, path) if _keeps_folders(options) else wrapped
        yield from _behind(below, known, depth - 1)
    for upstream in upstreams:
        yield from _behind(upstream, known, depth - 1)


def _keeps_folders(options: Mapping[str, str]) -> bool:
    """Whether folders have the same names in what is wrapped."""
    kind, encrypted = options.get("type"), options.get("directory_name_encryption")
    return kind == "alias" or (kind == "crypt" and encrypted == "false")


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
