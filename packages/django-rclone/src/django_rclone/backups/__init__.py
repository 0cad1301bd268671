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
    """What its manifest says of it; all that a listing keeps of one."""
    problem: str = ""
    """Why the backup is not verified; empty if it is."""
    alias: str | None = None
    """The database according to the file name, if the manifest cannot be trusted."""
    timestamp: datetime | None = None
    """The date according to the file name, if the manifest cannot be trusted."""

    def __post_init__(self) -> None:
        # Set once, since a long listing asks for each of them many times.
        if self.manifest:
            object.__setattr__(self, "facts", self.manifest.facts)

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
        return self.timestamp or (self.facts.created_at if self.facts else None)

    @property
    def database(self) -> str | None:
        """The alias of the database, or the media source, from the most trustworthy source there is."""
        return self.alias or (self.facts.database if self.facts else None)

    @property
    def environment(self) -> str:
        """The environment that the backup belongs to, according to its manifest."""
        return self.facts.environment if self.facts else ""

    @property
    def partial(self) -> bool:
        """Whether something is missing in it, according to its manifest."""
        return self.facts.partial if self.facts else False

    @property
    def safety(self) -> bool:
        """Whether it is of what a restore was about to replace: no rule counts it."""
        return is_safety(self.name)

    @property
    def signature(self) -> str:
        """The signature of its manifest, which no other has; empty if there is none."""
        return self.facts.signature if self.facts else ""
