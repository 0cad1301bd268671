"""A file of SQLite."""

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from django_rclone import scratch

from .base import Database


class SqliteDatabase(Database):
    """A file, alone in its folder if ``leftovers()`` is to say anything."""

    vendor = "sqlite"

    def __init__(self, path: Path, **settings: Any) -> None:
        super().__init__()
        self.path = path
        self.settings = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path), **settings}
        self.options = {}

    def connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, isolation_level=None)

    def run(self, *statements: str) -> None:
        with closing(self.connect()) as connection:
            for statement in statements:
                connection.executescript(statement)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(self.connect()) as connection:
            return connection.execute(query).fetchall()

    def fingerprint(self) -> str:
        with closing(self.connect()) as connection:
            [(version,)] = connection.execute("PRAGMA user_version").fetchall()
        return hashlib.sha256(f"{self.vendor_dump()}\n{version}".encode()).hexdigest()

    def vendor_dump(self) -> str:
        """Return the text of ``.dump``, as Python prints it."""
        with closing(self.connect()) as connection:
            return "\n".join(connection.iterdump())

    def leftovers(self) -> list[str]:
        return [path.name for path in self.path.parent.iterdir() if path != self.path]

    def wait_until_idle(self) -> None:
        # The next run would remove what a killed one left, but only a minute later.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(scratch, "_SETTLED", -1.0)
            scratch.sweep(self.path.parent)
