"""Locks on the remote: one run at a time, on however many hosts.

No storage that rclone supports can create a file only if it does not exist. So
every run stores a lease under a name of its own, and only then looks for others:
of two that start at once, at least one sees the other. A run that sees another
gives way. A lease that is not renewed expires, so that a dead host does not block
anyone for long.
"""

import json
import logging
import os
import random
import re
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Self
from urllib.parse import quote

from ..conf import LOCK_DIR
from ..events import Operation, OperationEvent
from ..exceptions import OperationLocked, RcloneError
from ..interrupts import sleep
from ..rclone import Remote
from ..rclone.decoding import json_object, typed_fields
from ..rclone.waits import waiting
from .liveness import hold_marker, owner_is_dead, remove_marker

EXPIRY = timedelta(minutes=15)
"""How long a lease is valid after its last renewal. It is renewed three times as often."""

_OF_MEDIA = (Operation.MEDIA_BACKUP, Operation.MEDIA_RESTORE, Operation.MEDIA_PRUNE)
_TRIES = 4  # of runs that start at the same moment and give way to each other
_LONGEST = timedelta(days=1)
_SIMULTANEOUS = timedelta(seconds=5)
_TOKEN = re.compile(r"[0-9a-f]{16}")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Who holds a lock, or tries to take it. The annotations are the types that are read."""

    token: str
    operation: str
    database: str | None
    host: str
    pid: int
    since: datetime
    until: datetime

    def to_bytes(self) -> bytes:
        """Return the lease as it is stored."""
        dates = {"since": self.since.isoformat(), "until": self.until.isoformat()}
        return (json.dumps({**asdict(self), **dates}, sort_keys=True) + "\n").encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a stored lease. Raises ``ValueError`` for anything else.

        Unknown fields are ignored: the lease of a newer release is valid, too.
        """
        return cls(**typed_fields(cls, json_object(data)))

    def __str__(self) -> str:
        of = f" of {self.database!r}" if self.database else ""
        return f"{self.operation}{of}"


@contextmanager
def exclusive(
    remote: Remote, event: OperationEvent, *, warn: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Hold the lock of an operation for the duration of the block.

    Operations on a database exclude the same operation on it in the same
    environment; media operations exclude each other. Raises ``OperationLocked``,
    which names the holder, and ``RcloneError`` if the remote cannot be read or
    written. With ``warn`` the latter is only a warning, since a restore must work
    with read-only credentials.
    """
    lock = _Lock(remote, event)
    with ExitStack() as stack:
        try:
            lease = _acquire(lock, stack)
        except RcloneError as error:
            if warn is None:
                raise
            warn(
                "Could not take a lock, so another host may run the same operation "
                f"at the same time: {error.message}"
            )
        else:
            stack.enter_context(_renewed(lock, lease))
        yield


def _acquire(lock: "_Lock", stack: ExitStack) -> Lease:
    # Most runs that have to give way need not even store a lease.
    if holder := lock.other_holder():
        raise _locked(lock, holder)
    for attempts_left in range(_TRIES - 1, -1, -1):
        with ExitStack() as attempt:
            lease = attempt.enter_context(lock.leased())
            other = lock.other_holder(lease.token)
            if other is None:
                stack.push(attempt.pop_all())
                return lease
        # A lease well before ours is that of a run at work.
        if not attempts_left or other.since < lease.since - _SIMULTANEOUS:
            raise _locked(lock, other)
        waiting(f"Another {other} starts on host {other.host} at this moment; trying again.")
        sleep(random.uniform(0.2, 2.0))
    raise AssertionError("the loop returns or raises")


def _locked(lock: "_Lock", holder: Lease) -> OperationLocked:
    return OperationLocked(
        f"Another {holder} has been running on host {holder.host} (pid {holder.pid}) "
        f"since {holder.since:%Y-%m-%d %H:%M:%S} UTC.",
        hint="Wait for it to finish. If that process is gone, the lock expires at "
        f"{holder.until:%H:%M:%S} UTC; or delete {lock.path(holder.token)} on the remote.",
    )


class _Lock:
    """One lock on the remote: the leases that share a prefix."""

    def __init__(self, remote: Remote, event: OperationEvent) -> None:
        self._remote = remote
        self._event = event
        self._prefix = f"{LOCK_DIR}/{_lock_name(event)}."

    def path(self, token: str) -> str:
        return f"{self._prefix}{token}.json"

    def write(self, lease: Lease) -> None:
        self._remote.write(self.path(lease.token), lease.to_bytes())

    @contextmanager
    def leased(self) -> Iterator[Lease]:
        now = datetime.now(UTC)
        lease = Lease(
            token=secrets.token_hex(8),
            operation=self._event.operation,
            database=self._event.database,
            host=socket.gethostname(),
            pid=os.getpid(),
            since=now,
            until=now + EXPIRY,
        )
        with hold_marker(lease.token):
            try:
                self.write(lease)
                yield lease
            finally:
                self._remove(lease.token)

    def other_holder(self, own: str = "") -> Lease | None:
        """Return the oldest living lease but that of the token ``own``; sweep dead ones."""
        living = []
        for token in self._tokens() - {own}:
            lease = self._read(token)
            if lease is None or self._is_dead(lease):
                self._remove(token)
            else:
                living.append(lease)
        return min(living, key=lambda lease: lease.since, default=None)

    def _remove(self, token: str) -> None:
        # While the lease is there, its marker must show that the run has ended.
        if self._remote.try_delete(self.path(token)):
            remove_marker(token)

    def _tokens(self) -> set[str]:
        names = [item.path for item in self._remote.list(LOCK_DIR)]
        tokens = {name.removeprefix(self._prefix).removesuffix(".json") for name in names}
        return {t for t in tokens if _TOKEN.fullmatch(t) and self.path(t) in names}

    def _read(self, token: str) -> Lease | None:
        """Return a lease; ``None`` if it is gone, or is not a valid lease of this token."""
        try:
            lease = Lease.from_bytes(self._remote.read(self.path(token)) or b"")
        except ValueError:
            return None
        return lease if lease.token == token else None

    def _is_dead(self, lease: Lease) -> bool:
        now = datetime.now(UTC)
        # A lease for years is forged, or the clock that dated it was very wrong.
        if not now <= lease.until <= now + _LONGEST:
            return True
        return lease.host == socket.gethostname() and owner_is_dead(lease.token)


def _lock_name(event: OperationEvent) -> str:
    if event.operation in _OF_MEDIA:
        # They share the stored content, whichever environment reads or writes it.
        return "media"
    parts = (event.environment, event.database or "", event.operation)
    return ".".join(quote(part, safe="") for part in parts if part)


@contextmanager
def _renewed(lock: _Lock, lease: Lease) -> Iterator[None]:
    done = threading.Event()

    def renew() -> None:
        while not done.wait(EXPIRY.total_seconds() / 3):
            try:
                lock.write(replace(lease, until=datetime.now(UTC) + EXPIRY))
            except RcloneError as error:
                logger.warning("The lock could not be renewed: %s", error.message)

    thread = threading.Thread(target=renew, name="django-rclone-lock", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
