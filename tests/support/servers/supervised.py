"""Servers of a test run, which are gone when it is, however it ends."""

import json
import os
import pwd
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol


class Closing(Protocol):
    """A connection, for all that matters here."""

    def close(self) -> object: ...


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def unprivileged() -> dict[str, Any]:
    """Return who runs the servers: they refuse root."""
    if os.getuid() != 0:
        return {}
    account = pwd.getpwnam("nobody")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


@contextmanager
def supervised(
    command: Sequence[str], folder: Path, account: dict[str, Any], *, stop: str
) -> Iterator[None]:
    """Run a server as nobody's child: tests may look at what children they have.

    ``stop`` is the signal that ends it; ``folder`` goes with it.
    """
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


def await_server(connect: Callable[[], Closing], refusal: type[Exception], log: Path) -> None:
    """Wait until a server lets us in. Raises ``RuntimeError`` with its log if it does not."""
    deadline = time.monotonic() + 60
    while True:
        try:
            connect().close()
            return
        except refusal:
            if time.monotonic() > deadline:
                raise RuntimeError(f"The server does not start:\n{log.read_text()}") from None
            time.sleep(0.05)
