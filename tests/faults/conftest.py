"""Servers that run once per process of the tests, and the parts of a cell."""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from django_rclone import scratch
from django_rclone.locks import liveness
from tests.faults.bench import RCLONE, Bench
from tests.faults.engines import ENGINES, Mariadb, Postgresql
from tests.faults.remotes import LOCAL, SERVED, Place, Served
from tests.support.servers import mysql, postgresql
from tests.support.site import Site


def _missing(what: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"there is no {what} server")
    pytest.skip(f"there is no {what} server")


class Servers:
    """Starts what a cell asks for, once."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._running: dict[str, Any] = {}

    def engine(self, name: str) -> None:
        if name in self._running or name == "sqlite":
            return
        with pytest.MonkeyPatch.context() as patch:
            # Not in the temporary folder of the cell that happens to be the first.
            patch.setattr(tempfile, "tempdir", None)
            self._start(name)

    def _start(self, name: str) -> None:
        if name == "postgresql":
            found = postgresql.installations()
            if not found:
                _missing("PostgreSQL")
            major = max(found)
            server = self._stack.enter_context(postgresql.started(major, found[major]))
            Postgresql.server = server
        else:
            program = mysql.server_program()
            if program is None:
                _missing("MariaDB")
            Mariadb.server = self._stack.enter_context(mysql.started(program or ""))
        self._running[name] = True

    def remote(self, name: str) -> Served:
        if name not in self._running:
            folder = self._folder / name
            folder.mkdir()
            self._running[name] = self._stack.enter_context(SERVED[name](folder, str(RCLONE)))
        served: Served = self._running[name]
        return served


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(tmp_path_factory.mktemp("servers"), stack)


@pytest.fixture
def make_bench(
    site: Site,
    servers: Servers,
    monkeypatch: pytest.MonkeyPatch,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Callable[[str, str, str], Bench]]:
    """Make the parts of a cell, by operation, engine and remote."""
    # A folder for temporary files of the cell's own, outside of what the site holds.
    temporary = Path(tempfile.mkdtemp(prefix="cell-"))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setattr(scratch, "_SETTLED", -1.0)
    monkeypatch.setattr(liveness, "_MAX_AGE", -1.0)
    monkeypatch.setattr("django_rclone.rclone.remote._BACKOFF_SECONDS", 0.05)
    monkeypatch.setattr("django_rclone.processes.process._GRACE", 0.5)
    monkeypatch.setenv("RCLONE_CONFIG", "/dev/null")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # In the background of a shell. What we start would ignore it, too.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with ExitStack() as stack:

        def make(operation: str, engine: str, remote: str) -> Bench:
            site.rclone |= {
                "STALL_TIMEOUT": 60,
                "RETRIES": 3,
                "RCLONE_FLAGS": ["--low-level-retries=1", "--retries=1"],
                "CLIENTS": {"default": {"OPTIONS": {}}},
            }
            place = stack.enter_context(_Placed(site, servers, remote))
            site.rclone |= place.settings
            servers.engine(engine)
            made = ENGINES[engine](site)
            stack.callback(made.close)
            bench = Bench(operation, site, made, place, temporary)
            bench.prepare()
            return bench

        yield make
    shutil.rmtree(temporary, ignore_errors=True)


class _Placed:
    """A place on a remote, for as long as the cell lasts."""

    def __init__(self, site: Site, servers: Servers, remote: str) -> None:
        self._stack = ExitStack()
        if remote in SERVED:
            cell = site.folder.parent.name
            self._place = servers.remote(remote).place(cell, site.folder / "rclone.conf")
            self._stack.callback(shutil.rmtree, self._place.folder, ignore_errors=True)
        else:
            folder = site.folder / "place"
            folder.mkdir()
            local = self._stack.enter_context(LOCAL[remote](folder, str(RCLONE)))
            config = local.settings.get("RCLONE_CONFIG")
            self._place = Place(
                local.settings, folder / "stored", config=Path(config) if config else None
            )

    def __enter__(self) -> Place:
        return self._place

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()
