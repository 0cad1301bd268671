"""The folders of a site, as Django knows them: those it serves, and those it must not."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, unquote_to_bytes

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


def file_of(name: object) -> Path | None:
    """Return the file of a database of SQLite that has this ``NAME``; ``None`` if it is in memory.

    Links are followed, so that the file they point to is meant, not the link. A name that
    begins with ``file:`` is a URI: https://www.sqlite.org/uri.html
    """
    text = os.fsdecode(os.fspath(name)) if isinstance(name, str | bytes | os.PathLike) else ""
    options: dict[str, list[str]] = {}
    if text.startswith("file:"):
        text, _, query = text.removeprefix("file:").partition("#")[0].partition("?")
        if text.startswith("//"):
            text = "/" + text[2:].partition("/")[2]  # without the name of a host
        text, options = os.fsdecode(unquote_to_bytes(text)), parse_qs(query)
    in_memory = options.get("mode") == ["memory"] or options.get("vfs") == ["memdb"]
    if in_memory or text in ("", ":memory:"):
        return None
    return Path(os.path.realpath(text))


def database_files() -> Iterator[tuple[str, Path]]:
    """Yield the files that are databases, with words for each."""
    for alias, database in django_settings.DATABASES.items():
        is_file = str(database.get("ENGINE", "")).endswith(("sqlite3", "spatialite"))
        if is_file and (file := file_of(database.get("NAME"))):
            yield f"database {alias!r}", file


def _is_path(value: object) -> bool:
    return isinstance(value, str | os.PathLike) and bool(os.fspath(value))


def _real(value: object) -> Path:
    return Path(os.path.realpath(str(value)))
