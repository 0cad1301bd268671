"""What a backup is."""

from dataclasses import dataclass
from datetime import datetime

from .manifest import Facts, Manifest
from .naming import is_safety


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A stored dump, or the index of a run of media files."""

    path: str
    """Relative to the remote."""
    size: int
    """Bytes, as the remote reports them."""
    manifest: Manifest | None = None
    """``None`` if there is none that can be read; of databases, it is not kept in listings."""
    facts: Facts | None = None
    """What a listing keeps of the manifest instead."""
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
        return self.timestamp or (self._said.created_at if self._said else None)

    @property
    def database(self) -> str | None:
        """The alias of the database, or the media source, from the most trustworthy source there is."""
        return self.alias or (self._said.database if self._said else None)

    @property
    def environment(self) -> str:
        """The environment that the backup belongs to, according to its manifest."""
        return self._said.environment if self._said else ""

    @property
    def partial(self) -> bool:
        """Whether something is missing in it, according to its manifest."""
        return self._said.partial if self._said else False

    @property
    def safety(self) -> bool:
        """Whether it is of what a restore was about to replace: no rule counts it."""
        return is_safety(self.name)

    @property
    def signature(self) -> str:
        """The signature of its manifest, which no other has; empty if there is none."""
        return self._said.signature if self._said else ""

    @property
    def _said(self) -> Facts | None:
        return self.manifest.facts if self.manifest else self.facts
