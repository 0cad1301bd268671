"""What a database holds: the objects of every kind, and the rows of its tables.

A backup's manifest contains the inventory of its dump. A restore compares it with
what came back, before that becomes live.
"""

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

from ..console import counted
from ..exceptions import ClientError

_SHOWN = 10  # differences
_TEXT_LIMIT = 64 << 20  # bytes of a decompressed inventory: some 500,000 objects


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of object that a dump of a vendor's database holds.

    A client derives from it to say how the kind is found, dropped and made. The table of
    kinds in the documentation of an engine consists of these fields.
    """

    name: str
    """In the singular, lower case, as the vendor's manual calls it."""
    comes_back: str = "exactly"
    """Whether a restore brings it back: ``"exactly"``, ``"not dumped"``, or what differs."""
    needs: str = ""
    """What the role needs for it, or another condition; empty if nothing."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """The objects of a database by kind, and the rows of its tables, at one moment.

    A kind without any object is listed with an empty set: it is compared, too.
    """

    objects: Mapping[str, frozenset[str]]
    """The names of objects, unique within their kind."""
    rows: Mapping[str, int] = field(default_factory=dict)
    """How many rows a table holds, by its name in ``objects``; of tables that were counted."""

    def summary(self) -> list[str]:
        """Return how much is compared, in words."""
        objects = counted(sum(map(len, self.objects.values())), "object")
        return [objects, *([rows] if (rows := self.row_summary()) else [])]

    def row_summary(self) -> str:
        """Return how many rows there are, in words; nothing if none were counted."""
        if not self.rows:
            return ""
        rows = counted(sum(self.rows.values()), "row")
        return f"{rows} of {counted(len(self.rows), 'table')}"

    def differences(self, found: "Inventory") -> tuple[str, ...]:
        """Return how ``found`` differs from this inventory, in words; nothing if it does not.

        Kinds that one of the two does not list are not compared, and neither are the rows
        of a table that one of the two did not count.
        """
        return tuple(self._differences(found))

    def require(self, found: "Inventory") -> None:
        """Raise ``ClientError`` if ``found``, what was restored, is not what this inventory says."""
        differences = self.differences(found)
        if not differences:
            return
        shown = "; ".join(differences[:_SHOWN])
        more = f"; and {len(differences) - _SHOWN:,} more" if len(differences) > _SHOWN else ""
        raise ClientError(
            f"What was restored is not what the backup contains: {shown}{more}.",
            hint="Restore another backup, or get what can be had of this one, next to the live "
            "database, with --salvage.",
        )

    def to_text(self) -> str:
        """Return the inventory as its manifest holds it: in ASCII, and compressed."""
        objects = {kind: sorted(names) for kind, names in self.objects.items()}
        values = {"objects": objects, "rows": dict(self.rows)}
        text = json.dumps(values, sort_keys=True, separators=(",", ":"))
        return b64encode(zlib.compress(text.encode())).decode()

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read what ``to_text()`` returned. Raises ``ValueError`` for anything else."""
        try:
            values = json.loads(_decompressed(text))
            objects = {str(kind): frozenset(names) for kind, names in values["objects"].items()}
            rows = {str(table): int(count) for table, count in values["rows"].items()}
        except (AttributeError, KeyError, TypeError, ValueError, zlib.error) as error:
            raise ValueError("it is not an inventory") from error
        return cls(objects, rows)

    def _differences(self, found: "Inventory") -> Iterator[str]:
        for kind, names in sorted(self.objects.items()):
            if kind not in found.objects:
                continue
            yield from (f"{kind} {name} is missing" for name in sorted(names - found.objects[kind]))
            extra = sorted(found.objects[kind] - names)
            yield from (f"{kind} {name} is not in the backup" for name in extra)
        for table, count in sorted(self.rows.items()):
            restored = found.rows.get(table, count)
            if restored != count:
                yield f"{table} has {restored:,} rows instead of {count:,}"


def _decompressed(text: str) -> bytes:
    decompressor = zlib.decompressobj()
    data = decompressor.decompress(b64decode(text, validate=True), _TEXT_LIMIT)
    if not decompressor.eof:
        raise ValueError("it is incomplete, or too large")
    return data
