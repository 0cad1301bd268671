"""The entries of a dump: pg_restore names each one in a comment of its script."""

import re
from dataclasses import dataclass

_ENTRY = re.compile(
    rb"-- (?:Data for |Statistics for )?Name: (?P<name>.*); Type: (?P<type>[A-Z ]+); "
    rb"Schema: (?P<schema>.*); Owner: .*\Z"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a dump's list: a kind of object, as pg_dump calls it, and a name."""

    type: str = ""
    schema: str = ""
    name: str = ""

    @classmethod
    def named_in(cls, comment: bytes) -> "Entry | None":
        """Return the entry that a comment of a script names, if it names one."""
        match = _ENTRY.match(comment)
        if match is None:
            return None
        parts = match.groupdict()
        return cls(**{name: part.decode("utf-8", "replace") for name, part in parts.items()})

    def __str__(self) -> str:
        schema = f" in schema {self.schema}" if self.schema not in ("", "-") else ""
        if not self.type:
            return "the settings of the dump"
        name = self.name.removeprefix(f"{self.type} ")
        return f"{self.type} {name}{schema}"
