"""Remotes that run once per process of the tests, and the parts of a cell."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from django_rclone import scratch
from django_rclone.locks import liveness
from tests.faults.cell import Cell
from tests.faults.endpoints import LOCAL, SERVED, Endpoint, Served
from tests.support.databases import Database, MysqlDatabase, PostgresqlDatabase, SqliteDatabase
from tests.support.incompressible import incompressible
from tests.support.site import RCLONE, DjangoSite


class Remotes:
    """Starts the servers that cells ask for, once."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._running: dict[str, Served] = {}

    @contextmanager
    def endpoint(self, remote: str, site: DjangoSite) -> Iterator[Endpoint]:
        """Yield where a cell stores."""
        if remote in SERVED:
            cell = site.folder.parent.name
            endpoint = self._server(remote).endpoint(cell, site.folder / "rclone.conf")
            yield endpoint
            shutil.rmtree(endpoint.folder, ignore_errors=True)
            return
        folder = site.folder / "endpoint"
        folder.mkdir()
        with LOCAL[remote](folder, str(RCLONE)) as local:
            config = local.settings.get("RCLONE_CONFIG")
            stored = folder / "stored"
            yield Endpoint(local.settings, stored, config=Path(config) if config else None)

    def _server(self, remote: str) -> Served:
        if remote not in self._running:
            folder = self._folder / remote
            folder.mkdir()
            server = SERVED[remote](folder, str(RCLONE))
            self._running[remote] = self._stack.enter_context(server)
        return self._running[remote]


@pytest.fixture(scope="session")
def remotes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remotes]:
    with ExitStack() as stack:
        yield Remotes(tmp_path_factory.mktemp("remotes"), stack)


@pytest.fixture
def make_cell(
    site: DjangoSite,
    remotes: Remotes,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[str, str, str], Cell]]:
    """Prepare a cell, by operation, engine and remote."""
    # A folder for temporary files of the cell's own, outside of what the site holds.
    temporary = Path(tempfile.mkdtemp(prefix="cell-"))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setattr(scratch, "_SETTLED", -1.0)
    monkeypatch.setattr(liveness, "_MAX_AGE", -1.0)
    monkeypatch.setattr("django_rclone.rclone.requests._BACKOFF_SECONDS", 0.05)
    monkeypatch.setattr("django_rclone.processes.process._GRACE", 0.5)
    monkeypatch.setenv("RCLONE_CONFIG", "/dev/null")
    with ExitStack() as stack:

        def make(operation: str, engine: str, remote: str) -> Cell:
            site.rclone |= {
                "STALL_TIMEOUT": 60,
                "RETRIES": 3,
                "RCLONE_FLAGS": ["--low-level-retries=1", "--retries=1"],
            }
            endpoint = stack.enter_context(remotes.endpoint(remote, site))
            site.rclone |= endpoint.settings
            database = _database(engine, site, request)
            stack.callback(database.close)
            site.use(database)
            database.add_entries()
            database.run(
                f"CREATE TABLE bulk (id integer PRIMARY KEY, body {_TEXTS[engine]} NOT NULL)",
                f"INSERT INTO bulk VALUES (1, '{incompressible(150_000).hex()}')",
            )
            cell = Cell(operation, site, endpoint, temporary)
            cell.prepare()
            return cell

        yield make
    shutil.rmtree(temporary, ignore_errors=True)


_TEXTS = {"sqlite": "text", "postgresql": "text", "mariadb": "longtext"}


def _database(engine: str, site: DjangoSite, request: pytest.FixtureRequest) -> Database:
    if engine == "sqlite":
        folder = site.folder / "live"
        folder.mkdir()
        return SqliteDatabase(folder / "db.sqlite3")
    database: Database
    if engine == "postgresql":
        database = PostgresqlDatabase(request.getfixturevalue("postgresql_server"))
    else:
        database = MysqlDatabase(request.getfixturevalue("mysql_server"))
    database.options["lock_timeout"] = 3
    return database
