"""Validators of single settings: each turns a raw value into a checked one.

A validator takes the key, for its message, and the value. It raises
``InvalidSettings``, which names the key and the fix.
"""

import os
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from string import Formatter

from ..exceptions import InvalidSettings

_TEMPLATE_FIELDS = ("database", "datetime", "ext")
# As Formatter.parse() yields it: the text before a field, and the field.
_Piece = tuple[str, str | None, str | None, str | None]
_TEMPLATE_HINT = 'For example "{database}-{datetime}.{ext}".'


def remote(key: str, value: object) -> str:
    """Accept an rclone remote ``name:path``, or an absolute folder."""
    remote = text(key, os.fspath(value) if isinstance(value, os.PathLike) else value)
    if remote.startswith("-") or _has_control_characters(remote):
        problem = "is not a valid rclone remote"
        raise InvalidSettings(key, problem, "Set it to 'name:path' or to a folder.")
    head, colon, _ = remote.partition(":")
    if colon and not remote.startswith("/") and (not head or "," in head):
        # The arguments of a process can be read by every user.
        raise InvalidSettings(
            key,
            "is a connection string, whose options every user of the machine could read",
            "Configure the remote in REMOTES, or by `rclone config`, and set it to 'name:path'.",
        )
    if ("/" in head or not colon) and not remote.startswith("/"):
        raise InvalidSettings(
            key,
            "is a relative folder, which cron would resolve elsewhere",
            "Set it to an absolute folder, or to 'name:path' of a remote in REMOTES.",
        )
    return remote.rstrip("/") if remote.rstrip("/") else remote


def text(key: str, value: object) -> str:
    """Accept a non-empty string."""
    if not isinstance(value, str) or not value:
        raise InvalidSettings(
            key, f"must be a non-empty string, not {type_name(value)}", "Use a string."
        )
    return value


def optional_path(key: str, value: object) -> str | None:
    """Accept a path, or ``None``."""
    if value is None:
        return None
    return text(key, os.fspath(value) if isinstance(value, os.PathLike) else value)


def cache_folder(key: str, value: object) -> str | None:
    """Accept an absolute folder, or ``None``."""
    path = optional_path(key, value)
    if path is not None and not Path(path).is_absolute():
        hint = "Use an absolute path: cron starts in another folder."
        raise InvalidSettings(key, f"is a relative folder: {path!r}", hint)
    return path


def config_file(key: str, value: object) -> str | None:
    """Accept the absolute path of a readable file, or ``None``."""
    path = optional_path(key, value)
    if path is not None:
        try:
            with Path(path).open("rb") as file:
                file.read(1)
        except (OSError, ValueError) as error:
            raise InvalidSettings(
                key,
                f"names a file that cannot be read: {path!r} ({error})",
                "Correct the path, or give this user permission to read it.",
            ) from None
        if not Path(path).is_absolute():
            hint = "Use an absolute path: cron starts in another folder."
            raise InvalidSettings(key, f"is a relative path: {path!r}", hint)
    return path


def folder(key: str, value: object) -> str:
    """Accept a folder below the remote."""
    folder = text(key, value)
    if (
        folder.startswith(("/", "-"))
        or "\\" in folder
        or _has_control_characters(folder)
        or any(part in ("", ".", "..") for part in folder.rstrip("/").split("/"))
    ):
        raise InvalidSettings(
            key,
            f"is not a folder below the remote: {folder!r}",
            'Set it to a relative path without "..", such as "db".',
        )
    return folder.rstrip("/")


def template(key: str, value: object) -> str:
    """Accept the format string of dump names, with each field exactly once."""
    template = text(key, value)
    try:
        pieces = list(Formatter().parse(template))
    except ValueError as error:
        raise InvalidSettings(key, f"is not a valid template: {error}", _TEMPLATE_HINT) from None
    names = [name for _, name, _, _ in pieces if name is not None]
    if problem := _wrong_fields(template, names) or _wrong_shape(template, pieces):
        raise InvalidSettings(key, problem, _TEMPLATE_HINT)
    return template


def _wrong_fields(template: str, names: list[str]) -> str:
    for name in names:
        if name not in _TEMPLATE_FIELDS:
            return f"contains an unknown field {{{name}}}"
    for name in _TEMPLATE_FIELDS:
        if names.count(name) != 1:
            return f"must contain {{{name}}} exactly once"
        if f"{{{name}}}" not in template:
            return "contains a format specification"
    return ""


def _wrong_shape(template: str, pieces: list[_Piece]) -> str:
    if "{{" in template or "}}" in template:
        return "contains doubled braces"
    if "/" in template or "\\" in template or _has_control_characters(template):
        return "must name a file, not a folder"
    if not template.endswith(".{ext}"):
        return 'must end in ".{ext}"'
    # Otherwise names could be read in two ways.
    if not any(not character.isalnum() for character in pieces[1][0]):
        return "must separate {database} and {datetime} with a character such as '-'"
    return ""


def date_format(key: str, value: object) -> str:
    """Accept a ``strftime`` format that includes the full date and can be read back."""
    date_format = text(key, value)
    hint = 'For example "%Y-%m-%d-%H%M%S".'
    moment = datetime(2031, 12, 29, 17, 58, 59, tzinfo=UTC)
    try:
        written = moment.strftime(date_format)
        read = datetime.strptime(written, date_format)  # noqa: DTZ007
    except (ValueError, re.error) as error:
        raise InvalidSettings(key, f"cannot be read back: {error}", hint) from None
    if read.date() != moment.date():
        raise InvalidSettings(key, "does not include the full date", hint)
    if "/" in written or "\\" in written or _has_control_characters(written):
        raise InvalidSettings(key, "must not contain slashes or control characters", hint)
    return date_format


def integer_between(low: int, high: int, unit: str) -> Callable[[str, object], int]:
    """Return the validator of a whole number from ``low`` to ``high``."""

    def validate(key: str, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            digits = isinstance(value, str) and value.isdigit()
            raise InvalidSettings(
                key,
                f"must be a whole number from {low} to {high}, not {value!r}",
                f"{unit} Write int(...) around what is text." if digits else unit,
            )
        return value

    return validate


def seconds(key: str, value: object) -> float | None:
    """Accept seconds, at least one, or ``None`` for no limit."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 86_400:
        hint = "None waits forever."
        raise InvalidSettings(key, f"must be 1 to 86,400 seconds or None, not {value!r}", hint)
    return float(value)


def environment(key: str, value: object) -> str:
    """Accept a short label; it may be empty."""
    if not isinstance(value, str) or len(value) > 100 or _has_control_characters(value):
        raise InvalidSettings(
            key, f"must be a short label, not {type_name(value)}", 'For example "prod".'
        )
    return value


def compression(key: str, value: object) -> str | None:
    """Accept the name of a compression, or ``None``."""
    if value not in (None, "zstd"):
        raise InvalidSettings(
            key, f"must be 'zstd' or None, not {value!r}", "None stores dumps as they are."
        )
    return "zstd" if value else None


def links(key: str, value: object) -> str:
    """Accept what becomes of links in a media folder."""
    if value not in ("skip", "store", "follow"):
        problem = f"must be 'skip', 'store' or 'follow', not {value!r}"
        raise InvalidSettings(key, problem, "'skip' leaves links out, and names them.")
    return str(value)


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """Return a suggestion for a misspelled word, or nothing."""
    close = get_close_matches(str(word), list(known), n=1)
    return f"Did you mean {close[0]!r}?" if close else ""


def type_name(value: object) -> str:
    """Describe a value without showing it: it may be a secret."""
    return "an empty string" if value == "" else type(value).__name__


def _has_control_characters(text: str) -> bool:
    return any(ord(character) < 32 or ord(character) == 127 for character in text)
