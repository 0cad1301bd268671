"""A database under measurement, and whether it came back as it was."""

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.benchmarks import data
from tests.benchmarks.engines import Engine
from tests.support.databases import Database
from tests.support.django_models import add_models_of_django
from tests.support.site import DjangoSite

_LATER = "later"
_SPOILED_MODELS = (
    "DELETE FROM django_session",
    "DROP TABLE IF EXISTS django_flatpage_sites",
    f"DROP TABLE IF EXISTS {_LATER}",
    f"CREATE TABLE {_LATER} (id integer)",
)


class Subject:
    """A database that can be spoiled, compared, and made again."""

    def __init__(
        self,
        engine: Engine,
        name: str,
        fill: Callable[[Database], None],
        spoiled: Sequence[str] = data.SPOILED,
        summed: str = "",
    ) -> None:
        """Create and fill a database. ``summed`` is a query, for rows that need not be equal."""
        self.engine = engine
        self.name = name
        self._fill = fill
        self._spoiled = spoiled
        self._summed = summed
        self.database: Database = engine.create(name)
        fill(self.database)
        self._expected = self._look()

    def spoil(self) -> None:
        """Change and remove rows, and add a table, as happens after a backup."""
        self.database.run(*self._spoiled)

    def check(self) -> tuple[str, str]:
        """Compare with what there was before ``spoil()``; make it so again.

        Returns what is wrong, and a remark about what is only not exact.
        """
        try:
            wrong, remark = self._compare()
        except Exception as error:
            wrong, remark = f"the database cannot be read: {error}"[:200], ""
        if wrong:
            self.engine.drop(self.database)
            self.database = self.engine.create(self.name)
            self._fill(self.database)
            self._expected = self._look()
        return wrong, remark

    def _compare(self) -> tuple[str, str]:
        remark = ""
        if _LATER in self.engine.sums(self.database):
            remark = "what came later stays"
            self.database.run(f"DROP TABLE {_LATER}")
        found = self._look()
        names = {*found, *self._expected}
        wrong = sorted(name for name in names if found.get(name) != self._expected.get(name))
        return (f"wrong data: {', '.join(wrong)}"[:200] if wrong else ""), remark

    def close(self) -> None:
        self.engine.drop(self.database)

    def _look(self) -> dict[str, str]:
        if self._summed:
            return {"the sums": str(self.database.rows(self._summed))}
        schema = self.engine.schema(self.database).encode()
        return {"the schema": hashlib.sha256(schema).hexdigest(), **self.engine.sums(self.database)}


def shop(engine: Engine, name: str, megabytes: float) -> Subject:
    """Return a database of so many megabytes."""
    return Subject(engine, name, lambda database: engine.fill(database, megabytes))


def models_of_django(engine: Engine, name: str, one_in: int) -> Subject:
    """Return a database with the many small tables of Django's own tests."""

    def fill(database: Database) -> None:
        with tempfile.TemporaryDirectory() as folder:
            site = DjangoSite(Path(folder))
            site.use(database)
            add_models_of_django(site, one_in=one_in)

    return Subject(engine, name, fill, _SPOILED_MODELS)
