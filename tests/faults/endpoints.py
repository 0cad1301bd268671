"""Remotes for faults: each server runs once per process of the tests, behind a proxy.

Every cell has an endpoint of its own there: a folder, and a configuration.
"""

import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django_rclone.processes import Command, Process, run
from django_rclone.testing.remotes import CryptRemote, FolderRemote, Remote
from tests.faults.proxy import Proxy

_ADDRESS = re.compile(r"(?:\[(http://[^\]]+)\]|listening on (\S+:\d+))")


@dataclass
class Endpoint:
    """Where one cell stores."""

    settings: dict[str, Any]
    folder: Path
    """What is stored, as it lies on the disk."""
    proxy: Proxy | None = None
    config: Path | None = None
    secrets: list[str] = field(default_factory=list)

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def reconfigure(self, old: str, new: str) -> None:
        """Change the configuration of rclone."""
        assert self.config is not None
        text = self.config.read_text()
        assert re.search(old, text), text
        self.config.write_text(re.sub(old, new, text))


class Served(Remote):
    """A server of rclone, with a user and a password."""

    protocol = ""
    options: tuple[str, ...] = ()

    @contextmanager
    def _configured(self) -> Iterator[dict[str, Any]]:
        self.user, self.password = secrets.token_hex(10), secrets.token_hex(20)
        with ExitStack() as stack:
            address = stack.enter_context(self._serving())
            port = int(address.rpartition(":")[2])
            self.proxy = stack.enter_context(Proxy(port))
            yield {}

    @contextmanager
    def _serving(self) -> Iterator[str]:
        found: list[str] = []
        known = threading.Event()

        def listen(line: str) -> str:
            if match := _ADDRESS.search(line):
                found.append((match[1] and urlsplit(match[1]).netloc) or match[2])
                known.set()
            return line

        common = (
            "--addr=127.0.0.1:0",
            "--dir-cache-time=20ms",
            f"--config={self._folder / 'none'}",
        )
        command = Command(
            argv=(self._rclone, "serve", self.protocol, *common, *self.options, str(self._stored)),
            env={**self.credentials(), "XDG_CACHE_HOME": str(self._folder / "cache")},
        )
        with Process(command, on_line=listen) as process:
            if not known.wait(30):
                process.terminate()
                process.finish()
            yield found[0]

    def credentials(self) -> dict[str, str]:
        return {"RCLONE_USER": self.user, "RCLONE_PASS": self.password}

    def section(self) -> dict[str, str]:
        """Return the configuration that leads here."""
        raise NotImplementedError

    def base(self, cell: str) -> str:
        return f"base:{cell}"

    def folder(self, cell: str) -> Path:
        return self._stored / cell

    def obscured(self, password: str) -> str:
        command = Command(argv=(self._rclone, "obscure", "-"))
        return run(Process(command), password.encode()).decode().strip()

    def endpoint(self, cell: str, config: Path) -> Endpoint:
        """Return an endpoint of a cell's own."""
        folder = self.folder(cell)
        folder.mkdir(parents=True)
        sections = {"base": self.section(), **self.above(cell)}
        remote = "top:" if "top" in sections else self.base(cell)
        text = "".join(
            f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())
            for name, values in sections.items()
        )
        config.touch(mode=0o600)
        config.write_text(text)
        return Endpoint(
            {"REMOTE": remote, "RCLONE_CONFIG": str(config)},
            folder,
            self.proxy,
            config,
            [self.password],
        )

    def above(self, cell: str) -> dict[str, dict[str, str]]:
        return {}


class S3(Served):
    protocol = "s3"

    def credentials(self) -> dict[str, str]:
        (self._stored / "bucket").mkdir()
        return {"RCLONE_AUTH_KEY": f'"{self.user},{self.password}"'}

    def section(self) -> dict[str, str]:
        return {
            "type": "s3",
            "provider": "Rclone",
            "access_key_id": self.user,
            "secret_access_key": self.password,
            "endpoint": f"http://127.0.0.1:{self.proxy.port}",
        }

    def base(self, cell: str) -> str:
        return f"base:bucket/{cell}"

    def folder(self, cell: str) -> Path:
        return self._stored / "bucket" / cell


class CryptOverS3(S3):
    def above(self, cell: str) -> dict[str, dict[str, str]]:
        password = self.obscured(self.password[::-1])
        return {"top": {"type": "crypt", "remote": self.base(cell), "password": password}}


class Webdav(Served):
    protocol = "webdav"

    def section(self) -> dict[str, str]:
        return {
            "type": "webdav",
            "vendor": "rclone",
            "url": f"http://127.0.0.1:{self.proxy.port}",
            "user": self.user,
            "pass": self.obscured(self.password),
        }


class WebdavWithoutTimes(Webdav):
    """A server that knows neither times nor hashes."""

    def section(self) -> dict[str, str]:
        return {**super().section(), "vendor": "other"}


class Sftp(Served):
    protocol = "sftp"
    options = ("--authorized-keys=",)

    def section(self) -> dict[str, str]:
        return {
            "type": "sftp",
            "host": "127.0.0.1",
            "port": str(self.proxy.port),
            "user": self.user,
            "pass": self.obscured(self.password),
            "shell_type": "none",
        }


SERVED: dict[str, type[Served]] = {
    "s3": S3,
    "webdav": Webdav,
    "sftp": Sftp,
    "crypt-s3": CryptOverS3,
}
LOCAL: dict[str, type[Remote]] = {"folder": FolderRemote, "crypt": CryptRemote}
