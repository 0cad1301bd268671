"""The settings, read in one place into a typed object.

Nothing else in the package reads ``django.conf.settings``.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from django.conf import settings as django_settings

from ..exceptions import InvalidSettings, NotConfigured
from . import clients, limits, rclone_flags, rehearsals, retention, signing, validators
from .clients import ClientSettings as ClientSettings
from .known_secrets import secret_key
from .known_secrets import secrets as secrets
from .media_sources import MediaSource, media_sources
from .proposal import SETTING as SETTING
from .proposal import configured as configured
from .proposal import proposed as proposed
from .remotes import ConfiguredRemote, relative_place, remotes
from .retention import Policy

LOCK_DIR = "locks"
"""The folder for locks, below the remote."""

SITE_DIR = "sites"
"""The folder for the records of site backups, below the remote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``DJANGO_RCLONE``, complete and validated."""

    remote: str
    remotes: tuple[ConfiguredRemote, ...]
    """The remotes that are configured here, and not in a file of rclone's own."""
    rclone_binary: str | None
    rclone_config: str | None
    rclone_flags: tuple[str, ...]
    stall_timeout: float | None
    """Seconds that rclone may spend without any progress; ``None`` for no limit."""
    dump_stall_timeout: float | None
    """The same for the program that dumps a database."""
    retries: int
    """How many times a small request to the remote is retried."""
    db_backup_dir: str
    db_filename_template: str
    db_date_format: str
    db_cleanup_keep: int
    retention: Policy | None
    """What a clean-up keeps; ``None`` for the newest ``db_cleanup_keep``."""
    safety_backup: timedelta | None
    """How long the backup is kept that a restore makes of what it replaces; ``None`` for none."""
    media_backup_dir: str
    media_sources: tuple[MediaSource, ...]
    media_cleanup_keep: int
    media_max_delete: int
    """Percent of the files that may be gone since the last run, or be deleted by a restore."""
    media_cache_dir: str | None
    """Where hashes of media files are remembered; ``None`` for the user's cache folder."""
    environment: str
    compression: str | None
    compression_level: int
    signing_key: str = field(repr=False)
    signing_key_fallbacks: tuple[str, ...] = field(repr=False)
    signs_with_secret_key: bool
    """Whether ``SIGNING_KEY`` is not set."""
    clients: Mapping[str, ClientSettings]
    rehearsal: Mapping[str, str]
    """The databases to rehearse in, by the alias whose backups they are for."""
    rehearsal_checks: tuple[str, ...]
    """The dotted paths of the site's own checks of a rehearsed backup."""
    check: limits.CheckLimits

    @property
    def names_media_sources(self) -> bool:
        """Whether ``MEDIA_SOURCES`` says more than its default does."""
        key = KEYS["MEDIA_SOURCES"]
        return self.media_sources != key.validate("MEDIA_SOURCES", key.default)


def load() -> Settings:
    """Read the settings.

    Raises ``InvalidSettings``, which names the key and the fix, for the first problem.
    """
    settings, problems = _read()
    if settings is None:
        raise problems[0]
    return settings


def problems() -> list[InvalidSettings]:
    """Return all problems with the settings."""
    return _read()[1]


def database_aliases() -> tuple[str, ...]:
    """Return the aliases of ``DATABASES`` that name an engine."""
    return tuple(
        alias
        for alias, database in django_settings.DATABASES.items()
        if database.get("ENGINE", "") not in ("", "django.db.backends.dummy")
    )


class _Key(NamedTuple):
    default: object
    validate: Callable[[str, object], object]


_retries = validators.integer_between(0, 10, "It counts further tries of small requests.")
_keep = validators.integer_between(1, 1_000_000, "It counts the backups that are kept.")
_percent = validators.integer_between(0, 100, "It is a percentage of the files.")
_level = validators.integer_between(1, 19, "1 is fast, 19 is small and slow.")

KEYS: dict[str, _Key] = {
    "REMOTE": _Key("", validators.remote),
    "REMOTES": _Key({}, remotes),
    "RCLONE_BINARY": _Key(None, validators.optional_path),
    "RCLONE_CONFIG": _Key(None, validators.config_file),
    "RCLONE_FLAGS": _Key((), rclone_flags.flags),
    "STALL_TIMEOUT": _Key(300, validators.seconds),
    "DUMP_STALL_TIMEOUT": _Key(None, validators.seconds),
    "RETRIES": _Key(3, _retries),
    "DB_BACKUP_DIR": _Key("db", validators.folder),
    "DB_FILENAME_TEMPLATE": _Key("{database}-{datetime}.{ext}", validators.template),
    "DB_DATE_FORMAT": _Key("%Y-%m-%d-%H%M%S", validators.date_format),
    "DB_CLEANUP_KEEP": _Key(10, _keep),
    "RETENTION": _Key(None, retention.policy),
    "SAFETY_BACKUP": _Key("7d", limits.optional_span),
    "MEDIA_BACKUP_DIR": _Key("media", validators.folder),
    "MEDIA_SOURCES": _Key({"media": {}}, media_sources),
    "MEDIA_CLEANUP_KEEP": _Key(10, _keep),
    "MEDIA_MAX_DELETE": _Key(50, _percent),
    "MEDIA_CACHE_DIR": _Key(None, validators.cache_folder),
    "ENVIRONMENT": _Key("", validators.environment),
    "COMPRESSION": _Key("zstd", validators.compression),
    "COMPRESSION_LEVEL": _Key(1, _level),
    "SIGNING_KEY": _Key(None, signing.signing_key),
    "SIGNING_KEY_FALLBACKS": _Key((), signing.signing_key_fallbacks),
    "CLIENTS": _Key({}, clients.clients),
    "REHEARSAL": _Key({}, rehearsals.databases),
    "REHEARSAL_CHECKS": _Key((), rehearsals.dotted_paths),
    "CHECK": _Key({}, limits.check_limits),
}
"""Every key of ``DJANGO_RCLONE``; in lower case it is the field of ``Settings``."""


_BEGINNING = (
    "`manage.py backupsetup` asks where backups should go, tries it, and prints the settings. For a "
    f'first try, a folder will do: {SETTING} = {{"REMOTE": "/srv/backups"}}.'
)


def _read() -> tuple[Settings | None, list[InvalidSettings]]:
    raw = configured()
    if not isinstance(raw, Mapping):
        if raw is None:
            return None, [NotConfigured("", f"{SETTING} is not set", _BEGINNING)]
        problem = f"{SETTING} must be a dict, not {validators.type_name(raw)}"
        return None, [InvalidSettings("", problem, _BEGINNING)]

    found = [_unknown(key) for key in raw if key not in KEYS]
    if "REMOTE" not in raw:
        found.append(NotConfigured("REMOTE", "is not set", _BEGINNING))
    values: dict[str, Any] = {}
    for name, key in KEYS.items():
        if name == "REMOTE" and name not in raw:
            continue
        try:
            values[name.lower()] = key.validate(name, raw.get(name, key.default))
        except InvalidSettings as error:
            found.append(error)
    found += _overlapping_folders(values)
    found += _relative_folders(values)
    if "signing_key" in values and not (values["signing_key"] or secret_key()):
        problem = "is not set, and SECRET_KEY is empty"
        found.append(InvalidSettings("SIGNING_KEY", problem, "Set one of them."))
    if found:
        return None, found
    values["signs_with_secret_key"] = values["signing_key"] is None
    if values["signs_with_secret_key"]:
        values["signing_key"] = secret_key()
        values["signing_key_fallbacks"] += tuple(django_settings.SECRET_KEY_FALLBACKS)
    return Settings(**values), []


def _unknown(key: object) -> InvalidSettings:
    hint = validators.did_you_mean(key, KEYS) or f"Known keys: {', '.join(KEYS)}."
    return InvalidSettings(str(key), "is not a known key", hint)


def _relative_folders(values: Mapping[str, Any]) -> Iterator[InvalidSettings]:
    places = [("REMOTE", values.get("remote", ""))]
    places += [("MEDIA_SOURCES", source.remote) for source in values.get("media_sources", ())]
    for key, place in places:
        if relative_place(place, values.get("remotes", ())):
            problem = f"has a relative folder ({place!r}), which cron would resolve elsewhere"
            yield InvalidSettings(key, problem, "Write an absolute one: 'name:/srv/backups'.")


def _overlapping_folders(values: Mapping[str, Any]) -> list[InvalidSettings]:
    """A clean-up of either must never see what the other stored."""
    if "db_backup_dir" not in values or "media_backup_dir" not in values:
        return []
    database, media = (
        PurePosixPath(values[name].casefold()) for name in ("db_backup_dir", "media_backup_dir")
    )
    for key, folder in (("DB_BACKUP_DIR", database), ("MEDIA_BACKUP_DIR", media)):
        for name, what in ((LOCK_DIR, "locks"), (SITE_DIR, "site backups")):
            if folder.parts[0] == name:
                problem = f"is the folder of {what} ({name!r}), or a folder in it"
                return [InvalidSettings(key, problem, "Choose another name.")]
    if database.is_relative_to(media) or media.is_relative_to(database):
        problem = f"overlaps DB_BACKUP_DIR ({values['db_backup_dir']!r})"
        hint = "Choose a separate folder for media: neither folder may contain the other."
        return [InvalidSettings("MEDIA_BACKUP_DIR", problem, hint)]
    return []
