"""Locks on the remote: one run at a time, on however many hosts.

No storage that rclone knows can create a file only if there is none. So every
run stores a claim under a name of its own, and only then looks for others: of
two that start at once, at least one sees the other. Whoever sees another gives
way. A claim that is not renewed expires: a dead host blocks nobody for long.
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
from ..interrupts import pause
from ..rclone import Rclone
from .liveness import forget, is_dead, present

EXPIRY = timedelta(minutes=15)
"""How long a claim counts after its last renewal. It is renewed three times as often."""

_TRIES = 4  # of runs that start at the same moment, and give way to each other
_LONGEST = timedelta(days=1)
_SIMULTANEOUS = timedelta(seconds=5)
_TOKEN = re.compile(r"[0-9a-f]{16}")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
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
        """Read what was stored. Raises ``ValueError`` for anything but a claim."""
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


MEDIA = ("media",)
"""The name of the lock of the mirror, whoever writes or reads it."""


def name_of(event: OperationEvent) -> tuple[str, ...]:
    """Return the name of the lock of an operation on a database, in its environment."""
    return (event.environment, event.database or "", event.operation)


@contextmanager
def exclusive(
    rclone: Rclone, *name: str, warn: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Hold the lock called ``name``, in one or more parts, for the time of the block.

    Raises ``OperationLocked``, which tells who holds it, and ``RcloneError`` when
    the remote cannot be asked or written. With ``warn`` the latter is but a
    warning: a restore must work with credentials that can only read.
    """
    lock = _Lock(rclone, ".".join(quote(part, safe="") for part in name if part))
    with ExitStack() as stack:
        try:
            claim = _acquired(lock, stack)
        except RcloneError as error:
            if warn is None:
                raise
            warn(f"Nothing keeps another host from doing the same meanwhile: {error.message}")
        else:
            stack.enter_context(_renewed(lock, claim))
        yield


def _acquired(lock: "_Lock", stack: ExitStack) -> Claim:
    # A look before: most who have to give way need not even claim.
    if holder := lock.rival():
        raise _locked(lock, holder)
    for further in range(_TRIES - 1, -1, -1):
        with ExitStack() as attempt:
            claim = attempt.enter_context(lock.claimed())
            rival = lock.rival(claim.token)
            if rival is None:
                stack.push(attempt.pop_all())
                return claim
        # A claim that was there well before ours is that of a run at work.
        if not further or rival.since < claim.since - _SIMULTANEOUS:
            raise _locked(lock, rival)
        pause(random.uniform(0.2, 2.0))
    raise AssertionError("a loop that never ends without a result")


def _locked(lock: "_Lock", rival: Claim) -> OperationLocked:
    return OperationLocked(
        f"The same is running on host {rival.host} (process {rival.pid}) "
        f"since {rival.since:%Y-%m-%d %H:%M:%S} UTC.",
        hint="Wait for its end. If it has died, its lock expires at "
        f"{rival.until:%H:%M:%S} UTC; or delete {lock.path(rival.token)} on the remote.",
    )


class _Lock:
    def __init__(self, rclone: Rclone, name: str) -> None:
        self.rclone = rclone
        self._prefix = f"{LOCK_DIR}/{name}."

    def path(self, token: str) -> str:
        return f"{self._prefix}{token}.json"

    def write(self, claim: Claim) -> None:
        self.rclone.write(self.path(claim.token), claim.to_bytes())

    @contextmanager
    def claimed(self) -> Iterator[Claim]:
        now = datetime.now(UTC)
        claim = Claim(
            token=secrets.token_hex(8),
            host=socket.gethostname(),
            pid=os.getpid(),
            since=now,
            until=now + EXPIRY,
        )
        with present(claim.token):
            try:
                self.write(claim)
                yield claim
            finally:
                self._remove(claim.token)

    def rival(self, own: str = "") -> Claim | None:
        """Return the oldest living claim other than ``own``; sweep dead ones."""
        living = []
        for token in self._tokens() - {own}:
            claim = self._read(token)
            if claim is None or self._is_dead(claim):
                self._remove(token)
            else:
                living.append(claim)
        return min(living, key=lambda claim: claim.since, default=None)

    def _remove(self, token: str) -> None:
        # A claim that has to stay shall be known here for that of a run that ended.
        if self.rclone.discard(self.path(token)):
            forget(token)

    def _tokens(self) -> set[str]:
        names = [item.path for item in self.rclone.list(LOCK_DIR)]
        tokens = {name.removeprefix(self._prefix).removesuffix(".json") for name in names}
        return {t for t in tokens if _TOKEN.fullmatch(t) and self.path(t) in names}

    def _read(self, token: str) -> Claim | None:
        """Return a claim; ``None`` for one that has gone, or can be nobody's."""
        try:
            claim = Claim.from_bytes(self.rclone.read(self.path(token)) or b"")
        except ValueError:
            return None
        return claim if claim.token == token else None

    def _is_dead(self, claim: Claim) -> bool:
        now = datetime.now(UTC)
        # What claims to last for years was written by no run, or by a very wrong clock.
        if not now <= claim.until <= now + _LONGEST:
            return True
        return claim.host == socket.gethostname() and is_dead(claim.token)


@contextmanager
def _renewed(lock: _Lock, claim: Claim) -> Iterator[None]:
    done = threading.Event()

    def renew() -> None:
        while not done.wait(EXPIRY.total_seconds() / 3):
            try:
                lock.write(replace(claim, until=datetime.now(UTC) + EXPIRY))
            except RcloneError as error:
                logger.warning("The lock could not be renewed: %s", error.message)

    thread = threading.Thread(target=renew, name="django-rclone-lock", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
