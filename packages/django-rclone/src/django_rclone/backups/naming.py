"""The names of dumps: built from a template, and read back with it."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, Protocol, Self
from urllib.parse import quote, unquote

from ..conf import Settings, database_aliases
from ..exceptions import BackupNotFound

SAFETY = "safety."
"""What the names of safety backups have between their token and their extension."""

# Two hosts may start in the same second.
_TOKEN = r"[0-9a-f]{8}"
_SAFETY = re.compile(rf"(?<![0-9A-Za-z]){_TOKEN}\.{re.escape(SAFETY)}")


class Identity(NamedTuple):
    """What the name of a backup says of it."""

    database: str | None
    """The alias of the database, if it is a backup of one."""
    latest: datetime
    """The latest date, in UTC, at which a backup may have got this name."""


class Names(Protocol):
    """How the backups in one folder are named."""

    def identify(self, name: str) -> Identity | None:
        """Return what ``name`` says, or ``None`` unless it is the name of a backup."""


@dataclass(frozen=True, slots=True)
class Naming:
    """Builds the names of dumps from a template, and reads them with the same template."""

    template: str
    date_format: str

    def name(self, alias: str, moment: datetime, token: str, extension: str) -> str:
        """Return the name of a new dump.

        It contains the date in UTC and the first eight characters of ``token``,
        which are hexadecimal and make it unique.
        """
        return self.template.format(
            database=_quoted(alias),
            datetime=moment.astimezone(UTC).strftime(self.date_format),
            ext=f"{token[:8]}.{extension}",
        )

    def parse_timestamp(
        self, alias: str, name: str, extensions: Collection[str] | None = None
    ) -> datetime | None:
        """Return the date in ``name``, in UTC, or ``None`` unless it is a dump of ``alias``.

        The whole name must match the template for this alias, so that ``app``,
        ``app2`` and ``app-eu`` are never mistaken for each other. With ``extensions`` it
        must end in one of them; without, what follows the token may be anything.
        """
        endings = None if extensions is None else tuple(extensions)
        match = _pattern(self.template, (alias,), endings).fullmatch(name)
        return self.read_date(match["datetime"]) if match else None

    def read_date(self, text: str) -> datetime | None:
        """Return the date that is written as ``text``, in UTC, or ``None`` if it is none."""
        try:
            moment = datetime.strptime(text, self.date_format)  # noqa: DTZ007
        except ValueError:
            return None
        # strptime() accepts more spellings than strftime() writes.
        if moment.strftime(self.date_format) != text:
            return None
        return moment.replace(tzinfo=UTC)

    def latest_possible(self, timestamp: datetime) -> datetime:
        """Return the latest date at which a dump may have got ``timestamp`` in its name.

        The date format may drop seconds, minutes or hours.
        """
        return timestamp + _precision(self.date_format)


@dataclass(frozen=True, slots=True)
class DatabaseNames:
    """The names of the dumps of all databases, as ``Names``."""

    naming: Naming
    aliases: tuple[str, ...]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the names that the settings make."""
        naming = Naming(settings.db_filename_template, settings.db_date_format)
        return cls(naming, database_aliases())

    def identify(self, name: str) -> Identity | None:
        match = _pattern(self.naming.template, self.aliases, None).fullmatch(name)
        if match is None:
            return None
        if timestamp := self.naming.read_date(match["datetime"]):
            return self._identity(unquote(match["database"]), timestamp)
        # As long as dates are left aside, the name may be that of several databases.
        for alias in self.aliases:
            if timestamp := self.naming.parse_timestamp(alias, name):
                return self._identity(alias, timestamp)
        return None

    def _identity(self, alias: str, timestamp: datetime) -> Identity:
        return Identity(alias, self.naming.latest_possible(timestamp))


def is_safety(name: str) -> bool:
    """Return whether a dump of this name was made of what a restore was about to replace."""
    return _SAFETY.search(name) is not None


def validate_name(name: str, folder: str) -> str:
    """Return the bare name of the dump that an operator asked for, by name or by path.

    Raises ``BackupNotFound`` for anything that cannot be the name of a file in ``folder``.
    """
    bare = name.removeprefix(f"{folder}/")
    if bare in ("", ".", "..") or "/" in bare or _is_odd(bare):
        raise BackupNotFound(
            f"{name!r} cannot be the name of a backup.",
            hint="`manage.py listbackups` shows the names.",
        )
    return bare


def validate_path(path: str) -> str:
    """Return the path of a file below the remote that an operator named.

    Raises ``BackupNotFound`` for anything that leads out of it, or cannot be a path.
    """
    if any(part in ("", ".", "..") for part in path.split("/")) or _is_odd(path):
        raise BackupNotFound(
            f"{path!r} cannot be the path of a file on the remote.",
            hint="`manage.py listbackups --foreign` shows the paths.",
        )
    return path


def _is_odd(name: str) -> bool:
    return "\\" in name or any(ord(one) < 32 or ord(one) == 127 for one in name)


@lru_cache(maxsize=4096)
def _pattern(
    template: str, aliases: tuple[str, ...], extensions: tuple[str, ...] | None
) -> re.Pattern[str]:
    """Return what matches the names of the dumps of these databases."""
    endings = r"\w+(?:\.\w+)*" if extensions is None else "|".join(map(re.escape, extensions))
    databases = "|".join(re.escape(_quoted(alias)) for alias in aliases)
    pattern = re.escape(template)
    for field, part in (
        ("database", f"(?P<database>{databases})"),
        ("datetime", "(?P<datetime>.+)"),
        ("ext", rf"{_TOKEN}\.(?:{endings})"),
    ):
        pattern = pattern.replace(re.escape(f"{{{field}}}"), part)
    return re.compile(pattern, re.ASCII)


@lru_cache(maxsize=64)
def _precision(date_format: str) -> timedelta:
    """Return the smallest step that dates in this format tell."""
    start = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)
    for step in (timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)):
        if (start + step).strftime(date_format) != start.strftime(date_format):
            return step
    return timedelta(days=1)


def _quoted(alias: str) -> str:
    """Keep letters, digits, ``_``, ``.``, ``-`` and ``~``: anything else may have a meaning
    to a shell, to rclone or to a template."""
    return quote(alias, safe="")
