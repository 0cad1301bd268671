"""The last outcome of each operation, kept in Django's cache to recognize a recovery."""

import hashlib
import json
import logging

from django.core.cache import cache, caches
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.exceptions import ImproperlyConfigured

from django_rclone.events import OperationEvent, State

logger = logging.getLogger(__name__)

RETENTION_SECONDS = 366 * 24 * 60 * 60
"""Long enough for the recovery of a yearly backup."""


def is_recovery(event: OperationEvent) -> bool:
    """Store the outcome ``event``, and return whether it is the first success after a failure.

    Returns ``False`` if the cache does not work; nothing is raised.
    """
    key = _key(event)
    try:
        last = cache.get(key)
        cache.set(key, str(event.state), RETENTION_SECONDS)
    except Exception as error:  # noqa: BLE001 - caches raise the errors of their clients
        logger.debug("The last outcome is unknown (%s)", type(error).__name__)
        return False
    return event.state == State.SUCCEEDED and last == State.FAILED


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
