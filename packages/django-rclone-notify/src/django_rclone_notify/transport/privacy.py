"""Hiding requests from logs and from Sentry: the URLs of services are secrets."""

import contextlib
import functools
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def hidden_from_monitoring() -> Iterator[None]:
    """Hide the requests of the ``with`` block, in this thread, from logs and from Sentry."""
    # The debug lines of urllib3 contain the path of the URL.
    with intercepted_logs("urllib3.connectionpool", lambda record: None), _without_sentry():
        yield


@contextlib.contextmanager
def intercepted_logs(name: str, handle: Callable[[logging.LogRecord], None]) -> Iterator[None]:
    """Pass the records that this thread logs to the logger ``name`` to ``handle`` only."""
    thread = threading.get_ident()

    def is_from_another_thread(record: logging.LogRecord) -> bool:
        if record.thread != thread:
            return True
        handle(record)
        return False

    logger = logging.getLogger(name)
    logger.addFilter(is_from_another_thread)
    try:
        yield
    finally:
        logger.removeFilter(is_from_another_thread)


@contextlib.contextmanager
def _without_sentry() -> Iterator[None]:
    """Give this thread a Sentry client that records and sends nothing.

    The site's SDK records the URL of every HTTP request for its next event, and
    adds headers to the request.
    """
    sdk: Any = sys.modules.get("sentry_sdk")
    # The extra needs 2.0; older versions of the SDK have no scopes like these.
    if not hasattr(sdk, "new_scope"):
        yield
        return
    with sdk.new_scope() as scope:
        scope.set_client(_blind_client())
        yield


@functools.cache
def _blind_client() -> Any:
    sdk: Any = sys.modules["sentry_sdk"]
    # Without a DSN it sends nothing, without integrations it records nothing. No client
    # at all would not do: the scope would ask the next one. The DSN is empty rather
    # than None, for which the SDK would read the environment.
    return sdk.Client(dsn="", default_integrations=False, auto_enabling_integrations=False)
