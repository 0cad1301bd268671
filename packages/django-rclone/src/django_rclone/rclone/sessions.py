"""How long the one rclone runs: from the first request to the end of the last session."""

import os
import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager, suppress

from ..exceptions import RcloneError
from .binary import RcloneBinary
from .daemon import Daemon

_pool_lock = threading.RLock()
_sessions = 0
_pool: dict[Hashable, Daemon] = {}
_abandoned: list[Daemon] = []


@contextmanager
def session() -> Iterator[None]:
    """Let all requests within the block go to one rclone, which ends with the block.

    Blocks may be nested, and entered by several threads: it ends with the last one.
    """
    global _sessions
    with _pool_lock:
        _sessions += 1
    try:
        yield
    finally:
        with _pool_lock:
            _sessions -= 1
            ending = [] if _sessions else list(_pool.values())
            if not _sessions:
                _pool.clear()
        for daemon in ending:
            daemon.stop()


def begin(binary: RcloneBinary) -> Daemon:
    """Start the rclone of this session if need be, and do not wait until it takes requests.

    Raises ``RcloneError`` if it cannot be started.
    """
    with _pool_lock:
        assert _sessions, "only within a session"
        daemon = _pool.get(binary.key)
        if daemon is not None and daemon.is_alive:
            return daemon
        if daemon is not None:
            _drop(binary, daemon)
        daemon = _pool[binary.key] = Daemon(binary)
        return daemon


def running(binary: RcloneBinary) -> Daemon:
    """Return the rclone of this session, after starting it if need be. Raises ``RcloneError``."""
    with _pool_lock:
        daemon = begin(binary)
        try:
            daemon.wait_until_ready()
        except BaseException:
            _drop(binary, daemon)
            raise
        return daemon


def _drop(binary: RcloneBinary, daemon: Daemon) -> None:
    del _pool[binary.key]
    daemon.stop()


def answering(binary: RcloneBinary) -> Daemon | None:
    """Return the rclone of this session, if one was started and still runs."""
    with _pool_lock:
        daemon = _pool.get(binary.key)
    return daemon if daemon is not None and daemon.is_alive else None


def forget_storages() -> None:
    """Let every rclone of this session open its storages again, if it still answers."""
    with _pool_lock:
        daemons = list(_pool.values())
    for daemon in daemons:
        with suppress(RcloneError):
            if daemon.is_alive:
                daemon.forget_storages()


def _forget() -> None:
    """Leave the parent's rclone to the parent: a fork must neither stop nor outlive it."""
    global _sessions, _pool_lock
    _pool_lock = threading.RLock()
    _sessions = 0
    for daemon in _pool.values():
        daemon.abandon()
    _abandoned.extend(_pool.values())
    _pool.clear()


os.register_at_fork(after_in_child=_forget)
