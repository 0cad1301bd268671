"""What tests ask of a database, whatever its engine."""

import itertools
import os
from abc import ABC, abstractmethod
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

_SCHEMAS = Path(__file__).resolve().parents[1] / "schemas"
_NUMBERS = itertools.count(1)

_MUTATIONS = (
    "UPDATE entry SET title = 'changed' WHERE id % 3 = 0",
    "DELETE FROM entry WHERE id % 7 = 0",
    "INSERT INTO entry (id, title) VALUES (9999, 'new')",
    "CREATE TABLE later (entry_id integer REFERENCES entry (id))",
    "INSERT INTO later VALUES (1)",
)


class Database(ABC):
    """A database of a test's own, with its entry of ``DATABASES`` and its client's ``OPTIONS``."""

    vendor: ClassVar[str]
    tools: Path = Path()
    """The folder of the engine's programs."""
    dump_program: ClassVar[str] = ""
    restore_program: ClassVar[str] = ""

    settings: dict[str, Any]
    options: dict[str, Any]
    password: str = ""

    def __init__(self) -> None:
        self._mutations: tuple[str, ...] = _MUTATIONS

    @abstractmethod
    def connect(self) -> Any:
        """Return a connection of the site's own role, which commits at once."""

    def run(self, *statements: str) -> None:
        """Run statements as the site's own role."""
        with closing(self.connect()) as connection, closing(connection.cursor()) as cursor:
            for statement in statements:
                cursor.execute(statement)

    @abstractmethod
    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows that a query finds, whatever the site's own role may see."""

    def add_entries(self, author: str = "default") -> None:
        """Create a small table that every engine can hold."""
        name = author.replace("'", "''")
        values = ", ".join(f"({n + 1}, '{name} entry {n}')" for n in range(500))
        self.run(
            "CREATE TABLE entry (id integer PRIMARY KEY, title varchar(99) NOT NULL)",
            f"INSERT INTO entry VALUES {values}",
        )

    def add_sample(self) -> None:
        """Create some of everything that the engine can hold."""
        self.run(sample_schema(self.vendor))
        self._mutations = (sample_schema(self.vendor, "mutations"),)

    def mutate(self) -> None:
        """Change, delete and add rows and tables, as happens after a backup."""
        self.run(*self._mutations)

    @abstractmethod
    def fingerprint(self) -> str:
        """Return a text that is equal for equal databases alone: schema and rows."""

    @abstractmethod
    def vendor_dump(self) -> str:
        """Return what the vendor's own tool prints for everything, schema and rows."""

    def leftovers(self) -> list[str]:
        """Return what a run has left next to the database."""
        return []

    def wait_until_idle(self) -> None:  # noqa: B027 - a file has no sessions
        """Wait until the server has noticed that a killed client is gone."""

    def close(self) -> None:  # noqa: B027 - files go with their folder
        """Remove the database and its role."""


def sample_schema(vendor: str, part: str = "sample") -> str:
    """Return the SQL that creates a vendor's sample, or its ``mutations``."""
    return (_SCHEMAS / f"{vendor}_{part}.sql").read_text()


def unique_name() -> str:
    """Return a name for a database or a role that no other test uses."""
    return f"shop_{os.getpid()}_{next(_NUMBERS)}"
