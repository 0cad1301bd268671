"""Readers of single settings: each turns a raw value into a checked one.

Every reader takes the key, for its message, and the value. It raises
``InvalidSettings``, which names the key and the fix, for a value that will not do.
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
# What Formatter.parse() yields: the text before a field, and the field.
_Piece = tuple[str, str | None, str | None, str | None]
_TEMPLATE_HINT = 'Such as "{database}-{datetime}.{ext}".'

_SECRET_FLAG = re.compile(
    r"(pass|(?<!ask-)password2?|passphrase|secret|token|pem|sas-url|connection-string|credentials"
    r"|access-grant|authorization|cookies|(?<!-client)(?<!-rc)(?<!-metrics)-key|access-key-id"
    r"|master-keys|customer-key-base64|swift-auth)$"
)
_HEADER_FLAG = re.compile(r"^--(header(-upload|-download)?|[a-z]+-headers)$")
# What would hide backups from our own listing, or rclone's words from us.
_FORBIDDEN_FLAG = re.compile(
    r"^(-q|--quiet|--(log|syslog|include|exclude|filter|files-from|hash-filter|metadata-)\S*"
    r"|--(min|max)-(size|age|depth|delete|delete-size|transfer|duration)|--rc\b.*"
    # and what would make a mirror that is none
    r"|-f|-x|-u|-l|--one-file-system|--update|--size-only|--ignore-existing|--ignore-size"
    r"|--existing|--immutable|--skip-links|--links|--local-links|--copy-dest|--compare-dest"
    r"|--backup-dir|--suffix\S*|--no-check-dest)$"
)
_URL_WITH_SECRET = re.compile(r"://[^/\s]*@")


def remote(key: str, value: object) -> str:
    """An rclone remote ``name:path``, or an absolute folder."""
    remote = text(key, os.fspath(value) if isinstance(value, os.PathLike) else value)
    if remote.startswith("-") or _has_control_characters(remote):
        raise InvalidSettings(key, "is no rclone remote", "Set it to 'name:path' or to a folder.")
    head, colon, _ = remote.partition(":")
    if colon and not remote.startswith("/") and (not head or "," in head):
        # A connection string would stand in the arguments of a process, for all to read.
        raise InvalidSettings(
            key,
            "is a connection string, whose options every user of the machine could read",
            "Configure a remote (`rclone config`, or RCLONE_CONFIG_<NAME>_* variables) "
            "and set it to 'name:path'.",
        )
    if ("/" in head or not colon) and not remote.startswith("/"):
        raise InvalidSettings(
            key,
            "is a relative folder, which cron would look for elsewhere",
            "Set it to an absolute folder, or to 'name:path' of a configured remote.",
        )
    return remote.rstrip("/") if remote.rstrip("/") else remote


def text(key: str, value: object) -> str:
    """Some text."""
    if not isinstance(value, str) or not value:
        raise InvalidSettings(
            key, f"must be a non-empty string, not {type_name(value)}", "Write a text."
        )
    return value


def optional_path(key: str, value: object) -> str | None:
    """A path, or ``None``."""
    if value is None:
        return None
    return text(key, os.fspath(value) if isinstance(value, os.PathLike) else value)


def config_file(key: str, value: object) -> str | None:
    """A file that can be read, or ``None``."""
    path = optional_path(key, value)
    if path is not None:
        try:
            with Path(path).open("rb") as file:
                file.read(1)
        except (OSError, ValueError) as error:
            raise InvalidSettings(
                key,
                f"names a file that cannot be read: {path!r} ({error})",
                "Correct the path, or give this user the right to read it.",
            ) from None
        if not Path(path).is_absolute():
            hint = "Make it absolute: cron starts elsewhere."
            raise InvalidSettings(key, f"is a relative path: {path!r}", hint)
    return path


def flags(key: str, value: object) -> tuple[str, ...]:
    """Arguments for rclone, none of them a secret."""
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise InvalidSettings(
            key, f"must be a list of strings, not {type_name(value)}", 'Such as ["--transfers=8"].'
        )
    takes_value = False
    for argument in value:
        if argument.startswith("-"):
            flag = argument.partition("=")[0]
            _check_flag(key, flag, secret=bool(_URL_WITH_SECRET.search(argument)))
            takes_value = "=" not in argument
        elif takes_value:
            takes_value = False
        else:
            raise InvalidSettings(key, f"holds {argument!r}, which is no flag", 'Such as "-v".')
    return tuple(value)


def _check_flag(key: str, flag: str, *, secret: bool) -> None:
    if secret or _SECRET_FLAG.search(flag) or _HEADER_FLAG.search(flag):
        raise InvalidSettings(
            key,
            f"puts a secret ({flag}) where every user can read it",
            "Move it to rclone's configuration or to a RCLONE_* environment variable.",
        )
    if _FORBIDDEN_FLAG.search(flag):
        raise InvalidSettings(
            key,
            f"holds {flag}, which would hide backups or rclone's own words",
            "Remove it: these flags go with every run of rclone, listings too.",
        )


def folder(key: str, value: object) -> str:
    """A folder below the remote."""
    folder = text(key, value)
    if (
        folder.startswith(("/", "-"))
        or "\\" in folder
        or _has_control_characters(folder)
        or any(part in ("", ".", "..") for part in folder.rstrip("/").split("/"))
    ):
        raise InvalidSettings(
            key,
            f"is no folder below the remote: {folder!r}",
            'Set it to a relative path without "..", such as "db".',
        )
    return folder.rstrip("/")


def template(key: str, value: object) -> str:
    """The name of a dump: a format string with each of its fields once."""
    template = text(key, value)
    try:
        pieces = list(Formatter().parse(template))
    except ValueError as error:
        raise InvalidSettings(key, f"is no valid template: {error}", _TEMPLATE_HINT) from None
    names = [name for _, name, _, _ in pieces if name is not None]
    if problem := _wrong_fields(template, names) or _wrong_shape(template, pieces):
        raise InvalidSettings(key, problem, _TEMPLATE_HINT)
    return template


def _wrong_fields(template: str, names: list[str]) -> str:
    for name in names:
        if name not in _TEMPLATE_FIELDS:
            return f"holds an unknown field {{{name}}}"
    for name in _TEMPLATE_FIELDS:
        if names.count(name) != 1:
            return f"must hold {{{name}}} exactly once"
        if f"{{{name}}}" not in template:
            return "holds a format specification"
    return ""


def _wrong_shape(template: str, pieces: list[_Piece]) -> str:
    if "{{" in template or "}}" in template:
        return "holds doubled braces"
    if "/" in template or "\\" in template or _has_control_characters(template):
        return "must name a file, not a folder"
    if not template.endswith(".{ext}"):
        return 'must end in ".{ext}"'
    # Otherwise the end of one could be taken for the beginning of the other.
    if not any(not character.isalnum() for character in pieces[1][0]):
        return "must keep {database} and {datetime} apart by a sign such as '-'"
    return ""


def date_format(key: str, value: object) -> str:
    """A ``strftime`` format that keeps the day and can be read back."""
    date_format = text(key, value)
    hint = 'Such as "%Y-%m-%d-%H%M%S".'
    moment = datetime(2031, 12, 29, 17, 58, 59, tzinfo=UTC)
    try:
        written = moment.strftime(date_format)
        read = datetime.strptime(written, date_format)  # noqa: DTZ007
    except (ValueError, re.error) as error:
        raise InvalidSettings(key, f"cannot be read back: {error}", hint) from None
    if read.date() != moment.date():
        raise InvalidSettings(key, "loses the date", hint)
    if "/" in written or "\\" in written or _has_control_characters(written):
        raise InvalidSettings(key, "must not make folders", hint)
    return date_format


def integer_between(low: int, high: int, unit: str) -> Callable[[str, object], int]:
    """Return the reader of a whole number from ``low`` to ``high``."""

    def read(key: str, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise InvalidSettings(
                key, f"must be a whole number from {low} to {high}, not {value!r}", unit
            )
        return value

    return read


def seconds(key: str, value: object) -> float | None:
    """A time of at least a second, or ``None`` for no limit."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 86_400:
        hint = "None waits for ever."
        raise InvalidSettings(key, f"must be 1 to 86,400 seconds or None, not {value!r}", hint)
    return float(value)


def environment(key: str, value: object) -> str:
    """A short label; it may be empty."""
    if not isinstance(value, str) or len(value) > 100 or _has_control_characters(value):
        raise InvalidSettings(
            key, f"must be a short label, not {type_name(value)}", 'Such as "prod".'
        )
    return value


def compression(key: str, value: object) -> str | None:
    """The name of a compression, or ``None``."""
    if value not in (None, "zstd"):
        raise InvalidSettings(
            key, f"must be 'zstd' or None, not {value!r}", "None stores dumps as they are."
        )
    return "zstd" if value else None


def signing_key(key: str, value: object) -> str | None:
    """A key, or ``None`` for that of Django."""
    if value is not None and (not isinstance(value, str) or not value):
        raise InvalidSettings(key, "must be a non-empty string or None", "None uses SECRET_KEY.")
    return value


def signing_key_fallbacks(key: str, value: object) -> tuple[str, ...]:
    """Keys that are still accepted."""
    if not isinstance(value, list | tuple) or not all(isinstance(k, str) and k for k in value):
        raise InvalidSettings(key, "must be a list of non-empty strings", "Such as [OLD_KEY].")
    return tuple(value)


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """Return a question for a word that is close to a known one, or nothing."""
    close = get_close_matches(str(word), list(known), n=1)
    return f"Did you mean {close[0]!r}?" if close else ""


def type_name(value: object) -> str:
    """Return what a value is, without showing it: it may be a secret."""
    return "an empty string" if value == "" else type(value).__name__


def _has_control_characters(text: str) -> bool:
    return any(ord(character) < 32 or ord(character) == 127 for character in text)
