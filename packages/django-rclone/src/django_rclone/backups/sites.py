"""Site backups: which backups of databases and which media runs belong together.

The record of one is a small signed object, ``sites/<name>.json``. It is written last: a site
backup exists when its record does. It names its parts with the signatures of their
manifests, so that none can be passed off as another. Next to each part is a mark, ``<path>.site``,
with the name of the site backup: no clean-up deletes what has one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

from django.core.signing import Signer

from ..conf import SITE_DIR, Settings
from ..exceptions import BackupNotFound
from ..rclone import Remote
from ..rclone.decoding import json_object, typed_fields
from .naming import Naming, validate_name
from .signing import Signed, signer_for

VERSION = 1
DATABASE = "database"
MEDIA = "media"
EXTENSION = "json"
MARK_SUFFIX = ".site"

_NAMING = Naming("{database}-{datetime}.{ext}", "%Y-%m-%d-%H%M%S")
_SUFFIX = f".{EXTENSION}"
_SALT = "django_rclone.backups.site"


class Part(NamedTuple):
    """A backup that belongs to a site backup."""

    kind: str
    """``"database"`` or ``"media"``."""
    of: str
    """The alias of the database, or the name of the source."""
    path: str
    """Relative to the remote."""
    manifest: str
    """The signature of its manifest."""

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    def __str__(self) -> str:
        return f"database {self.of!r}" if self.kind == DATABASE else f"media files of {self.of!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts(Signed):
    version: int = VERSION
    name: str
    created_at: datetime
    """When it started, before its first part; aware, in UTC."""
    environment: str
    size: int
    """Bytes of all parts as stored; of media those of all files."""
    partial: bool
    """Whether something is missing in one of the parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRecord(_Facts):
    """What makes a site backup. The annotations are the types that are read."""

    parts: tuple[Part, ...]
    """Those of databases first."""

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a stored record. Raises ``ValueError`` for anything else."""
        values = json_object(data)
        facts = typed_fields(_Facts, values)
        if facts["version"] != VERSION:
            raise ValueError(f"its version is {facts['version']}, this release reads {VERSION}")
        return cls(**facts, parts=_parts(values.get("parts")))

    def of_kind(self, kind: str) -> list[Part]:
        """Return the parts of one kind."""
        return [part for part in self.parts if part.kind == kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteBackup:
    """A record on the remote, and what is known of it."""

    name: str
    record: SiteRecord | None
    """``None`` if it cannot be read."""
    problem: str = ""
    """Why it is not verified; empty if it is."""

    @property
    def path(self) -> str:
        """Where its record is, relative to the remote."""
        return record_path(self.name)


def new_name(moment: datetime, token: str) -> str:
    """Return the name of a new site backup."""
    return _NAMING.name("site", moment, token, EXTENSION).removesuffix(_SUFFIX)


def record_path(name: str) -> str:
    """Return where the record of a site backup is stored."""
    return f"{SITE_DIR}/{name}{_SUFFIX}"


def mark_path(path: str) -> str:
    """Return where the mark of the part at ``path`` is stored."""
    return path + MARK_SUFFIX


def date_of(name: str) -> datetime | None:
    """Return the date in the name of a site backup, in UTC."""
    return _NAMING.parse_timestamp("site", f"{name}{_SUFFIX}", [EXTENSION])


def site_signer(settings: Settings) -> Signer:
    """Return the signer of records."""
    return signer_for(_SALT, settings.signing_key, settings.signing_key_fallbacks)


def read_sites(remote: Remote, settings: Settings) -> list[SiteBackup]:
    """Return all site backups, newest first. Raises ``RcloneError``."""
    paths = [
        item.path
        for item in remote.list(SITE_DIR)
        # A run that was killed while writing the record leaves an empty one.
        if item.path.endswith(_SUFFIX) and item.size
    ]
    sites = [site for path in paths if (site := _read(remote, _name(path), settings))]
    return sorted(sites, key=_date_and_name, reverse=True)


def get_site(remote: Remote, name: str, settings: Settings) -> SiteBackup:
    """Return a site backup by its name, verified or not. Raises ``BackupNotFound``."""
    bare = validate_name(name, SITE_DIR).removesuffix(_SUFFIX)
    site = _read(remote, bare, settings)
    if site is None:
        raise BackupNotFound(
            f"There is no site backup {bare} on the remote.",
            hint="`manage.py listbackups --site` shows the site backups.",
        )
    return site


def commit_site(remote: Remote, record: SiteRecord) -> None:
    """Store a record, which makes its parts a site backup, and read it back.

    Raises ``RcloneError`` if it cannot be stored, or not as it was written.
    """
    path = record_path(record.name)
    try:
        remote.write_and_read_back(path, record.to_bytes(), "record")
    except BaseException:
        remote.try_delete(path)
        raise


def _read(remote: Remote, name: str, settings: Settings) -> SiteBackup | None:
    data = remote.read(record_path(name))
    if data is None:
        return None
    try:
        record = SiteRecord.from_bytes(data)
    except ValueError as error:
        return SiteBackup(name=name, record=None, problem=f"its record cannot be read: {error}")
    problem = ""
    if not record.is_signed_by(site_signer(settings)):
        problem = "its record was altered, or signed with another key"
    elif record.name != name:
        problem = f"its record is that of {record.name}"
    return SiteBackup(name=name, record=record, problem=problem)


def _parts(value: Any) -> tuple[Part, ...]:
    """Return the parts in a decoded record. Raises ``ValueError``."""
    if not isinstance(value, list) or not value:
        raise ValueError("its field 'parts' is missing or has the wrong type")
    return tuple(_part(row) for row in value)


def _part(row: Any) -> Part:
    fields: Sequence[Any] = row if isinstance(row, list) else ()
    if len(fields) != len(Part._fields) or not all(isinstance(one, str) for one in fields):
        raise ValueError("one of its parts is none")
    part = Part(*fields)
    if part.kind not in (DATABASE, MEDIA):
        raise ValueError(f"one of its parts is of kind {part.kind[:20]!r}")
    return part


def _name(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(_SUFFIX)


def _date_and_name(site: SiteBackup) -> tuple[datetime, str]:
    # One that cannot be read is dated by its name, to the second.
    if site.record and not site.problem:
        return site.record.created_at, site.name
    return date_of(site.name) or datetime.min.replace(tzinfo=UTC), site.name


def names_of(parts: Sequence[Part]) -> Iterator[str]:
    """Yield each part in words, with its path."""
    for part in parts:
        yield f"{part}: {part.path}"
