"""Keeping those who watch the process from seeing the addresses that are called."""

import contextlib
import logging
import sys
import threading
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def unobserved() -> Iterator[None]:
    """Hide what this thread sends, in the ``with`` block, from logs and from Sentry."""
    with _quiet_urllib3(), _blind_sentry():
        yield


@contextlib.contextmanager
def _quiet_urllib3() -> Iterator[None]:
    """Keep urllib3's debug lines of this thread out of the logs: they show the URL's path."""
    thread = threading.get_ident()

    def from_elsewhere(record: logging.LogRecord) -> bool:
        return record.thread != thread

    logger = logging.getLogger("urllib3.connectionpool")
    logger.addFilter(from_elsewhere)
    try:
        yield
    finally:
        logger.removeFilter(from_elsewhere)


@contextlib.contextmanager
def _blind_sentry() -> Iterator[None]:
    """Give this thread a Sentry client that sees and sends nothing.

    The SDK of the site notes every HTTP request, with its URL, for the next
    event; and it adds headers of its own, which no webhook asked for.
    """
    sdk: Any = sys.modules.get("sentry_sdk")
    # Before 2.0 the SDK had other means, which nobody should need any more.
    if not hasattr(sdk, "new_scope"):
        yield
        return
    # Without a DSN it sends nothing, without integrations it notes nothing. It must
    # be a client all the same: a scope that has none asks the next one. The DSN is
    # empty, not None, for which the SDK would look into the environment.
    blind = sdk.Client(dsn="", default_integrations=False, auto_enabling_integrations=False)
    with sdk.new_scope() as scope:
        scope.set_client(blind)
        yield
