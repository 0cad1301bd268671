"""Real remotes for tests: a folder, an S3 service with keys, and one that encrypts.

Each is a context manager that needs nothing but rclone, and ends all it started.
"""

import re
import secrets
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from ..processes import Command, Process, run

_STARTED = 30.0  # seconds
_REMEMBERED = 0.2  # seconds for which the S3 service takes what it knows of files for true
_SERVING = re.compile(r"Starting s3 server on \[(http://[^\]]+)\]")


class Remote(ABC):
    """A remote that lives in a folder of its own, for as long as the context lasts."""

    def __init__(self, folder: Path, rclone: str) -> None:
        """``folder`` is empty and the remote's own, ``rclone`` the program to run."""
        self._folder = folder
        self._rclone = rclone
        self._stored = folder / "stored"
        self._stored.mkdir()
        self._running = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.settings = stack.enter_context(self._configured())
            self._running = stack.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._running.close()

    settings: dict[str, Any]
    """The keys of ``DJANGO_RCLONE`` that lead here: ``REMOTE``, and what it needs."""

    def files(self) -> list[Path]:
        """Return the stored files, as they are on the disk."""
        return sorted(path for path in self._stored.rglob("*") if path.is_file())

    def replace(self, path: Path, content: bytes) -> None:
        """Change what is stored, behind the back of whoever serves it."""
        path.write_bytes(content)

    @abstractmethod
    def _configured(self) -> Any:
        """Yield ``settings``, and stop what was started for them."""

    def _config(self, **values: str) -> dict[str, Any]:
        path = self._folder / "rclone.conf"
        lines = ["[suite]", *(f"{key} = {value}" for key, value in values.items())]
        path.touch(mode=0o600)
        path.write_text("\n".join(lines) + "\n")
        return {"RCLONE_CONFIG": str(path)}


class FolderRemote(Remote):
    """A local folder."""

    @contextmanager
    def _configured(self) -> Iterator[dict[str, Any]]:
        yield {"REMOTE": str(self._stored)}


class CryptRemote(Remote):
    """A folder, with contents and names encrypted by rclone: https://rclone.org/crypt/."""

    @contextmanager
    def _configured(self) -> Iterator[dict[str, Any]]:
        obscure = Command(argv=(self._rclone, "obscure", "-"))
        password = run(Process(obscure), secrets.token_hex(16).encode()).decode().strip()
        config = self._config(type="crypt", remote=str(self._stored), password=password)
        yield {"REMOTE": "suite:backups", **config}


class S3Remote(Remote):
    """An S3 service on a free port of loopback, with keys: https://rclone.org/commands/rclone_serve_s3/."""

    @contextmanager
    def _configured(self) -> Iterator[dict[str, Any]]:
        key, secret = secrets.token_hex(10), secrets.token_hex(20)
        (self._stored / "bucket").mkdir()
        with self._serving(key, secret) as address:
            config = self._config(
                type="s3",
                provider="Rclone",
                access_key_id=key,
                secret_access_key=secret,
                endpoint=address,
            )
            yield {"REMOTE": "suite:bucket/backups", **config}

    def replace(self, path: Path, content: bytes) -> None:
        super().replace(path, content)
        time.sleep(2 * _REMEMBERED)

    @contextmanager
    def _serving(self, key: str, secret: str) -> Iterator[str]:
        found: list[str] = []
        known = threading.Event()

        def listen(line: str) -> str:
            if match := _SERVING.search(line):
                found.append(match[1])
                known.set()
            return line

        options = (
            "--addr=127.0.0.1:0",
            # Never 0: the server would do nothing else than forget.
            f"--dir-cache-time={_REMEMBERED}s",
            f"--config={self._folder / 'none'}",
        )
        command = Command(
            argv=(self._rclone, "serve", "s3", *options, str(self._stored)),
            # The two are one value of a list, so that the comma is quoted.
            env={"RCLONE_AUTH_KEY": f'"{key},{secret}"'},
        )
        with Process(command, on_line=listen) as process:
            if not known.wait(_STARTED):
                process.terminate()
                process.finish()
            yield found[0]
