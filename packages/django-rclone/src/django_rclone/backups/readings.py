"""The record of a reading of a media run: which parts of its content were read, and when.

Contents are read in the order of their hashes, all or a share at a time. A share goes on
where the last one ended, so that all is read in turns.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import NamedTuple, Self

from .rehearsal import Rehearsal

END = 1 << 16
"""A hash is at the place that its first two bytes say, below this."""

_TEXT = re.compile(r"([0-9a-f]{4})-([0-9a-f]{5}) (\S+)")


class Part(NamedTuple):
    """A part of the content that was read: from a place on, up to another."""

    start: int
    end: int
    read_at: datetime

    def __str__(self) -> str:
        return f"{self.start:04x}-{self.end:05x} {self.read_at.astimezone(UTC).isoformat()}"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read what ``str()`` returned. Raises ``ValueError`` for anything else."""
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError("a part is not one")
        start, end, read_at = int(match[1], 16), int(match[2], 16), datetime.fromisoformat(match[3])
        if not start < end <= END or read_at.tzinfo is None:
            raise ValueError("a part is not one")
        return cls(start, end, read_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(Rehearsal):
    """What was found when content of a run was read. The annotations are the types that are read."""

    parts: tuple[str, ...]
    """What was read so far, by this reading and those before it, as text, in order."""

    @property
    def known_parts(self) -> list[Part]:
        """The parts; none if they cannot be read."""
        try:
            return [Part.from_text(text) for text in self.parts]
        except ValueError:
            return []

    @property
    def proven_at(self) -> datetime | None:
        """The date since which all content was read; ``None`` if some was not, or was wrong."""
        parts = self.known_parts
        return min(part.read_at for part in parts) if self.passed and covers_all(parts) else None


def next_share(parts: Sequence[Part], share: Fraction) -> tuple[int, int]:
    """Return from where to where the next share goes: on from where the last one ended."""
    last = max(parts, key=lambda part: (part.read_at, part.end), default=None)
    start = last.end % END if last and share < 1 else 0
    return start, min(start + math.ceil(END * share), END)


def with_part(parts: Sequence[Part], new: Part) -> list[Part]:
    """Return parts with a new one, in order; what it covers of the others is dropped."""
    kept = [
        piece
        for part in parts
        for piece in (
            part._replace(end=min(part.end, new.start)),
            part._replace(start=max(part.start, new.end)),
        )
        if piece.start < piece.end
    ]
    return sorted([*kept, new])


def covers_all(parts: Sequence[Part]) -> bool:
    """Return whether parts, in order, leave nothing out."""
    reached = 0
    for part in parts:
        if part.start > reached:
            return False
        reached = max(reached, part.end)
    return reached >= END
