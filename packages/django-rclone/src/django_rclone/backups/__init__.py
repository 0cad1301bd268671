"""What a backup is."""

from dataclasses import dataclass
from datetime import datetime

from .manifest import Manifest


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
    timestamp: datetime | None = None
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
        return self.timestamp or (self.manifest.created_at if self.manifest else None)

    @property
    def database(self) -> str | None:
        """The alias of the database, by what is most to be trusted."""
        return self.alias or (self.manifest.database if self.manifest else None)

    @property
    def environment(self) -> str:
        """Where it was made, by its manifest."""
        return self.manifest.environment if self.manifest else ""
