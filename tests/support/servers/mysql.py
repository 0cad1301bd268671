"""A throw-away MariaDB server, in a folder of its own, on a free port of loopback."""

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pymysql

from tests.support.servers.supervised import await_server, free_port, supervised, unprivileged

URL = os.environ.get("TEST_MYSQL_URL", "")
"""An administrator's address of an existing server: ``mysql://user:password@host:port``."""


@dataclass(frozen=True)
class Server:
    """A running server. ``user`` may do everything."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    socket: Path | None = None
    certificate: Path | None = None

    def connect(self, database: str | None = None, **changes: Any) -> "pymysql.Connection[Any]":
        """Return a connection of the administrator, or of another ``user``."""
        parameters: dict[str, Any] = {"host": self.host, "port": self.port, "user": self.user}
        parameters |= {"password": self.password, **changes}
        # Of texts PyMySQL makes Latin-1.
        parameters["password"] = parameters["password"].encode()
        return pymysql.connect(
            database=database, autocommit=True, charset="utf8mb4", connect_timeout=5, **parameters
        )

    def run(self, *statements: str, database: str | None = None) -> None:
        """Run statements as the administrator."""
        with closing(self.connect(database)) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def rows(self, query: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """Return what a query of the administrator finds."""
        with closing(self.connect(database)) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())


def server_program() -> str | None:
    """Return where the server is; Debian keeps it out of the PATH of users."""
    return shutil.which("mariadbd", path=os.pathsep.join([os.environ["PATH"], "/usr/sbin"]))


@contextmanager
def existing(url: str) -> Iterator[Server]:
    """Use a server that somebody else runs."""
    parts = urlsplit(url)
    yield Server(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 3306,
        user=unquote(parts.username or "root"),
        password=unquote(parts.password or ""),
    )


@contextmanager
def started(program: str) -> Iterator[Server]:
    """Start a server; remove it and its folder at the end."""
    folder = Path(tempfile.mkdtemp(prefix="django-rclone-my-"))
    folder.chmod(0o755)
    try:
        account = unprivileged()
        server = Server(
            host="127.0.0.1",
            port=free_port(),
            user="admin",
            password=secrets.token_urlsafe(12),
            socket=folder / "s",
            certificate=_certificate(folder),
        )
        _initialise(server, folder, account)
        command = _command(program, server, folder)
        with supervised(command, folder, account, stop="SIGTERM"):
            await_server(server.connect, pymysql.Error, folder / "log")
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _initialise(server: Server, folder: Path, account: dict[str, Any]) -> None:
    data = folder / "data"
    data.mkdir(mode=0o700)
    if account:
        for path in (folder, data):
            os.chown(path, account["user"], account["group"])
    script = folder / "init.sql"
    script.write_text(
        f"CREATE USER admin@'%' IDENTIFIED BY '{server.password}';\n"
        "GRANT ALL ON *.* TO admin@'%' WITH GRANT OPTION;\n"
    )
    subprocess.run(
        [
            *("mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db"),
            *("--auth-root-authentication-method=normal", "--skip-name-resolve"),
        ],
        check=True,
        capture_output=True,
        cwd="/",
        **account,
    )


def _certificate(folder: Path) -> Path | None:
    """Make a key and a certificate, where there is openssl."""
    if shutil.which("openssl") is None:
        return None
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "9"),
            *("-subj", "/CN=localhost", "-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    key.chmod(0o644)
    return certificate


def _command(program: str, server: Server, folder: Path) -> list[str]:
    command = [
        *(program, "--no-defaults", f"--datadir={folder / 'data'}", f"--socket={server.socket}"),
        *(f"--port={server.port}", "--bind-address=127.0.0.1", "--skip-name-resolve"),
        *("--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync"),
        *("--innodb-buffer-pool-size=32M", "--innodb-log-file-size=16M", "--event-scheduler=ON"),
        *("--max-allowed-packet=64M", f"--init-file={folder / 'init.sql'}"),
    ]
    if server.certificate:
        command += [f"--ssl-cert={server.certificate}", f"--ssl-key={folder / 'key.pem'}"]
    return command
