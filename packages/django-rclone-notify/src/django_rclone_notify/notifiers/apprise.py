"""A hundred more services, through the library Apprise.

https://github.com/caronc/apprise
"""

import re
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from django_rclone.events import State

from ..exceptions import InvalidOption, MissingExtra, NotifierError
from ..messages import details, error_text, title, truncate
from ..notifications import Notification
from ..options import require_flag, require_secret
from ..secrets import Secret
from ..transport import deadline
from ..transport.privacy import hidden_from_monitoring, intercepted_logs
from ..transport.retry import Failure, retry
from .base import PROBLEM_STATES, Notifier

if TYPE_CHECKING:
    from apprise import NotifyBase

try:
    import apprise
except ImportError:
    apprise = None  # type: ignore[assignment]

BODY_LIMIT = 2_000
TITLE_LIMIT = 250

_TYPES = {State.STARTED: "info", State.SUCCEEDED: "success", State.FAILED: "failure"}
# Many services turn @name and <@id> into a mention, and <...> into a link or a tag.
# The character after the sign is invisible, and prevents this.
_DEFUSED = str.maketrans({"@": "@\u200b", "<": "<\u200b"})
# How Apprise's services log the status of a response.
_STATUS = re.compile(r"error=(\d{3})\b")


class AppriseNotifier(Notifier):
    """Sends text to every address; failures and recoveries by default.

    ``urls`` are Apprise's addresses, such as ``ntfys://...``, and secret. They are
    used one after the other, each with an equal share of the time. ``include_error``
    sends the text of the error, which may quote the output of the database tool.

    Raises ``NotifierError`` if a service did not accept the message.
    """

    default_states: ClassVar[frozenset[str]] = PROBLEM_STATES
    secret_options: ClassVar[frozenset[str]] = frozenset({"urls"})

    def __init__(self, *, urls: Sequence[str | Secret], include_error: bool = True) -> None:
        if apprise is None:
            raise MissingExtra("apprise", "apprise")
        self._urls = _require_urls(urls)
        self._include_error = require_flag("include_error", include_error)

    def notify(self, notification: Notification) -> str:
        """Send ``notification`` to each address, even if an earlier one failed."""
        accepted: list[str] = []
        failures: list[NotifierError] = []
        for left, url in zip(range(len(self._urls), 0, -1), self._urls, strict=True):
            with deadline.time_limit(deadline.remaining() / left):
                try:
                    accepted.append(retry(partial(self._send, url, notification)))
                except NotifierError as error:
                    failures.append(error)
        if failures:
            message = "; ".join(failure.message for failure in failures)
            raise NotifierError(message, permanent=all(failure.permanent for failure in failures))
        return f"accepted by {', '.join(accepted)}"

    def _send(self, url: Secret, notification: Notification) -> str | Failure:
        logged: list[str] = []
        with _apprise_log(logged), hidden_from_monitoring():
            service = _service(url)
            if service is None:
                return Failure(message="Apprise rejects an address", permanent=True)
            # The service waits for the connection, and then again for the response.
            timeout = deadline.remaining() / 2
            service.socket_connect_timeout = service.socket_read_timeout = timeout
            began = time.monotonic()
            try:
                sent = service.notify(
                    title=truncate(title(notification).translate(_DEFUSED), TITLE_LIMIT),
                    body=body(notification, include_error=self._include_error),
                    notify_type=_TYPES.get(notification.event.state, "info"),
                    body_format="text",
                    overflow="truncate",
                )
            # A service may raise anything, with the address in it.
            except Exception as error:  # noqa: BLE001
                return Failure(message=f"{_name(service)} failed ({type(error).__name__})")
        if sent:
            return _name(service)
        return _failure_for(_name(service), logged, in_time=time.monotonic() - began < timeout)


def body(notification: Notification, *, include_error: bool) -> str:
    """Return the text below the title."""
    event = notification.event
    error = error_text(event, BODY_LIMIT // 2) if include_error else ""
    text = "\n".join(filter(None, [*details(event), error])).translate(_DEFUSED)
    # Some services reject a message without a body.
    return truncate(text, BODY_LIMIT) or title(notification)


def _service(url: Secret) -> "NotifyBase | None":
    # A redirect would turn the POST into a GET, and send the credentials elsewhere.
    asset = apprise.AppriseAsset(http_redirects=False)
    return apprise.Apprise.instantiate(url.reveal(), asset=asset)


def _name(service: "NotifyBase") -> str:
    return str(service.service_name)


def _failure_for(name: str, logged: list[str], *, in_time: bool) -> Failure:
    statuses = [int(status) for line in logged for status in _STATUS.findall(line)]
    if not statuses:
        # A message without an answer in time may have been accepted, and would be shown twice.
        problem = "did not accept the message" if in_time else "did not answer in time"
        return Failure(message=f"{name} {problem}", retryable=in_time)
    retryable = statuses[-1] == 429 or statuses[-1] >= 500
    return Failure(
        message=f"{name} answered with HTTP {statuses[-1]}",
        retryable=retryable,
        permanent=not retryable,
    )


def _apprise_log(logged: list[str]) -> AbstractContextManager[None]:
    """Append Apprise's log messages to ``logged``, and keep them out of the log.

    Apprise masks addresses only where it recognizes them, and logs message bodies.
    """
    return intercepted_logs("apprise", lambda record: logged.append(record.getMessage()))


def _require_urls(value: object) -> tuple[Secret, ...]:
    hint = 'Write ["ntfys://...", "mailtos://..."].'
    if not isinstance(value, (list, tuple)) or not value:
        raise InvalidOption("urls", "must be a list of addresses", hint)
    urls = tuple(require_secret("urls", url) for url in value)
    for number, url in enumerate(urls, 1):
        with _apprise_log([]):
            usable = _service(url) is not None
        if not usable:
            hint = "See https://appriseit.com/services/ for the format of each address."
            raise InvalidOption("urls", f"has an invalid address: number {number}", hint)
    return urls
