"""The settings, read in one place into a typed object.

Nothing else in the package reads ``django.conf.settings``.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from string import Formatter
from typing import Any

from django.conf import settings as django_settings

from .exceptions import InvalidSettings

SETTING = "DJANGO_RCLONE"
TEMPLATE_FIELDS = ("database", "datetime", "ext")

_SECRET_FLAG = re.compile(
    r"^--(?!password-command)\S*"
    r"(pass|password\d?|secret|token|pem|sas-url|(?<!access-)key|access-key-id|access-key)(=|$)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """The client of one database: a dotted path, and keyword arguments for it."""

    backend: str | None = None
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``DJANGO_RCLONE`` as the rest of the package sees it: complete and checked."""

    remote: str
    rclone_binary: str | None
    rclone_config: str | None
    rclone_flags: tuple[str, ...]
    db_backup_dir: str
    db_filename_template: str
    db_date_format: str
    db_cleanup_keep: int
    media_backup_dir: str
    media_source: str
    media_max_delete: int
    """Percent of the files at the destination that one media run may delete."""
    environment: str
    compression: str | None
    compression_level: int
    signing_key: str = field(repr=False)
    signing_key_fallbacks: tuple[str, ...] = field(repr=False)
    clients: Mapping[str, ClientSettings]


def load() -> Settings:
    """Read the settings.

    Raises ``InvalidSettings``, naming the key and the fix, for the first thing wrong.
    """
    settings, problems = _read()
    if settings is None:
        raise problems[0]
    return settings


def problems() -> list[InvalidSettings]:
    """Everything that is wrong with the settings; an empty list when nothing is."""
    return _read()[1]


def database_aliases() -> tuple[str, ...]:
    """The aliases of ``DATABASES`` that name an engine."""
    return tuple(
        alias
        for alias, database in django_settings.DATABASES.items()
        if database.get("ENGINE", "") not in ("", "django.db.backends.dummy")
    )


def secrets() -> Iterator[str]:
    """Every secret that the Django settings are known to hold."""
    configured = getattr(django_settings, SETTING, None)
    own = configured if isinstance(configured, Mapping) else {}
    candidates: list[object] = [
        getattr(django_settings, "SECRET_KEY", ""),
        *getattr(django_settings, "SECRET_KEY_FALLBACKS", ()),
        own.get("SIGNING_KEY"),
        *_listed(own.get("SIGNING_KEY_FALLBACKS")),
    ]
    for database in getattr(django_settings, "DATABASES", {}).values():
        candidates.append(database.get("PASSWORD"))
        options = database.get("OPTIONS") or {}
        candidates += [options.get(name) for name in ("password", "passwd", "sslpassword")]
    return (secret for secret in candidates if isinstance(secret, str) and secret)


def _listed(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, list | tuple) else ()


# Readers: each turns one raw value into a checked one, or raises InvalidSettings.


def _remote(key: str, value: object) -> str:
    remote = _text(key, os.fspath(value) if isinstance(value, os.PathLike) else value)
    if remote.startswith("-") or _has_control_characters(remote):
        raise InvalidSettings(key, "is no rclone remote", "Set it to 'name:path' or to a folder.")
    head, colon, _ = remote.partition(":")
    if "/" in head or not colon:
        if not remote.startswith("/"):
            raise InvalidSettings(
                key,
                f"is a relative folder ({remote!r}), which cron would look for elsewhere",
                "Set it to an absolute folder, or to 'name:path' of a configured remote.",
            )
    elif not head or "," in head:
        # A connection string would stand in the arguments of a process, for all to read.
        raise InvalidSettings(
            key,
            "is a connection string, whose options every user of the machine could read",
            "Configure a remote (`rclone config`, or RCLONE_CONFIG_<NAME>_* variables) "
            "and set it to 'name:path'.",
        )
    return remote.rstrip("/") if remote.rstrip("/") else remote


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidSettings(key, f"must be a non-empty string, not {_kind(value)}", "")
    return value


def _optional_path(key: str, value: object) -> str | None:
    if value is None:
        return None
    return _text(key, os.fspath(value) if isinstance(value, os.PathLike) else value)


def _config_file(key: str, value: object) -> str | None:
    path = _optional_path(key, value)
    if path is not None:
        try:
            with Path(path).open("rb") as file:
                file.read(1)
        except OSError as error:
            raise InvalidSettings(
                key,
                f"names a file that cannot be read: {path} ({error.strerror})",
                "Correct the path, or give this user the right to read it.",
            ) from None
    return path


def _flags(key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise InvalidSettings(
            key, f"must be a list of strings, not {_kind(value)}", 'Such as ["--transfers=8"].'
        )
    for flag in value:
        if _SECRET_FLAG.search(flag):
            raise InvalidSettings(
                key,
                f"puts a secret ({flag.partition('=')[0]}) where every user can read it",
                "Move it to rclone's configuration or to a RCLONE_* environment variable.",
            )
    return tuple(value)


def _folder(key: str, value: object) -> str:
    folder = _text(key, value)
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


def _template(key: str, value: object) -> str:
    template = _text(key, value)
    try:
        fields = [(name, spec, conv) for _, name, spec, conv in Formatter().parse(template)]
    except ValueError as error:
        raise InvalidSettings(key, f"is no valid template: {error}", _TEMPLATE_HINT) from None
    names = [name for name, _, _ in fields if name is not None]
    if "{{" in template or "}}" in template:
        raise InvalidSettings(key, "holds doubled braces", _TEMPLATE_HINT)
    if any(spec or conversion for _, spec, conversion in fields):
        raise InvalidSettings(key, "holds a format specification", _TEMPLATE_HINT)
    for name in names:
        if name not in TEMPLATE_FIELDS:
            raise InvalidSettings(key, f"holds an unknown field {{{name}}}", _TEMPLATE_HINT)
    for name in TEMPLATE_FIELDS:
        if names.count(name) != 1:
            raise InvalidSettings(key, f"must hold {{{name}}} exactly once", _TEMPLATE_HINT)
    if "/" in template or "\\" in template or _has_control_characters(template):
        raise InvalidSettings(key, "must name a file, not a folder", _TEMPLATE_HINT)
    if template.endswith(".json"):
        raise InvalidSettings(key, "ends like the manifests do (.json)", _TEMPLATE_HINT)
    return template


_TEMPLATE_HINT = 'Such as "{database}-{datetime}.{ext}".'


def _date_format(key: str, value: object) -> str:
    date_format = _text(key, value)
    hint = 'Such as "%Y-%m-%d-%H%M%S".'
    moment = datetime(2031, 12, 29, 17, 58, 59, tzinfo=UTC)
    try:
        written = moment.strftime(date_format)
        read = datetime.strptime(written, date_format)  # noqa: DTZ007
    except ValueError as error:
        raise InvalidSettings(key, f"cannot be read back: {error}", hint) from None
    if read.date() != moment.date():
        raise InvalidSettings(key, "loses the date", hint)
    if "/" in written or "\\" in written or _has_control_characters(written):
        raise InvalidSettings(key, "must not make folders", hint)
    return date_format


def _between(low: int, high: int, unit: str) -> Callable[[str, object], int]:
    def read(key: str, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise InvalidSettings(
                key, f"must be a whole number from {low} to {high}, not {value!r}", unit
            )
        return value

    return read


def _environment(key: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > 100 or _has_control_characters(value):
        raise InvalidSettings(key, f"must be a short label, not {_kind(value)}", 'Such as "prod".')
    return value


def _compression(key: str, value: object) -> str | None:
    if value not in (None, "zstd"):
        raise InvalidSettings(
            key, f"must be 'zstd' or None, not {value!r}", "None stores dumps as they are."
        )
    return "zstd" if value else None


def _media_source(key: str, value: object) -> str:
    if value is None:
        return os.fspath(django_settings.MEDIA_ROOT or "")
    source = _text(key, os.fspath(value) if isinstance(value, os.PathLike) else value)
    return _remote(key, source)


def _signing_key(key: str, value: object) -> str:
    if value is None:
        return str(django_settings.SECRET_KEY)
    if not isinstance(value, str) or not value:
        raise InvalidSettings(key, "must be a non-empty string or None", "None uses SECRET_KEY.")
    return value


def _signing_key_fallbacks(key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(k, str) and k for k in value):
        raise InvalidSettings(key, "must be a list of non-empty strings", "Such as [OLD_KEY].")
    return tuple(value)


def _clients(key: str, value: object) -> dict[str, ClientSettings]:
    hint = f'Such as {{"default": {{"BACKEND": "shop.backups.Client"}}}} in {SETTING}["{key}"].'
    if not isinstance(value, Mapping):
        raise InvalidSettings(key, f"must be a dict, not {_kind(value)}", hint)
    clients = {}
    for alias, client in value.items():
        if alias not in django_settings.DATABASES:
            known = _did_you_mean(alias, django_settings.DATABASES)
            raise InvalidSettings(key, f"names no database: {alias!r}", known or hint)
        if not isinstance(client, Mapping) or not set(client) <= {"BACKEND", "OPTIONS"}:
            raise InvalidSettings(key, f"of {alias!r} must hold BACKEND and OPTIONS alone", hint)
        backend, options = client.get("BACKEND"), client.get("OPTIONS", {})
        if not (backend is None or isinstance(backend, str)) or not isinstance(options, Mapping):
            raise InvalidSettings(key, f"of {alias!r} holds a value of a wrong type", hint)
        clients[alias] = ClientSettings(backend=backend, options=dict(options))
    return clients


@dataclass(frozen=True, slots=True)
class _Key:
    attribute: str
    default: object
    read: Callable[[str, object], object]


KEYS: dict[str, _Key] = {
    "REMOTE": _Key("remote", "", _remote),
    "RCLONE_BINARY": _Key("rclone_binary", None, _optional_path),
    "RCLONE_CONFIG": _Key("rclone_config", None, _config_file),
    "RCLONE_FLAGS": _Key("rclone_flags", (), _flags),
    "DB_BACKUP_DIR": _Key("db_backup_dir", "db", _folder),
    "DB_FILENAME_TEMPLATE": _Key("db_filename_template", "{database}-{datetime}.{ext}", _template),
    "DB_DATE_FORMAT": _Key("db_date_format", "%Y-%m-%d-%H%M%S", _date_format),
    "DB_CLEANUP_KEEP": _Key(
        "db_cleanup_keep", 10, _between(1, 1_000_000, "It counts backups kept per database.")
    ),
    "MEDIA_BACKUP_DIR": _Key("media_backup_dir", "media", _folder),
    "MEDIA_SOURCE": _Key("media_source", None, _media_source),
    "MEDIA_MAX_DELETE": _Key(
        "media_max_delete", 50, _between(0, 100, "It is a percentage of the stored files.")
    ),
    "ENVIRONMENT": _Key("environment", "", _environment),
    "COMPRESSION": _Key("compression", "zstd", _compression),
    "COMPRESSION_LEVEL": _Key(
        "compression_level", 1, _between(1, 19, "1 is fast, 19 is small and slow.")
    ),
    "SIGNING_KEY": _Key("signing_key", None, _signing_key),
    "SIGNING_KEY_FALLBACKS": _Key("signing_key_fallbacks", (), _signing_key_fallbacks),
    "CLIENTS": _Key("clients", {}, _clients),
}


def _read() -> tuple[Settings | None, list[InvalidSettings]]:
    raw = getattr(django_settings, SETTING, None)
    if not isinstance(raw, Mapping):
        what = "is not set" if raw is None else f"must be a dict, not {_kind(raw)}"
        hint = f'Add {SETTING} = {{"REMOTE": "name:path"}} to your settings.'
        return None, [InvalidSettings("", f"{SETTING} {what}", hint)]

    found = [_unknown(key) for key in raw if key not in KEYS]
    if "REMOTE" not in raw:
        hint = "Set it to 'name:path' of a configured rclone remote, or to an absolute folder."
        found.append(InvalidSettings("REMOTE", "is not set", hint))
    values: dict[str, Any] = {}
    for name, key in KEYS.items():
        if name == "REMOTE" and name not in raw:
            continue
        try:
            values[key.attribute] = key.read(name, raw.get(name, key.default))
        except InvalidSettings as error:
            found.append(error)
    found += _overlapping_folders(values)
    if found:
        return None, found
    if raw.get("SIGNING_KEY") is None:
        values["signing_key_fallbacks"] += tuple(django_settings.SECRET_KEY_FALLBACKS)
    return Settings(**values), []


def _unknown(key: object) -> InvalidSettings:
    hint = _did_you_mean(key, KEYS) or f"Known keys: {', '.join(KEYS)}."
    return InvalidSettings(str(key), "is not a known key", hint)


def _overlapping_folders(values: Mapping[str, Any]) -> list[InvalidSettings]:
    """A media mirror deletes what it does not know: it may never reach the database backups."""
    if "db_backup_dir" not in values or "media_backup_dir" not in values:
        return []
    database, media = (
        PurePosixPath(values[name].casefold()) for name in ("db_backup_dir", "media_backup_dir")
    )
    if database.is_relative_to(media) or media.is_relative_to(database):
        problem = f"overlaps DB_BACKUP_DIR ({values['db_backup_dir']!r})"
        hint = "Give media a folder of its own: neither may equal, contain or lie in the other."
        return [InvalidSettings("MEDIA_BACKUP_DIR", problem, hint)]
    return []


def _did_you_mean(word: object, known: Mapping[str, object]) -> str:
    close = get_close_matches(str(word), list(known), n=1)
    return f"Did you mean {close[0]!r}?" if close else ""


def _kind(value: object) -> str:
    return "an empty string" if value == "" else f"{type(value).__name__}"


def _has_control_characters(text: str) -> bool:
    return any(ord(character) < 32 or ord(character) == 127 for character in text)
