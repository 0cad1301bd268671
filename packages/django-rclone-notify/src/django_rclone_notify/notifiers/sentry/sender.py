"""Sending through the Sentry SDK, and finding out whether Sentry accepted it.

The SDK sends in the background and reports nothing to the caller, so this waits
for it and listens to two public methods of its transport, ``on_dropped_event()``
and ``record_lost_event()``.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ...exceptions import NotifierError
from ...secrets import Secret
from ...transport import deadline
from ...transport.retry import Failure, retry

if TYPE_CHECKING:
    from sentry_sdk.client import BaseClient

try:
    import sentry_sdk
    from sentry_sdk.crons import capture_checkin
    from sentry_sdk.utils import BadDsn, Dsn
except ImportError:
    sentry_sdk = None  # type: ignore[assignment]

Capture = Callable[[], str | None]
"""Passes something to the current client; returns ``None`` if the SDK discarded it."""

_RATE_LIMITED = ("status_429", "self_rate_limits", "ratelimit_backoff")
_RATE_LIMIT_PAUSE = 2.0
"""Seconds. The SDK itself keeps to the time that Sentry asked for, however long."""

_one_listener = threading.Lock()


def is_installed() -> bool:
    """Return whether the SDK is installed."""
    return sentry_sdk is not None


def is_dsn(dsn: Secret) -> bool:
    """Return whether the SDK accepts ``dsn``."""
    try:
        Dsn(dsn.reveal())
    except (BadDsn, ValueError):
        return False
    return True


def capture_check_in(**check_in: Any) -> str | None:
    """Pass a check-in to the current client, and return the text for the operator."""
    captured = capture_checkin(**check_in)
    return None if captured is None else f"checked in: {check_in['status']}"


def capture_issue(event: Any) -> str | None:
    """Pass an error event to the current client, and return the text for the operator."""
    captured = sentry_sdk.capture_event(event)
    # The site decides, with before_send and sample_rate.
    return "the SDK sent no issue" if captured is None else f"issue {captured}"


class Sender:
    """Sends with a client of its own to ``dsn``, or with the client of the site."""

    def __init__(self, dsn: Secret | None, environment: str) -> None:
        self._dsn = dsn
        self._environment = environment

    def send(self, capture: Capture) -> str:
        """Send what ``capture`` passes to the client, with retries, and wait for the result.

        Raises ``NotifierError``.
        """
        with self._client() as client:
            return retry(lambda: self._send_once(client, capture))

    def _send_once(self, client: "BaseClient", capture: Capture) -> str | Failure:
        seconds = deadline.remaining()
        own = self._dsn is not None
        with _dropped_events(client, own=own) as dropped, _scope(client, own=own):
            captured = capture()
            began = time.monotonic()
            client.flush(timeout=seconds)
            waited = time.monotonic() - began
        if captured is None:
            return Failure(message="The Sentry SDK discarded the check-in", permanent=True)
        if dropped:
            return _failure_for(dropped[0])
        # flush() does not return whether it finished in time.
        if waited >= seconds:
            return Failure(message="No answer from Sentry in time")
        return captured

    @contextlib.contextmanager
    def _client(self) -> Iterator["BaseClient"]:
        if self._dsn is None:
            yield _site_client()
            return
        client = sentry_sdk.Client(
            dsn=self._dsn.reveal(),
            environment=self._environment or None,
            default_integrations=False,
            auto_enabling_integrations=False,
            auto_session_tracking=False,
            send_client_reports=False,
        )
        try:
            yield client
        finally:
            # Nothing is left to wait for.
            client.close(timeout=0)


def _failure_for(reason: str) -> Failure:
    if reason in _RATE_LIMITED:
        return Failure(
            message="Sentry is rate limiting this project",
            retryable=True,
            retry_after=_RATE_LIMIT_PAUSE,
        )
    return Failure(
        message=f"Sentry did not accept it ({reason})",
        retryable=reason.startswith(("network", "status_5")),
        permanent=reason.startswith("status_4"),
    )


def _site_client() -> "BaseClient":
    client = sentry_sdk.get_client()
    if not client.is_active() or client.transport is None:
        raise NotifierError(
            "The Sentry SDK is not set up: call sentry_sdk.init(dsn=...) in the settings, "
            'or give the notifier the option "dsn"',
            permanent=True,
        )
    return client


@contextlib.contextmanager
def _scope(client: "BaseClient", *, own: bool) -> Iterator[None]:
    with sentry_sdk.isolation_scope() as isolation, sentry_sdk.new_scope() as scope:
        if own:
            # The site's breadcrumbs and tags are not meant for another project.
            isolation.clear()
            scope.clear()
        scope.set_client(client)
        yield


@contextlib.contextmanager
def _dropped_events(client: "BaseClient", *, own: bool) -> Iterator[list[str]]:
    """Collect the reasons for which the transport drops anything in the ``with`` block.

    A reason may belong to an event of another thread, which goes to the same
    project. Several channels may use the client of the site, but only one at a time.
    """
    reasons: list[str] = []

    def lost(reason: str, *_args: Any, **_kwargs: Any) -> None:
        # Check-ins that are held back are reported here only. Other reasons, such as
        # before_send, are decisions of the site, or reported by on_dropped_event() too.
        if reason == "ratelimit_backoff":
            reasons.append(reason)

    with (
        contextlib.nullcontext() if own else _one_listener,
        _listener(client.transport, "on_dropped_event", reasons.append),
        _listener(client.transport, "record_lost_event", lost),
    ):
        yield reasons


@contextlib.contextmanager
def _listener(transport: object, method: str, listen: Callable[..., None]) -> Iterator[None]:
    """Call ``listen`` with the arguments of every call of ``method``, if ``transport`` has it."""
    original = getattr(transport, method, None)
    if original is None:
        yield
        return

    def call(*args: Any, **kwargs: Any) -> None:
        listen(*args, **kwargs)
        original(*args, **kwargs)

    setattr(transport, method, call)
    try:
        yield
    finally:
        setattr(transport, method, original)
