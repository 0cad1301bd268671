"""The backups on the remote: reading all, those of one database, or one; committing one."""

from dataclasses import dataclass

from ..conf import Settings
from ..exceptions import BackupNotFound
from ..rclone import Remote
from . import Backup
from .contents import Contents
from .manifest import MANIFEST_SUFFIX, Manifest, manifest_path, signer
from .manifests import Manifests
from .naming import DatabaseNames, Names, validate_name
from .pins import Pinned, pin_path, read_pin
from .sites import mark_path
from .verification import read_backup


@dataclass(frozen=True, slots=True)
class Catalog:
    """The backups in one folder of the remote."""

    remote: Remote
    settings: Settings
    folder: str
    """Relative to the remote."""
    names: Names
    """What the names of the backups say of those whose manifest cannot be trusted."""
    whole: bool = True
    """Whether listed backups have their manifests, not only the facts in them."""
    listing: str = "listbackups"
    """The command that shows them."""

    def read(self) -> Contents:
        """Return the contents of the folder. Takes one request, and more when they are asked."""
        stored = {item.path: item for item in self.remote.list(self.folder)}
        manifests = Manifests(self.remote, self.settings, self.folder, stored, whole=self.whole)
        return Contents(stored, self.names, manifests)

    def for_database(self, database: str | None) -> list[Backup]:
        """Return the backups of one database, newest first."""
        return [backup for backup in self.read().backups if backup.database == database]

    def get(self, name: str) -> Backup:
        """Return the backup with this name or path, even if it is not verified.

        Raises ``BackupNotFound``.
        """
        path = f"{self.folder}/{validate_name(name, self.folder)}"
        size = None if path.endswith(MANIFEST_SUFFIX) else self.remote.size(path)
        if size is None:
            hint = f"`manage.py {self.listing}` shows the backups."
            raise BackupNotFound(f"There is no backup {path} on the remote.", hint=hint)
        manifest = self.remote.read(manifest_path(path))
        key = signer(self.settings.signing_key, self.settings.signing_key_fallbacks)
        return read_backup(path, size, manifest, key)

    def has_manifest(self, path: str) -> bool:
        """Return whether there is a manifest of ``path``, empty ones aside, asked for by name."""
        return self.remote.read(manifest_path(path)) is not None

    def pin_of(self, path: str) -> Pinned | None:
        """Return the pin of ``path``, valid or not, asked for by name; ``None`` if it has none."""
        if self.remote.size(pin_path(path)) is None:
            return None
        return read_pin(self.remote.read(pin_path(path)), path, self.settings)

    def has_site(self, path: str) -> bool:
        """Return whether the backup at ``path`` is part of a site backup, asked for by name."""
        return self.remote.size(mark_path(path)) is not None


def database_catalog(remote: Remote, settings: Settings) -> Catalog:
    """Return the catalog of the database backups."""
    names = DatabaseNames.of(settings)
    # The manifests of databases hold names of migrations and objects, megabytes of them.
    return Catalog(remote, settings, folder=settings.db_backup_dir, names=names, whole=False)


def commit_manifest(remote: Remote, manifest: Manifest) -> None:
    """Store a manifest, which makes what it describes a backup, and read it back.

    Raises ``RcloneError`` if it cannot be stored, or not as it was written.
    """
    remote.write_and_read_back(manifest_path(manifest.path), manifest.to_bytes(), "manifest")
