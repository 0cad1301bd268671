"""The names of dumps: built from a template, and read back with it."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from ..exceptions import BackupNotFound

# An operation's id makes names unique: two hosts may start in the same second.
_TOKEN = r"[0-9a-f]{8}"


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

    def parse_timestamp(self, alias: str, name: str) -> datetime | None:
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

    def latest_possible(self, moment: datetime) -> datetime:
        """Return the end of the time in which dumps get the same date in their names."""
        written = moment.strftime(self.date_format)
        steps = (timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1))
        for step in steps:
            if (moment + step).strftime(self.date_format) != written:
                return moment + step
        return moment + timedelta(days=1)


def validate_name(name: str, folder: str) -> str:
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
