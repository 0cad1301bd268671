"""The remotes: a folder, an S3 on loopback, and the same S3 as if it were far away."""

import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.proxy import longest_chain
from tests.support.ports import free_port
from tests.support.processes import wait_until
from tests.support.site import RCLONE, REPOSITORY

BUCKET = "backups"
_UNTIL_EOF = ("sh", "-c", '"$@" & read -r _; kill "$!"', "sh")
"""Ends a program when stdin ends, so that it never outlives the benchmark."""
_CONFIG = """\
[s3]
type = s3
provider = Rclone
access_key_id = {user}
secret_access_key = {password}
endpoint = http://127.0.0.1:{port}
"""


@dataclass
class Remote:
    """A place where each contender stores in a folder of its own."""

    name: str
    folder: Path
    """What is stored, as it is on the disk."""
    config: Path
    """The configuration of rclone."""
    port: int = 0
    """Of the S3; 0 for a folder."""
    user: str = ""
    password: str = field(default="", repr=False)
    pids: tuple[int, ...] = ()
    """The server, which works for the contenders."""
    proxy: "subprocess.Popen[str] | None" = None

    def address(self, contender: str) -> str:
        """Return where a contender stores, as rclone names it."""
        return f"s3:{BUCKET}/{contender}" if self.port else str(self.disk(contender))

    def disk(self, contender: str) -> Path:
        """Return where a contender's files lie."""
        return self.folder / contender

    def storage(self, contender: str) -> dict[str, Any]:
        """Return the same as an entry of Django's ``STORAGES``."""
        if not self.port:
            location = {"location": str(self.disk(contender))}
            return {
                "BACKEND": "django.core.files.storage.FileSystemStorage",
                "OPTIONS": location,
            }
        options = {"access_key": self.user, "secret_key": self.password, "bucket_name": BUCKET}
        options |= {"endpoint_url": f"http://127.0.0.1:{self.port}", "region_name": "us-east-1"}
        options |= {"addressing_style": "path", "location": contender}
        return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}

    def files(self) -> dict[str, tuple[int, int]]:
        """Return all files that are stored: size, and when it was written."""
        found: dict[str, tuple[int, int]] = {}
        asked = [os.fspath(self.folder)]
        while asked:
            with os.scandir(asked.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        asked.append(entry.path)
                    else:
                        status = entry.stat(follow_symlinks=False)
                        found[entry.path] = (status.st_size, status.st_ctime_ns)
        return found

    def forget_requests(self) -> None:
        """Count from now on."""
        self._ask("forget")

    def requests(self) -> tuple[int | None, int | None]:
        """Return how many requests there were, and how many of them one after the other."""
        if (spans := self._ask("count")) is None:
            return None, None
        return len(spans), longest_chain((begin, end) for begin, end in spans)

    def _ask(self, order: str) -> list[list[float]] | None:
        if self.proxy is None:
            return None
        assert self.proxy.stdin is not None
        assert self.proxy.stdout is not None
        self.proxy.stdin.write(f"{order}\n")
        self.proxy.stdin.flush()
        spans: list[list[float]] = json.loads(self.proxy.stdout.readline())
        return spans


@contextmanager
def folder(base: Path) -> Iterator[Remote]:
    """Yield a folder."""
    stored, config = base / "stored", base / "rclone.conf"
    stored.mkdir(parents=True)
    config.touch()
    yield Remote("folder", stored, config)


@contextmanager
def s3(base: Path) -> Iterator[Remote]:
    """Yield ``rclone serve s3``, on a free port of loopback."""
    stored, config = base / "stored", base / "rclone.conf"
    (stored / BUCKET).mkdir(parents=True)
    user, password = secrets.token_hex(10), secrets.token_hex(20)
    port = free_port()
    with subprocess.Popen(
        # With 0 s it spins on one core, and the default of 5 min hides what is written behind it.
        [
            *(*_UNTIL_EOF, RCLONE, "serve", "s3", f"--addr=127.0.0.1:{port}"),
            *("--dir-cache-time=1s", f"--config={base / 'none'}"),
            *(f"--cache-dir={base / 'cache'}", str(stored)),
        ],
        env={**os.environ, "RCLONE_AUTH_KEY": f'"{user},{password}"'},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        wait_until(lambda: _listens(port), "rclone serve s3 does not start", seconds=30)
        config.write_text(_CONFIG.format(user=user, password=password, port=port))
        yield Remote("s3", stored / BUCKET, config, port, user, password, (server.pid,))


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def far(base: Path, *, round_trip: float, rate: float) -> Iterator[Remote]:
    """Yield an S3 that is so many seconds and bytes per second away."""
    with s3(base) as near:
        program = [sys.executable, "-m", "tests.benchmarks.proxy"]
        with subprocess.Popen(
            [*program, str(near.port), str(round_trip), str(rate)],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as proxy:
            try:
                assert proxy.stdout is not None
                near.name, near.proxy, near.port = "far", proxy, int(proxy.stdout.readline())
                text = _CONFIG.format(user=near.user, password=near.password, port=near.port)
                near.config.write_text(text)
                yield near
            finally:
                proxy.kill()


REMOTES = ("folder", "s3", "far")
