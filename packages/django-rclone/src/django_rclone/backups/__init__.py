"""What a backup is."""

from dataclasses import dataclass
from datetime import datetime

from .manifest import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A stored dump, or the media mirror."""

    path: str
    """Relative to the remote."""
    size: int
    """Bytes, as the remote reports them."""
    problem: str = ""
    """Why the backup is not verified; empty if it is."""
    created_at: datetime | None = None
    """From the manifest. If that cannot be trusted: the latest date that the name allows."""
    database: str | None = None
    """The alias, from the manifest or, if that cannot be trusted, from the name."""
    environment: str = ""
    """The environment that the backup belongs to, according to its manifest."""
    partial: bool = False
    """Whether options excluded tables or rows, according to its manifest."""
    manifest: Manifest | None = None
    """Only of a backup that was asked for by its name, if it has one that can be read."""

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def verified(self) -> bool:
        """Whether a valid manifest describes the stored object."""
        return not self.problem
