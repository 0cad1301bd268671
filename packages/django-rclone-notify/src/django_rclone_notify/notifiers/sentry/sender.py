"""Handing something to the Sentry SDK and learning what became of it."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ...exceptions import NotifierError
from ...secrets import Secret
from ...transport import deadline as budget
from ...transport.retry import Failure, persist

if TYPE_CHECKING:
    from sentry_sdk.client import BaseClient

try:
    import sentry_sdk
    from sentry_sdk.crons import capture_checkin
    from sentry_sdk.utils import BadDsn, Dsn
except ImportError:
    sentry_sdk = None  # type: ignore[assignment]

Capture = Callable[[], str | None]
"""Gives something to the current client; ``None`` says that the SDK threw it away."""

_one_listener = threading.Lock()


def is_installed() -> bool:
    """Tell whether the SDK is there."""
    return sentry_sdk is not None


def is_dsn(dsn: Secret) -> bool:
    """Tell whether the SDK takes ``dsn``."""
    try:
        Dsn(dsn.reveal())
    except (BadDsn, ValueError):
        return False
    return True


def capture_check_in(**check_in: Any) -> str | None:
    """Give a check-in to the current client, and return what to tell about it."""
    captured = capture_checkin(**check_in)
    return None if captured is None else f"checked in: {check_in['status']}"


def capture_issue(event: Any) -> str | None:
    """Give an error event to the current client, and return what to tell about it."""
    captured = sentry_sdk.capture_event(event)
    # before_send and sample_rate are the site's to decide.
    return "the SDK sent no issue" if captured is None else f"issue {captured}"


class Sender:
    """Sends with a client of its own to ``dsn``, or with the client of the site."""

    def __init__(self, dsn: Secret | None, environment: str) -> None:
        self._dsn = dsn
        self._environment = environment

    def send(self, category: str, capture: Capture) -> str:
        """Send what ``capture`` gives, try again as long as that may help, and wait for the end.

        ``category`` is what Sentry's rate limits call it. Raises ``NotifierError``.
        """
        return persist(lambda: self._send_once(category, capture))

    def _send_once(self, category: str, capture: Capture) -> str | Failure:
        with self._client() as client:
            pause = _silence(client, category)
            if pause > 0:
                return Failure(message="Sentry asked for silence", again=True, pause=pause)
            seconds = budget.remaining()
            own = self._dsn is not None
            with _drops(client, own=own) as drops, _scope(client, own=own):
                captured = capture()
                begun = time.monotonic()
                client.flush(timeout=seconds)
                waited = time.monotonic() - begun
            if captured is None:
                return Failure(message="The Sentry SDK discarded the check-in", permanent=True)
            if drops:
                return _refusal(drops[0], _silence(client, category))
            # flush() does not tell whether it was done in time.
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
            # Everything was waited for already.
            client.close(timeout=0)


def _refusal(reason: str, pause: float) -> Failure:
    limited = reason == "status_429"
    return Failure(
        message=f"Sentry did not take it ({reason})",
        again=limited or reason.startswith(("network", "status_5")),
        pause=pause,
        permanent=reason.startswith("status_4") and not limited,
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
            # What the site noted about itself is not for another project.
            isolation.clear()
            scope.clear()
        scope.set_client(client)
        yield


def _silence(client: "BaseClient", category: str) -> float:
    """Return the seconds for which the SDK drops ``category`` without a word: Sentry asked for it."""
    until: dict[str | None, datetime] = getattr(client.transport, "_disabled_until", {})
    ends = [until[key] for key in (category, None) if key in until]
    return max(((end - datetime.now(UTC)).total_seconds() for end in ends), default=0.0)


@contextlib.contextmanager
def _drops(client: "BaseClient", *, own: bool) -> Iterator[list[str]]:
    """Collect why the transport drops something meanwhile, through the hook it has for that.

    Another thread's loss may be among the reasons: it is a loss on the same way to
    the same Sentry. Several channels may use the client of the site: one at a time.
    """
    reasons: list[str] = []
    transport = client.transport
    with contextlib.nullcontext() if own else _one_listener:
        before = getattr(transport, "on_dropped_event", None)

        def listen(reason: str) -> None:
            reasons.append(reason)
            if before is not None:
                before(reason)

        setattr(transport, "on_dropped_event", listen)  # noqa: B010 - a method cannot be assigned
        try:
            yield reasons
        finally:
            setattr(transport, "on_dropped_event", before)  # noqa: B010
