"""Start real database servers, each in a folder of its own, gone when the test run is.

They listen on a free port of loopback. An existing server can be named instead, by the
address of an administrator: ``TEST_POSTGRES_URL``, ``TEST_MYSQL_URL``.
"""

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NoReturn, Self
from urllib.parse import unquote, urlsplit

import pytest

_TLS = ("-x509", "-newkey", "rsa:2048", "-nodes", "-days", "9", "-subj", "/CN=localhost")


@dataclass(frozen=True)
class Server(ABC):
    """A running server. ``user`` may do everything."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    folder: Path | None = None
    """Its own folder, where the tests have started it."""

    scheme: ClassVar[str]
    default_port: ClassVar[int]
    stop_signal: ClassVar[str]

    @abstractmethod
    def connect(self, database: str | None = None, **changes: Any) -> Any:
        """Return a connection of the administrator that commits at once, or of another ``user``."""

    def run(self, *statements: str, database: str | None = None) -> None:
        """Run statements as the administrator."""
        with closing(self.connect(database)) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def rows(self, query: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """Return the rows that a query of the administrator finds."""
        with closing(self.connect(database)) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    @classmethod
    @contextmanager
    def _in_folder(cls, *own: Any) -> Iterator[Self]:
        """Prepare and start a server; remove it and its folder at the end."""
        # Not below a temporary folder that the first test to ask happens to have.
        folder = Path(tempfile.mkdtemp(prefix="django-rclone-server-", dir=_temporary_folder()))
        folder.chmod(0o755)
        try:
            account = _unprivileged()
            data = folder / "data"
            data.mkdir(mode=0o700)
            give_away(account, folder, data)
            server, command = cls._prepare(folder, account, *own)
            with _supervised(command, folder, account, stop=cls.stop_signal):
                server._await_start()
                yield server
                server._require_running()
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @classmethod
    def _prepare(cls, folder: Path, account: dict[str, Any], *own: Any) -> tuple[Self, list[str]]:
        """Return the server to start, and its command line."""
        raise NotImplementedError

    @classmethod
    def _parts_of(cls, url: str) -> dict[str, Any]:
        parts = urlsplit(url)
        return {
            "host": parts.hostname or "127.0.0.1",
            "port": parts.port or cls.default_port,
            "user": unquote(parts.username or cls.scheme),
            "password": unquote(parts.password or ""),
        }

    def _await_start(self) -> None:
        deadline = time.monotonic() + 120
        while True:
            try:
                self.connect().close()
                return
            except Exception:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"The server does not start:\n{self._log()}") from None
                time.sleep(0.05)

    def _require_running(self) -> None:
        """Raise ``RuntimeError`` with what a server that has crashed wrote about it."""
        try:
            self.connect().close()
        except Exception:
            raise RuntimeError(f"The server has crashed:\n{self._log()}") from None

    def _log(self) -> str:
        return ((self.folder or Path()) / "log").read_text(errors="replace")


def missing(server: str) -> NoReturn:
    """Skip a test for lack of a server; where ``CI`` is set, fail it."""
    reason = f"no {server} server was found: DEVELOPERS.md says what to install"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def give_away(account: dict[str, Any], *paths: Path) -> None:
    """Let the account that runs the servers own these files."""
    for path in paths if account else ():
        os.chown(path, account["user"], account["group"])


def create_certificate(key: Path, certificate: Path) -> bool:
    """Create a key and a certificate of ``localhost``; return whether openssl was there to do it."""
    if shutil.which("openssl") is None:
        return False
    command = ["openssl", "req", *_TLS, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return True


def _temporary_folder() -> str:
    return os.environ.get("TMPDIR", "/tmp")


def _unprivileged() -> dict[str, Any]:
    """Return who runs the servers: they refuse root."""
    if os.getuid() != 0:
        return {}
    account = pwd.getpwnam("nobody")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


@contextmanager
def _supervised(
    command: list[str], folder: Path, account: dict[str, Any], *, stop: str
) -> Iterator[None]:
    """Run a server as nobody's child: tests may look at what children they have."""
    orders = {"command": command, "folder": str(folder), "account": account, "stop": stop}
    supervisor = Path(__file__).with_name("supervisor.py")
    with subprocess.Popen(
        [sys.executable, supervisor, json.dumps(orders)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        # What is left is the supervisor proper, which waits for the end of its stdin.
        process.wait()
        yield
    deadline = time.monotonic() + 30
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
