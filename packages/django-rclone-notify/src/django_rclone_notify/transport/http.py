"""The one place that talks HTTP: time limit, retries, status, and silence about the URL."""

import contextlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from .. import __version__
from ..exceptions import MissingExtra
from ..secrets import Secret
from . import deadline as budget
from .privacy import unobserved
from .retry import Failure, persist

try:
    import requests
except ImportError:
    requests = None  # type: ignore[assignment]

USER_AGENT = f"django-rclone-notify/{__version__}"

_ANSWER_LIMIT = 64_000
# Slack answers with a word such as "channel_is_archived", others with a few. Anything
# else may repeat what was sent, the URL included.
_REMARK = re.compile(r"[A-Za-z]+([ _][A-Za-z]+)*")
_REMARK_LIMIT = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a service answered. As a string it is fit to be shown: ``200 ok``."""

    status: int
    text: str = field(repr=False)
    """The beginning of the body. It may repeat what was sent."""

    def __str__(self) -> str:
        remark = self.remark
        return f"{self.status} {remark}" if remark else str(self.status)

    @property
    def remark(self) -> str:
        """The body, if it is nothing but a few words."""
        text = self.text.strip()
        return text if _REMARK.fullmatch(text) and len(text) <= _REMARK_LIMIT else ""


def require_requests(extra: str) -> None:
    """Raise ``MissingExtra``, naming ``extra``, when ``requests`` is not installed."""
    if requests is None:
        raise MissingExtra("requests", extra)


def post(
    url: Secret,
    body: bytes,
    *,
    content_type: str,
    headers: Mapping[str, Secret] | None = None,
) -> Answer:
    """Send ``body`` to ``url``, with further ``headers``, and return what is answered.

    It takes no longer than ``budget.remaining()``, all attempts together. Refused
    and broken connections, 429 and 5xx are tried again. An answer that does not
    come in time is not: the service may have taken the message, and would show it
    twice. Redirects are not followed: they would turn the POST into a GET.

    Raises ``NotifierError``, which names the host and never the URL.
    """
    plain = {"Content-Type": content_type, "User-Agent": USER_AGENT}

    def attempt() -> Answer | Failure:
        with unobserved():
            return _post_once(url, body, plain, headers or {})

    return persist(attempt)


def post_json(
    url: Secret, content: Mapping[str, Any], *, headers: Mapping[str, Secret] | None = None
) -> Answer:
    """Send ``content`` as JSON; see ``post()``."""
    body = json.dumps(content, ensure_ascii=False).encode()
    return post(url, body, content_type="application/json; charset=utf-8", headers=headers)


def _post_once(
    url: Secret, body: bytes, plain: dict[str, str], secret: Mapping[str, Secret]
) -> Answer | Failure:
    host = _host(url)
    try:
        response = requests.post(
            url.reveal(),
            data=body,
            headers=plain | {name: value.reveal() for name, value in secret.items()},
            timeout=budget.remaining(),
            allow_redirects=False,
            stream=True,
        )
    except requests.exceptions.SSLError:
        return Failure(message=f"No trusted TLS connection to {host}")
    except requests.exceptions.ConnectionError:
        return Failure(message=f"No connection to {host}", again=True)
    except requests.exceptions.Timeout:
        return Failure(message=f"No answer from {host} in time")
    except (requests.exceptions.RequestException, ValueError) as error:
        kind = type(error).__name__
        return Failure(message=f"The request to {host} failed ({kind})", permanent=True)
    with response:
        answer = Answer(status=response.status_code, text=_beginning(response))
        return answer if 200 <= answer.status < 300 else _refusal(response, answer, host)


def _host(url: Secret) -> str | None:
    with contextlib.suppress(ValueError):
        return urlsplit(url.reveal()).hostname
    return None


def _beginning(response: "requests.Response") -> str:
    """Read the body up to the limit, as long as there is time."""
    read = b""
    # The status line has told the outcome; a body that breaks off changes nothing.
    with contextlib.suppress(requests.exceptions.RequestException):
        for piece in response.iter_content(_ANSWER_LIMIT):
            read += piece
            if len(read) >= _ANSWER_LIMIT or budget.is_spent():
                break
    return read[:_ANSWER_LIMIT].decode("utf-8", "replace")


def _refusal(response: "requests.Response", answer: Answer, host: str | None) -> Failure:
    reason = f" ({answer.remark})" if answer.remark else ""
    again = answer.status == 429 or answer.status >= 500
    return Failure(
        message=f"{host} answered with HTTP {answer.status}{reason}",
        again=again,
        pause=pause_asked_for(response.headers.get("Retry-After", "")),
        permanent=not again,
    )


def pause_asked_for(retry_after: str) -> float:
    """Return the seconds to wait that a ``Retry-After`` header asks for, 0 if it is unclear.

    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after: seconds, or a date.
    """
    try:
        seconds = float(retry_after)
    except ValueError:
        seconds = _seconds_until(retry_after)
    return max(seconds, 0.0) if math.isfinite(seconds) else 0.0


def _seconds_until(date: str) -> float:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime.now(UTC)).total_seconds()
