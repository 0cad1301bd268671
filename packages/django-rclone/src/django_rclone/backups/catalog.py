"""Reading what the remote holds: list, newest, by name."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from django.core.signing import Signer

from ..conf import Settings, database_aliases, load
from ..exceptions import BackupNotFound, RcloneError
from ..rclone import NOT_FOUND, Remote
from . import Backup
from .manifest import SUFFIX, Manifest, ManifestError, manifest_path, signer
from .naming import Naming, validate_name

NO_MANIFEST = "it has no manifest"


@dataclass(frozen=True, slots=True)
class Contents:
    """What lay in the folder of backups when it was listed."""

    backups: list[Backup]
    """Every backup that has a manifest, sound or not, newest first."""

    uncommitted: frozenset[str]
    """The paths of all for which no manifest vouches; manifests themselves are among them."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """The database backups on the remote."""

    remote: Remote
    settings: Settings

    def read(self) -> Contents:
        """Return what the folder of backups holds. Two runs of rclone."""
        try:
            return self._read()
        except RcloneError as error:
            # A clean-up elsewhere may have taken a manifest away between the two runs.
            if error.returncode not in NOT_FOUND:
                raise
            return self._read()

    def _read(self) -> Contents:
        folder = self.settings.db_backup_dir
        stored = {item.path: item.size for item in self.remote.list(folder)}
        # An empty manifest is what is left of a run that was killed while writing it.
        with_manifest = [path for path in stored if stored.get(manifest_path(path))]
        manifests = _by_path(self.remote.read_all(folder, SUFFIX)) if with_manifest else {}
        found = [self._verified(path, stored[path], manifests.get(path)) for path in with_manifest]
        newest_first = sorted(found, key=_moment_and_path, reverse=True)
        return Contents(newest_first, uncommitted=frozenset(stored) - frozenset(with_manifest))

    def _verified(self, path: str, size: int, manifest: Manifest | None) -> Backup:
        if manifest is None:
            problem = "its manifest cannot be read, or is that of another backup"
            backup = Backup(path=path, size=size, problem=problem)
        else:
            backup = verify(path, size, manifest, self._signer())
        return backup if backup.verified else self._identify_by_filename(backup)

    def _identify_by_filename(self, backup: Backup) -> Backup:
        """Tell a doubtful backup's database and date by its name: its manifest may lie."""
        naming = Naming(self.settings.db_filename_template, self.settings.db_date_format)
        for alias in database_aliases():
            if moment := naming.parse_timestamp(alias, backup.name):
                # As late as may be: it must not be taken for older than it is.
                late = max(naming.latest_possible(moment), backup.created_at or moment)
                return replace(backup, alias=alias, timestamp=late)
        return backup

    def for_database(self, alias: str) -> list[Backup]:
        """Return the backups of one database, newest first."""
        return [backup for backup in self.read().backups if backup.database == alias]

    def get(self, name: str) -> Backup:
        """Return the backup of that name, or of that path.

        One without a manifest is returned too, with its problem told.
        Raises ``BackupNotFound``.
        """
        folder = self.settings.db_backup_dir
        path = f"{folder}/{validate_name(name, folder)}"
        size = None if path.endswith(SUFFIX) else self.remote.size(path)
        if size is None:
            hint = "`manage.py listbackups` shows what there is."
            raise BackupNotFound(f"There is no backup {path} on the remote.", hint=hint)
        data = self.remote.read(manifest_path(path))
        if data is None:
            return Backup(path=path, size=size, problem=NO_MANIFEST)
        try:
            manifest = Manifest.from_bytes(data)
        except ManifestError as error:
            return Backup(path=path, size=size, problem=f"its manifest cannot be read: {error}")
        return verify(path, size, manifest, self._signer())

    def _signer(self) -> Signer:
        return signer(self.settings.signing_key, self.settings.signing_key_fallbacks)


def list_backups(alias: str | None = None) -> list[Backup]:
    """Return the backups of one database, or of all, newest first.

    Raises ``InvalidSettings`` or ``RcloneError``.
    """
    settings = load()
    catalog = Catalog(Remote(settings), settings)
    return catalog.read().backups if alias is None else catalog.for_database(alias)


def verify(path: str, size: int, manifest: Manifest, signer: Signer) -> Backup:
    """Return the backup at ``path`` with what its manifest proves, or fails to prove."""
    if not manifest.is_signed_by(signer):
        problem = "its manifest is altered, or signed with another key"
    elif manifest.path != path:
        problem = f"its manifest is that of {manifest.path}"
    elif manifest.size != size:
        problem = f"it has {size:,} bytes, its manifest says {manifest.size:,}"
    else:
        problem = ""
    return Backup(path=path, size=size, manifest=manifest, problem=problem)


def _by_path(manifests: Iterable[bytes]) -> dict[str, Manifest]:
    """Manifests name their dumps."""
    found = {}
    for data in manifests:
        try:
            manifest = Manifest.from_bytes(data)
        except ManifestError:
            continue
        found[manifest.path] = manifest
    return found


def _moment_and_path(backup: Backup) -> tuple[datetime, str]:
    return (backup.created_at or datetime.min.replace(tzinfo=UTC), backup.path)
