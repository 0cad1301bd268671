"""The backups on the remote: reading all, those of one database, or one; committing one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from django.core.signing import Signer

from ..conf import Settings, load
from ..exceptions import BackupNotFound, RcloneError
from ..rclone import Remote, session
from . import Backup
from .manifest import MANIFEST_SUFFIX, Manifest, ManifestError, manifest_path, signer
from .naming import DatabaseNames, Names, validate_name


@dataclass(frozen=True, slots=True)
class Contents:
    """The contents of the backup folder at the time of listing."""

    backups: list[Backup]
    """Every backup that has a manifest, valid or not, newest first."""

    uncommitted: frozenset[str]
    """The paths of all files without a manifest; manifests themselves are among them."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """The backups in one folder of the remote."""

    remote: Remote
    settings: Settings
    folder: str
    """Relative to the remote."""
    names: Names
    """What the names of the backups say of those whose manifest cannot be trusted."""

    def read(self) -> Contents:
        """Return the contents of the backup folder. Takes two runs of rclone."""
        try:
            return self._read()
        except RcloneError as error:
            # A clean-up elsewhere may have deleted a manifest between the two runs.
            if not error.missing:
                raise
            return self._read()

    def _read(self) -> Contents:
        stored = {item.path: item.size for item in self.remote.list(self.folder)}
        # Manifests are read in one run, which does not say from which object each one comes.
        claims = _by_path(self.remote.read_all(self.folder, MANIFEST_SUFFIX) if stored else ())
        backups = [
            backup
            for path, size in stored.items()
            if (backup := self._backup(path, size, stored, claims.get(path, set())))
        ]
        newest_first = sorted(backups, key=_date_and_path, reverse=True)
        committed = frozenset(backup.path for backup in backups)
        return Contents(newest_first, uncommitted=frozenset(stored) - committed)

    def _backup(
        self, path: str, size: int, stored: Mapping[str, int], claims: set[bytes]
    ) -> Backup | None:
        """Return what is stored at ``path`` as a backup; ``None`` if it has no manifest.

        ``claims`` are all manifests in the folder that name ``path``. The one that counts
        is that in the object named after ``path``: if the listing leaves a doubt about
        which it is, it is asked for by its name.
        """
        # A run that was killed while writing the manifest leaves an empty one.
        listed = stored.get(manifest_path(path))
        if not claims:
            if not listed:
                return None
            problem = "its manifest cannot be read, or belongs to another backup"
            backup = Backup(path=path, size=size, problem=problem)
        elif len(claims) == 1 and listed == len(data := next(iter(claims))):
            backup = read_backup(path, size, data, self._signer())
        else:
            own = self.remote.read(manifest_path(path))
            if own is None:
                return None
            backup = read_backup(path, size, own, self._signer())
        return backup if backup.verified else self._identify_by_filename(backup)

    def _identify_by_filename(self, backup: Backup) -> Backup:
        """Take the database and the date from the file name: the manifest may be forged."""
        if (named := self.names.identify(backup.name)) is None:
            return backup
        # It must not appear older than it is.
        latest = max(named.latest, backup.created_at or named.latest)
        return replace(backup, alias=named.database, timestamp=latest)

    def for_database(self, alias: str) -> list[Backup]:
        """Return the backups of one database, newest first."""
        return [backup for backup in self.read().backups if backup.database == alias]

    def get(self, name: str) -> Backup:
        """Return the backup with this name or path, even if it is not verified.

        Raises ``BackupNotFound``.
        """
        path = f"{self.folder}/{validate_name(name, self.folder)}"
        size = None if path.endswith(MANIFEST_SUFFIX) else self.remote.size(path)
        if size is None:
            hint = "`manage.py listbackups` shows the backups."
            raise BackupNotFound(f"There is no backup {path} on the remote.", hint=hint)
        return read_backup(path, size, self.remote.read(manifest_path(path)), self._signer())

    def has_manifest(self, path: str) -> bool:
        """Return whether there is a manifest of ``path``, empty ones aside, asked for by name."""
        return self.remote.read(manifest_path(path)) is not None

    def _signer(self) -> Signer:
        return signer(self.settings.signing_key, self.settings.signing_key_fallbacks)


def database_catalog(remote: Remote, settings: Settings) -> Catalog:
    """Return the catalog of the database backups."""
    names = DatabaseNames.of(settings)
    return Catalog(remote, settings, folder=settings.db_backup_dir, names=names)


@session()
def list_backups(alias: str | None = None) -> list[Backup]:
    """Return the backups of one database, or those of all, newest first.

    Raises ``InvalidSettings`` or ``RcloneError``.
    """
    settings = load()
    catalog = database_catalog(Remote(settings), settings)
    return catalog.read().backups if alias is None else catalog.for_database(alias)


def read_backup(path: str, size: int, data: bytes | None, signer: Signer) -> Backup:
    """Return the object of ``size`` bytes at ``path`` as a backup.

    ``data`` is its stored manifest, or ``None`` if there is none.
    """
    if data is None:
        return Backup(path=path, size=size, problem="it has no manifest")
    try:
        manifest = Manifest.from_bytes(data)
    except ManifestError as error:
        return Backup(path=path, size=size, problem=f"its manifest cannot be read: {error}")
    return _verify(path, size, manifest, signer)


def commit_manifest(remote: Remote, manifest: Manifest) -> None:
    """Store a manifest, which makes what it describes a backup, and read it back.

    Raises ``RcloneError`` if it cannot be stored, or not as it was written.
    """
    path, data = manifest_path(manifest.path), manifest.to_bytes()
    remote.write(path, data)
    if remote.read(path) != data:
        raise RcloneError("The manifest could not be read back as it was written.")


def _verify(path: str, size: int, manifest: Manifest, signer: Signer) -> Backup:
    if not manifest.is_signed_by(signer):
        problem = "its manifest was altered, or signed with another key"
    elif manifest.path != path:
        problem = f"its manifest is that of {manifest.path}"
    elif manifest.unfinished:
        problem = "its last run did not finish"
    elif manifest.size != size:
        problem = f"it has {size:,} bytes, its manifest says {manifest.size:,}"
    else:
        problem = ""
    return Backup(path=path, size=size, manifest=manifest, problem=problem)


def _by_path(manifests: Iterable[bytes]) -> dict[str, set[bytes]]:
    """Return the readable manifests by the path of the dump that each one names."""
    found: dict[str, set[bytes]] = {}
    for line in manifests:
        data = line + b"\n"  # as it is stored
        try:
            manifest = Manifest.from_bytes(data)
        except ManifestError:
            continue
        found.setdefault(manifest.path, set()).add(data)
    return found


def _date_and_path(backup: Backup) -> tuple[datetime, str]:
    return (backup.created_at or datetime.min.replace(tzinfo=UTC), backup.path)
