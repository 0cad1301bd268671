"""The suite that every client must pass, on the databases of the tests."""

from pathlib import Path
from typing import Any

import pytest

from django_rclone.testing import ClientSuite

from .databases import Database


@pytest.mark.usefixtures("database_access")
class DatabaseSuite(ClientSuite):
    """The suite on a database of the test's own: say how to create it."""

    bulk: str
    """SQL for enough rows that a run takes long enough to be killed in the middle."""

    def create(self, folder: Path) -> Database:
        raise NotImplementedError

    def create_database(self, folder: Path) -> dict[str, Any]:
        self.database = self.create(folder)
        self.addCleanup(self.database.close)
        return self.database.settings

    def options(self) -> dict[str, Any]:
        return self.database.options

    def populate(self) -> None:
        self.database.add_sample()
        self.database.run(self.bulk)

    def mutate(self) -> None:
        self.database.mutate()
        self.database.run("DELETE FROM bulk WHERE id % 2 = 0")

    def vendor_dump(self) -> str:
        return self.database.vendor_dump()

    def fingerprint(self) -> str:
        return self.database.fingerprint()

    def schema(self) -> str:
        return self.fingerprint()

    def leftovers(self) -> list[str]:
        return self.database.leftovers()

    def wait_until_idle(self) -> None:
        self.database.wait_until_idle()
