"""Why an object could not be opened: rclone says so in its log alone, and only if it is asked to."""

import threading
from contextlib import closing, suppress

from .daemon import Daemon
from .decoding import json_object

_SIGN = "Get request open error: "
_PATIENCE = 2.0  # seconds for the log to arrive


def why_not_open(daemon: Daemon, fs: str, path: str) -> str:
    """Open an object once more, and return what rclone logs. Raises ``RcloneError``."""
    words: list[str] = []
    heard = threading.Event()

    def listen(line: str) -> None:
        with suppress(ValueError):
            message = str(json_object(line).get("msg", ""))
            if message.startswith(_SIGN):
                words.append(message.removeprefix(_SIGN))
                heard.set()

    what = f"find out why {path} cannot be opened"
    usual = daemon.api.call("options/get", what, blocks="main")["main"]["LogLevel"]
    with daemon.listening(listen):
        daemon.api.call("options/set", what, main={"LogLevel": "DEBUG"})
        try:
            with daemon.api.guarded(what), closing(daemon.api.open(lambda: None)) as connection:
                daemon.api.get(connection, fs, path)
            heard.wait(_PATIENCE)
        finally:
            daemon.api.call("options/set", what, main={"LogLevel": usual})
    return words[0] if words else "it cannot be opened"
