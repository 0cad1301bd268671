"""Runs a server until its own stdin ends, then removes it and its folder.

It is nobody's child, and outlives tests that are killed by just as long as it
takes to clean up after them.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path


def supervise(command: list[str], folder: str, account: dict[str, object], stop: str) -> None:
    with Path(folder, "log").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", **account
        )  # type: ignore[call-overload]
    sys.stdin.buffer.read()
    process.send_signal(signal.Signals[stop])
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGQUIT)
        process.wait()
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    if os.fork():
        os._exit(0)
    os.setsid()
    supervise(**json.loads(sys.argv[1]))
