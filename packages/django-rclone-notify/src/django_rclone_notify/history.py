"""The last outcome of each operation, kept in Django's cache to recognize what is new about one."""

import hashlib
import json
import logging
from enum import Enum, auto

from django.core.cache import cache, caches
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.exceptions import ImproperlyConfigured

from django_rclone.events import OperationEvent, State

logger = logging.getLogger(__name__)

RETENTION_SECONDS = 366 * 24 * 60 * 60
"""Long enough for the recovery of a yearly backup."""


class Change(Enum):
    """How an outcome compares to the last one of the same operation."""

    NONE = auto()
    """It is the first, or a success after a success, or the last one is not known."""
    RECOVERED = auto()
    """The first success after a failure."""
    REPEATED = auto()
    """A failure after a failure."""


def change_by(event: OperationEvent) -> Change:
    """Store the outcome ``event``, and return how it compares to the last one.

    Returns ``Change.NONE`` if the cache does not work; nothing is raised.
    """
    key = _key(event)
    try:
        last = cache.get(key)
        cache.set(key, str(event.state), RETENTION_SECONDS)
    except Exception as error:  # noqa: BLE001 - caches raise the errors of their clients
        logger.debug("The last outcome is unknown (%s)", type(error).__name__)
        return Change.NONE
    if last != State.FAILED:
        return Change.NONE
    return Change.REPEATED if event.state == State.FAILED else Change.RECOVERED


def is_persistent() -> bool:
    """Return whether the default cache outlives the process."""
    try:
        backend = caches["default"]
    except ImproperlyConfigured:
        # Django has its own check for this.
        return True
    return not isinstance(backend, (LocMemCache, DummyCache))


def _key(event: OperationEvent) -> str:
    # Hashed, because aliases and labels may contain characters that caches reject in keys.
    identity = json.dumps([event.environment, event.operation, event.database])
    return f"django_rclone_notify:outcome:{hashlib.sha256(identity.encode()).hexdigest()}"
