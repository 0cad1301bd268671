"""What a backup is, and what it is called."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from ..exceptions import BackupNotFound
from .manifest import Manifest

# An operation's id makes names unique: two hosts may start in the same second.
_TOKEN = r"[0-9a-f]{8}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A stored dump, or the media mirror. A backup without a manifest is a stranger's."""

    path: str
    """Relative to the remote."""
    size: int
    """Bytes as the remote tells."""
    manifest: Manifest | None = None
    problem: str = ""
    """Why the backup is not to be trusted; empty when its manifest vouches for it."""
    alias: str | None = None
    """The database by the name of the dump, where the manifest cannot be trusted."""
    moment: datetime | None = None
    """When it was made, by the name of the dump."""

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def verified(self) -> bool:
        """Whether a valid manifest vouches for what is stored."""
        return not self.problem

    @property
    def created_at(self) -> datetime | None:
        """When it was made, by what is most to be trusted."""
        return self.moment or (self.manifest.created_at if self.manifest else None)

    @property
    def database(self) -> str | None:
        """The alias of the database, by what is most to be trusted."""
        return self.alias or (self.manifest.database if self.manifest else None)

    @property
    def environment(self) -> str:
        """Where it was made, by its manifest."""
        return self.manifest.environment if self.manifest else ""


@dataclass(frozen=True, slots=True)
class Naming:
    """Makes the names of dumps by a template, and reads them by the same template."""

    template: str
    date_format: str

    def name(self, alias: str, moment: datetime, operation_id: str, extension: str) -> str:
        """Return the name of a new dump; dates are in UTC."""
        return self.template.format(
            database=_quoted(alias),
            datetime=moment.astimezone(UTC).strftime(self.date_format),
            ext=f"{operation_id[:8]}.{extension}",
        )

    def moment(self, alias: str, name: str) -> datetime | None:
        """Return when the dump called ``name`` was made, or ``None`` if it is not of ``alias``.

        The whole name must be one that the template makes for this alias: the
        names of ``app``, ``app2`` and ``app-eu`` are never taken for each other.
        """
        pattern = re.escape(self.template)
        for field, part in (
            ("database", re.escape(_quoted(alias))),
            ("datetime", "(?P<datetime>.+)"),
            ("ext", rf"{_TOKEN}(?:\.\w+)+"),
        ):
            pattern = pattern.replace(re.escape(f"{{{field}}}"), part)
        match = re.fullmatch(pattern, name, re.ASCII)
        if match is None:
            return None
        try:
            moment = datetime.strptime(match["datetime"], self.date_format)  # noqa: DTZ007
        except ValueError:
            return None
        # strptime() takes more spellings than strftime() writes.
        if moment.strftime(self.date_format) != match["datetime"]:
            return None
        return moment.replace(tzinfo=UTC)

    def latest(self, moment: datetime) -> datetime:
        """Return the end of the time in which dumps get the same date in their names."""
        written = moment.strftime(self.date_format)
        steps = (timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1))
        for step in steps:
            if (moment + step).strftime(self.date_format) != written:
                return moment + step
        return moment + timedelta(days=1)


def checked_name(name: str, folder: str) -> str:
    """Return the bare name of the dump that an operator asked for, by name or by path.

    Raises ``BackupNotFound`` for what can be no name below ``folder``.
    """
    bare = name.removeprefix(f"{folder}/")
    if (
        bare in ("", ".", "..")
        or "/" in bare
        or "\\" in bare
        or any(ord(character) < 32 or ord(character) == 127 for character in bare)
    ):
        raise BackupNotFound(
            f"{name!r} cannot be the name of a backup.",
            hint="`manage.py listbackups` shows the names.",
        )
    return bare


def _quoted(alias: str) -> str:
    """Keep letters, digits, ``_``, ``.``, ``-`` and ``~``; the rest would mean something else
    to a shell, to rclone or to a template."""
    return quote(alias, safe="")
