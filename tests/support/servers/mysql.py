"""A MariaDB server."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pymysql
from pymysql.constants import CLIENT

from tests.support.ports import free_port

from .base import Server, create_certificate, give_away, missing

_SETTINGS = (
    *("--bind-address=127.0.0.1", "--skip-name-resolve", "--max-allowed-packet=64M"),
    *("--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync"),
    *("--innodb-buffer-pool-size=32M", "--innodb-log-file-size=16M", "--event-scheduler=ON"),
)


@dataclass(frozen=True)
class MysqlServer(Server):
    """A running server."""

    scheme = "root"
    default_port = 3306
    stop_signal = "SIGTERM"

    socket: Path | None = None
    certificate: Path | None = None

    def connect(self, database: str | None = None, **changes: Any) -> "pymysql.Connection[Any]":
        parameters: dict[str, Any] = {"host": self.host, "port": self.port, "user": self.user}
        parameters |= {"password": self.password, **changes}
        # PyMySQL encodes texts in Latin-1.
        parameters["password"] = parameters["password"].encode()
        # Encryption would take longer than most questions.
        parameters |= {"charset": "utf8mb4", "connect_timeout": 60, "ssl_disabled": True}
        return pymysql.connect(
            database=database,
            autocommit=True,
            client_flag=CLIENT.MULTI_STATEMENTS,
            **parameters,
        )

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Self]:
        """Yield the server that ``TEST_MYSQL_URL`` names, or a new one."""
        if url := os.environ.get("TEST_MYSQL_URL"):
            yield cls(**cls._parts_of(url))
            return
        # Debian keeps it out of the PATH of users.
        program = shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
        if program is None:
            missing("MariaDB")
        with cls._in_folder(program) as server:
            yield server

    @classmethod
    def _prepare(cls, folder: Path, account: dict[str, Any], *own: Any) -> tuple[Self, list[str]]:
        key, certificate = folder / "key.pem", folder / "certificate.pem"
        encrypted = create_certificate(key, certificate)
        server = cls(
            host="127.0.0.1",
            port=free_port(),
            user="admin",
            password=secrets.token_urlsafe(12),
            folder=folder,
            socket=folder / "s",
            certificate=certificate if encrypted else None,
        )
        script = folder / "init.sql"
        script.write_text(
            f"CREATE USER admin@'%' IDENTIFIED BY '{server.password}';\n"
            "GRANT ALL ON *.* TO admin@'%' WITH GRANT OPTION;\n"
        )
        data = f"--datadir={folder / 'data'}"
        # A server that starts removes every temporary table in this folder, and a server
        # whose temporary tables another one removes crashes.
        temporary = folder / "temporary"
        temporary.mkdir()
        give_away(account, temporary)
        subprocess.run(
            [
                *("mariadb-install-db", "--no-defaults", data, "--skip-test-db"),
                *("--auth-root-authentication-method=normal", "--skip-name-resolve"),
            ],
            check=True,
            capture_output=True,
            cwd="/",
            **account,
        )
        command = [*own, "--no-defaults", data, f"--socket={server.socket}", *_SETTINGS]
        command += [f"--port={server.port}", f"--init-file={script}", f"--tmpdir={temporary}"]
        if encrypted:
            key.chmod(0o644)
            command += [f"--ssl-cert={certificate}", f"--ssl-key={key}"]
        return server, command
