"""Locks on the remote: one run at a time, on however many hosts.

No storage that rclone knows can create a file only if there is none. So every
run stores a lease under a name of its own, and only then looks for others: of
two that start at once, at least one sees the other. Whoever sees another gives
way. A lease that is not renewed expires: a dead host blocks nobody for long.
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
from ..events import OperationEvent
from ..exceptions import OperationLocked, RcloneError
from ..interrupts import sleep
from ..rclone import Remote
from .liveness import hold_marker, owner_is_dead, remove_marker

EXPIRY = timedelta(minutes=15)
"""How long a lease counts after its last renewal. It is renewed three times as often."""

_TRIES = 4  # of runs that start at the same moment, and give way to each other
_LONGEST = timedelta(days=1)
_SIMULTANEOUS = timedelta(seconds=5)
_TOKEN = re.compile(r"[0-9a-f]{16}")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Who holds a lock, or wants it."""

    token: str
    host: str
    pid: int
    since: datetime
    until: datetime

    def to_bytes(self) -> bytes:
        """Return what is stored."""
        moments = {"since": self.since.isoformat(), "until": self.until.isoformat()}
        return (json.dumps({**asdict(self), **moments}, sort_keys=True) + "\n").encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what was stored. Raises ``ValueError`` for anything but a lease."""
        try:
            values = json.loads(data)
        except RecursionError:
            raise ValueError("it is no JSON") from None
        if not isinstance(values, dict):
            raise ValueError("it is no JSON object")
        pid, *texts = (values.get(name) for name in ("pid", "token", "host", "since", "until"))
        if type(pid) is not int or not all(isinstance(text, str) for text in texts):
            raise ValueError("it lacks a field, or has one of a wrong type")
        token, host, since, until = map(str, texts)
        return cls(token=token, host=host, pid=pid, since=_moment(since), until=_moment(until))


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("it has a date without a time zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("it has a date out of range") from None


MEDIA_LOCK = ("media",)
"""The name of the lock of the mirror, whoever writes or reads it."""


def lock_name(event: OperationEvent) -> tuple[str, ...]:
    """Return the name of the lock of an operation on a database, in its environment."""
    return (event.environment, event.database or "", event.operation)


@contextmanager
def exclusive(
    remote: Remote, *name: str, warn: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Hold the lock called ``name``, in one or more parts, for the time of the block.

    Raises ``OperationLocked``, which tells who holds it, and ``RcloneError`` when
    the remote cannot be asked or written. With ``warn`` the latter is but a
    warning: a restore must work with credentials that can only read.
    """
    lock = _Lock(remote, ".".join(quote(part, safe="") for part in name if part))
    with ExitStack() as stack:
        try:
            lease = _acquired(lock, stack)
        except RcloneError as error:
            if warn is None:
                raise
            warn(f"Nothing keeps another host from doing the same meanwhile: {error.message}")
        else:
            stack.enter_context(_renewed(lock, lease))
        yield


def _acquired(lock: "_Lock", stack: ExitStack) -> Lease:
    # A look before: most who have to give way need not even store a lease.
    if holder := lock.other_holder():
        raise _locked(lock, holder)
    for attempts_left in range(_TRIES - 1, -1, -1):
        with ExitStack() as attempt:
            lease = attempt.enter_context(lock.leased())
            other = lock.other_holder(lease.token)
            if other is None:
                stack.push(attempt.pop_all())
                return lease
        # A lease that was there well before ours is that of a run at work.
        if not attempts_left or other.since < lease.since - _SIMULTANEOUS:
            raise _locked(lock, other)
        sleep(random.uniform(0.2, 2.0))
    raise AssertionError("a loop that never ends without a result")


def _locked(lock: "_Lock", other: Lease) -> OperationLocked:
    return OperationLocked(
        f"The same is running on host {other.host} (process {other.pid}) "
        f"since {other.since:%Y-%m-%d %H:%M:%S} UTC.",
        hint="Wait for its end. If it has died, its lock expires at "
        f"{other.until:%H:%M:%S} UTC; or delete {lock.path(other.token)} on the remote.",
    )


class _Lock:
    def __init__(self, remote: Remote, name: str) -> None:
        self.remote = remote
        self._prefix = f"{LOCK_DIR}/{name}."

    def path(self, token: str) -> str:
        return f"{self._prefix}{token}.json"

    def write(self, lease: Lease) -> None:
        self.remote.write(self.path(lease.token), lease.to_bytes())

    @contextmanager
    def leased(self) -> Iterator[Lease]:
        now = datetime.now(UTC)
        lease = Lease(
            token=secrets.token_hex(8),
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
        """Return the oldest living lease other than ``own``; sweep dead ones."""
        living = []
        for token in self._tokens() - {own}:
            lease = self._read(token)
            if lease is None or self._is_dead(lease):
                self._remove(token)
            else:
                living.append(lease)
        return min(living, key=lambda lease: lease.since, default=None)

    def _remove(self, token: str) -> None:
        # A lease that has to stay shall be known here for that of a run that ended.
        if self.remote.try_delete(self.path(token)):
            remove_marker(token)

    def _tokens(self) -> set[str]:
        names = [item.path for item in self.remote.list(LOCK_DIR)]
        tokens = {name.removeprefix(self._prefix).removesuffix(".json") for name in names}
        return {t for t in tokens if _TOKEN.fullmatch(t) and self.path(t) in names}

    def _read(self, token: str) -> Lease | None:
        """Return a claim; ``None`` for one that has gone, or can be nobody's."""
        try:
            lease = Lease.from_bytes(self.remote.read(self.path(token)) or b"")
        except ValueError:
            return None
        return lease if lease.token == token else None

    def _is_dead(self, lease: Lease) -> bool:
        now = datetime.now(UTC)
        # What claims to last for years was written by no run, or by a very wrong clock.
        if not now <= lease.until <= now + _LONGEST:
            return True
        return lease.host == socket.gethostname() and owner_is_dead(lease.token)


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
