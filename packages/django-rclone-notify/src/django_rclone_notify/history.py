"""How an operation ended the last time, kept in Django's cache, to tell a recovery."""

import hashlib
import json
import logging

from django.core.cache import cache, caches
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.exceptions import ImproperlyConfigured

from django_rclone.events import OperationEvent, State

logger = logging.getLogger(__name__)

KEPT_FOR = 366 * 24 * 60 * 60
"""Seconds: a yearly backup recovers too."""


def is_recovery(event: OperationEvent) -> bool:
    """Remember the outcome ``event``, and tell whether it is the first success after a failure.

    Whatever is wrong with the cache costs the answer and nothing else: then it
    is ``False``.
    """
    key = _key(event)
    try:
        before = cache.get(key)
        cache.set(key, str(event.state), KEPT_FOR)
    except Exception as error:  # noqa: BLE001 - caches raise what their clients raise
        logger.debug("The last outcome is not known (%s)", type(error).__name__)
        return False
    return event.state == State.SUCCEEDED and before == State.FAILED


def outlasts_the_process() -> bool:
    """Tell whether the default cache is there for the next command."""
    try:
        backend = caches["default"]
    except ImproperlyConfigured:
        # Django has its own check for that.
        return True
    return not isinstance(backend, (LocMemCache, DummyCache))


def _key(event: OperationEvent) -> str:
    # Aliases and labels may hold what a cache does not take in a key.
    what = json.dumps([event.environment, event.operation, event.database])
    return f"django_rclone_notify:outcome:{hashlib.sha256(what.encode()).hexdigest()}"
