"""A hundred services more, through the library Apprise.

https://github.com/caronc/apprise
"""

import contextlib
import logging
import re
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from django_rclone.events import State

from ..exceptions import InvalidOption, MissingExtra, NotifierError
from ..messages import cleaned, cut, facts, title
from ..notifications import Notice
from ..options import require_flag, require_secret
from ..secrets import Secret
from ..transport import deadline as budget
from ..transport.privacy import unobserved
from ..transport.retry import Failure, persist
from .base import TROUBLE, Notifier

if TYPE_CHECKING:
    from apprise import NotifyBase

try:
    import apprise
except ImportError:
    apprise = None  # type: ignore[assignment]

BODY_LIMIT = 2_000
TITLE_LIMIT = 250

_TYPES = {State.STARTED: "info", State.SUCCEEDED: "success", State.FAILED: "failure"}
# Many services make a mention of @name and <@id>, and a link or a tag of <...>.
# The character after the sign is invisible, and keeps them from it.
_DEFUSED = str.maketrans({"@": "@\u200b", "<": "<\u200b"})
# How Apprise's services write the status of an answer into their log.
_STATUS = re.compile(r"error=(\d{3})\b")


class AppriseNotifier(Notifier):
    """Sends text through every address; failures and recoveries by default.

    ``urls`` are Apprise's addresses, such as ``ntfys://...``: secrets. They are
    served one after the other, each with an equal share of the time.
    ``include_error`` shows the words of the error: they can hold what the database
    tool said last.

    Raises ``NotifierError`` when a service did not take the message.
    """

    default_states: ClassVar[frozenset[str]] = TROUBLE
    secret_options: ClassVar[frozenset[str]] = frozenset({"urls"})

    def __init__(self, *, urls: Sequence[str | Secret], include_error: bool = True) -> None:
        if apprise is None:
            raise MissingExtra("apprise", "apprise")
        self._urls = _require_urls(urls)
        self._include_error = require_flag("include_error", include_error)

    def notify(self, notice: Notice) -> str:
        """Send ``notice`` through each address, also when one before it failed."""
        accepted: list[str] = []
        failures: list[NotifierError] = []
        for left, url in zip(range(len(self._urls), 0, -1), self._urls, strict=True):
            with budget.limited_to(budget.remaining() / left):
                try:
                    accepted.append(persist(partial(self._send, url, notice)))
                except NotifierError as error:
                    failures.append(error)
        if failures:
            told = "; ".join(failure.message for failure in failures)
            raise NotifierError(told, permanent=all(failure.permanent for failure in failures))
        return f"taken by {', '.join(accepted)}"

    def _send(self, url: Secret, notice: Notice) -> str | Failure:
        with _listening() as said, unobserved():
            service = _service(url)
            if service is None:
                return Failure(message="An address cannot be used here", permanent=True)
            # It waits for the connection and then for the answer.
            patience = budget.remaining() / 2
            service.socket_connect_timeout = service.socket_read_timeout = patience
            begun = time.monotonic()
            try:
                sent = service.notify(
                    title=cut(title(notice).translate(_DEFUSED), TITLE_LIMIT),
                    body=body(notice, include_error=self._include_error),
                    notify_type=_TYPES.get(notice.event.state, "info"),
                    body_format="text",
                    overflow="truncate",
                )
            # A service may raise anything, with the address in it.
            except Exception as error:  # noqa: BLE001
                return Failure(message=f"{_name(service)} failed ({type(error).__name__})")
        if sent:
            return _name(service)
        return _refusal(_name(service), said, in_time=time.monotonic() - begun < patience)


def body(notice: Notice, *, include_error: bool) -> str:
    """Return the text below the title."""
    event = notice.event
    lines = facts(event)
    if include_error and event.error_message:
        lines.append(cleaned(event.error_message))
    # Some services refuse a message without a body.
    return cut("\n".join(lines).translate(_DEFUSED), BODY_LIMIT) or title(notice)


def _service(url: Secret) -> "NotifyBase | None":
    # A redirect would turn the POST into a GET, and take the credentials elsewhere.
    asset = apprise.AppriseAsset(http_redirects=False)
    return apprise.Apprise.instantiate(url.reveal(), asset=asset)


def _name(service: "NotifyBase") -> str:
    return str(service.service_name)


def _refusal(name: str, said: list[str], *, in_time: bool) -> Failure:
    statuses = [int(status) for line in said for status in _STATUS.findall(line)]
    if not statuses:
        # What was not answered in time may have been taken, and would be shown twice.
        what = "did not take the message" if in_time else "did not answer in time"
        return Failure(message=f"{name} {what}", again=in_time)
    again = statuses[-1] == 429 or statuses[-1] >= 500
    return Failure(
        message=f"{name} answered with HTTP {statuses[-1]}", again=again, permanent=not again
    )


@contextlib.contextmanager
def _listening() -> Iterator[list[str]]:
    """Collect what Apprise logs in this thread, and keep it from the log.

    It masks addresses only where it recognises them, and notes what is sent.
    """
    said: list[str] = []
    thread = threading.get_ident()

    def from_elsewhere(record: logging.LogRecord) -> bool:
        if record.thread != thread:
            return True
        said.append(record.getMessage())
        return False

    logger = logging.getLogger("apprise")
    logger.addFilter(from_elsewhere)
    try:
        yield said
    finally:
        logger.removeFilter(from_elsewhere)


def _require_urls(value: object) -> tuple[Secret, ...]:
    hint = 'Write ["ntfys://...", "mailtos://..."].'
    if not isinstance(value, (list, tuple)) or not value:
        raise InvalidOption("urls", "must be a list of addresses", hint)
    urls = tuple(require_secret("urls", url) for url in value)
    for number, url in enumerate(urls, 1):
        with _listening():
            usable = _service(url) is not None
        if not usable:
            hint = "https://appriseit.com/services/ shows how each address is written."
            raise InvalidOption("urls", f"holds no address of Apprise's as its no. {number}", hint)
    return urls
