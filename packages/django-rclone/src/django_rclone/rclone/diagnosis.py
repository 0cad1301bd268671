"""Why a storage or an object could not be opened, where rclone does not say so by itself."""

import threading
from collections.abc import Mapping
from contextlib import closing, suppress
from http import HTTPStatus
from typing import Any

from ..exceptions import RcloneError
from .api import checked
from .daemon import Daemon
from .decoding import json_object

# rclone logs why an object cannot be opened, and only if it is asked to.
_SIGN = "Get request open error: "
# What ``crypt`` says of a folder if the storage below refuses to say what it is.
_TAKEN_FOR_A_FILE = "is a file not a directory"
_PATIENCE = 2.0  # seconds for the log to arrive


def opened(daemon: Daemon, fs: str, root: str) -> Mapping[str, Any]:
    """Let rclone open the folder ``fs`` below ``root``, and return what it knows of the storage.

    A folder of ``crypt`` is taken for a file if the remote below does not answer which of
    them it is. A listing then says what is wrong. Raises ``RcloneError``.
    """
    try:
        return daemon.storage(fs)
    except RcloneError as error:
        if not error.transient:
            raise
    daemon.forget_storages()
    what = f"list {fs}"
    daemon.api.call("operations/list", what, fs=root, remote="", _config=daemon.options.small)
    return daemon.storage(fs)


def why_not_open(daemon: Daemon, fs: str, path: str) -> str | None:
    """Open an object once more, and return what rclone logs; ``None`` if it can be opened now.

    Raises ``RcloneError``.
    """
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
                response = daemon.api.get(connection, fs, path)
                if response.status != HTTPStatus.NOT_FOUND:
                    checked(response, f"read {fs}{path}")
                    return None
            heard.wait(_PATIENCE)
        finally:
            daemon.api.call("options/set", what, main={"LogLevel": usual})
    return words[0] if words else "it cannot be opened"


def cause_below(daemon: Daemon, error: RcloneError, below: str) -> RcloneError:
    """Return the ``error`` of one that encrypts, or what the storage ``below`` it says itself.

    With wrong credentials S3 does not say whether a folder is one, and ``crypt`` not why.
    """
    if _TAKEN_FOR_A_FILE not in error.message:
        return error
    try:
        what = f"list {below}"
        daemon.api.call("operations/list", what, fs=below, remote="", _config=daemon.options.small)
    except RcloneError as cause:
        return error if cause.missing else cause
    return error
