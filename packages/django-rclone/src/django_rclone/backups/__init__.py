"""What a backup is."""

from dataclasses import dataclass
from datetime import datetime

from .manifest import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A stored dump, or the index of a run of media files."""

    path: str
    """Relative to the remote."""
    size: int
    """Bytes, as the remote reports them."""
    manifest: Manifest | None = None
    """``None`` if there is none, or none that can be read."""
    problem: str = ""
    """Why the backup is not verified; empty if it is."""
    alias: str | None = None
    """The database according to the file name, if the manifest cannot be trusted."""
    timestamp: datetime | None = None
    """The date according to the file name, if the manifest cannot be trusted."""

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def verified(self) -> bool:
        """Whether a valid manifest describes the stored object."""
        return not self.problem

    @property
    def created_at(self) -> datetime | None:
        """The date, from the most trustworthy source there is."""
        return self.timestamp or (self.manifest.created_at if self.manifest else None)

    @property
    def database(self) -> str | None:
        """The alias of the database, or the media source, from the most trustworthy source there is."""
        return self.alias or (self.manifest.database if self.manifest else None)

    @property
    def environment(self) -> str:
        """The environment that the backup belongs to, according to its manifest."""
        return self.manifest.environment if self.manifest else ""
