"""The folders of a site, as Django knows them: those it serves, and those it must not."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.conf import settings as django_settings


def served_folders() -> dict[str, Path]:
    """Return the folders whose files every visitor may read, by the name of their setting."""
    named = {name: getattr(django_settings, name, None) for name in ("MEDIA_ROOT", "STATIC_ROOT")}
    return {name: _real(value) for name, value in named.items() if _is_path(value)}


def private_places() -> Iterator[tuple[str, Path]]:
    """Yield what no visitor may read, with words for it: the code, and databases in files."""
    base = getattr(django_settings, "BASE_DIR", None)
    if _is_path(base):
        yield "BASE_DIR", _real(base)
    for what, file in database_files():
        yield f"the file of {what}", file


def database_files() -> Iterator[tuple[str, Path]]:
    """Yield the files that are databases, with words for each."""
    for alias, database in django_settings.DATABASES.items():
        if str(database.get("ENGINE", "")).endswith(("sqlite3", "spatialite")):
            name = _file_of(database)
            if name:
                yield f"database {alias!r}", _real(name)


def _file_of(database: Mapping[str, object]) -> str:
    name = str(database.get("NAME") or "")
    if name.startswith("file:"):
        name = unquote(urlsplit(name).path)
    return "" if ":memory:" in name else name


def _is_path(value: object) -> bool:
    return isinstance(value, str | os.PathLike) and bool(os.fspath(value))


def _real(value: object) -> Path:
    return Path(os.path.realpath(str(value)))
