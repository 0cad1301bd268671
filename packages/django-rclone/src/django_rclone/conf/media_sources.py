"""``MEDIA_SOURCES``: which media files are backed up, and how."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from django.conf import settings as django_settings

from ..exceptions import InvalidSettings
from . import validators

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]{0,39}")
_HINT = 'For example {"media": {"EXCLUDE": ["thumbnails"]}}.'


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaSource:
    """One place with media files."""

    name: str
    folder: str = ""
    """An absolute folder; empty if the files are on a remote, or ``MEDIA_ROOT`` is not set."""
    remote: str = ""
    """A remote of rclone."""
    storage: str = ""
    """The alias of a storage in ``STORAGES``."""
    include: tuple[str, ...] = ()
    """Patterns, of which a file must match one; without any, all files do."""
    exclude: tuple[str, ...] = ()
    """Patterns of what is not looked at."""
    tolerate: tuple[str, ...] = ()
    """Patterns of what may be missing in a run that is called whole."""
    links: str = "store"
    """What becomes of links: ``"store"``, ``"skip"`` or ``"follow"``."""

    @property
    def place(self) -> str:
        """The folder, remote or storage, in words."""
        return f"storage {self.storage!r}" if self.storage else self.remote or self.folder


def media_sources(key: str, value: object) -> tuple[MediaSource, ...]:
    """Accept a dictionary of sources by their names. Raises ``InvalidSettings``."""
    if not isinstance(value, Mapping) or not value:
        problem = f"must be a dict with a source, not {validators.type_name(value)}"
        raise InvalidSettings(key, problem, _HINT)
    sources = tuple(_source(key, name, options) for name, options in value.items())
    if len({source.name.lower() for source in sources}) < len(sources):
        raise InvalidSettings(key, "has two names that differ in case alone", "Rename one.")
    return sources


def _source(key: str, name: object, options: object) -> MediaSource:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        hint = "Use up to 40 letters, digits and underscores."
        raise InvalidSettings(key, f"has a source with a wrong name: {name!r}", hint)
    if not isinstance(options, Mapping):
        problem = f"of {name!r} must be a dict, not {validators.type_name(options)}"
        raise InvalidSettings(key, problem, _HINT)
    known = [field.name.upper() for field in fields(MediaSource) if field.name != "name"]
    for option in options:
        if option not in known:
            hint = validators.did_you_mean(option, known) or f"Known keys: {', '.join(known)}."
            raise InvalidSettings(key, f"of {name!r} has an unknown key {option!r}", hint)
    where = [option for option in ("FOLDER", "REMOTE", "STORAGE") if option in options]
    if len(where) > 1:
        problem = f"of {name!r} has both {where[0]} and {where[1]}"
        raise InvalidSettings(key, problem, "Make two sources of them.")
    return MediaSource(
        name=name,
        folder=_folder(key, name, options.get("FOLDER")) if where in ([], ["FOLDER"]) else "",
        storage=_storage(key, name, options["STORAGE"]) if "STORAGE" in options else "",
        remote=_remote(key, name, options["REMOTE"]) if "REMOTE" in options else "",
        include=_patterns(key, name, "INCLUDE", options),
        exclude=_patterns(key, name, "EXCLUDE", options),
        tolerate=_patterns(key, name, "TOLERATE", options),
        links=_checked(key, name, "LINKS", validators.links, options.get("LINKS", "store")),
    )


def _folder(key: str, name: str, value: object) -> str:
    if value is None:
        root = os.fspath(django_settings.MEDIA_ROOT or "")
        return str(Path(root).absolute()) if root else ""
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(path, str) or not path.startswith("/") or "\0" in path:
        problem = f"of {name!r}: FOLDER must be an absolute folder"
        raise InvalidSettings(key, problem, "Without it, the folder is MEDIA_ROOT.")
    return path.rstrip("/") or "/"


def _storage(key: str, name: str, value: object) -> str:
    known = list(django_settings.STORAGES)
    if not isinstance(value, str) or value not in known:
        hint = validators.did_you_mean(value, known) or f"Known storages: {', '.join(known)}."
        raise InvalidSettings(key, f"of {name!r}: STORAGE must be an alias in STORAGES", hint)
    return value


def _remote(key: str, name: str, value: object) -> str:
    remote = _checked(key, name, "REMOTE", validators.remote, value)
    if remote.startswith("/"):
        raise InvalidSettings(key, f"of {name!r}: REMOTE is a folder", "Call it FOLDER.")
    return remote


def _checked(
    key: str, name: str, option: str, validate: Callable[[str, object], str], value: object
) -> str:
    try:
        return validate(key, value)
    except InvalidSettings as error:
        raise InvalidSettings(key, f"of {name!r}: {option} {error.problem}", error.hint) from None


def _patterns(key: str, name: str, option: str, options: Mapping[str, object]) -> tuple[str, ...]:
    value = options.get(option, ())
    if not isinstance(value, list | tuple) or not all(
        isinstance(p, str) and p.strip("/") for p in value
    ):
        problem = f"of {name!r}: {option} must be a list of patterns"
        raise InvalidSettings(key, problem, 'For example ["*.tmp", "cache/thumbnails"].')
    return tuple(value)
