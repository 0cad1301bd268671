"""HTTP requests: deadline, retries, status, and errors without the URL."""

import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from .. import __version__
from ..exceptions import MissingExtra
from ..secrets import Secret
from . import deadline
from .privacy import hidden_from_monitoring
from .retry import Failure, retry

try:
    import requests
    import urllib3
except ImportError:
    requests = None  # type: ignore[assignment]

USER_AGENT = f"django-rclone-notify/{__version__}"

_BODY_LIMIT = 64_000
# Slack answers with a word such as "channel_is_archived", others with a few words.
# Anything else may repeat the request, including the URL.
_REASON = re.compile(r"[A-Za-z]+([ _][A-Za-z]+)*")
_REASON_LIMIT = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The answer of a service. As a string it is safe to show: ``200 ok``."""

    status: int
    text: str = field(repr=False)
    """The beginning of the body. It may repeat the request."""

    def __str__(self) -> str:
        return f"{self.status} {self.reason}".strip()

    @property
    def reason(self) -> str:
        """The body, if it consists of a few words; otherwise empty."""
        text = self.text.strip()
        return text if _REASON.fullmatch(text) and len(text) <= _REASON_LIMIT else ""


def require_requests(extra: str) -> None:
    """Raise ``MissingExtra``, naming ``extra``, if ``requests`` is not installed."""
    if requests is None:
        raise MissingExtra("requests", extra)


def post(
    url: Secret,
    body: bytes,
    *,
    content_type: str,
    headers: Mapping[str, Secret] | None = None,
) -> Response:
    """Send ``body`` to ``url``, with additional ``headers``, and return the response.

    All attempts together take at most ``deadline.remaining()`` seconds. Refused and
    broken connections, 429 and 5xx are retried. A missing answer is not: the service
    may have accepted the message, and would show it twice. Redirects are not
    followed: they would turn the POST into a GET.

    Raises ``NotifierError``, which names the host but not the URL.
    """
    public_headers = {"Content-Type": content_type, "User-Agent": USER_AGENT}

    def attempt() -> Response | Failure:
        with hidden_from_monitoring():
            return _post_once(url, body, public_headers, headers or {})

    return retry(attempt)


def post_json(
    url: Secret, content: Mapping[str, Any], *, headers: Mapping[str, Secret] | None = None
) -> Response:
    """Send ``content`` as JSON; see ``post()``."""
    body = json.dumps(content, ensure_ascii=False).encode()
    return post(url, body, content_type="application/json; charset=utf-8", headers=headers)


def retry_after_seconds(header: str) -> float:
    """Return the seconds to wait according to a ``Retry-After`` header, 0 if it is invalid."""
    try:
        return float(urllib3.Retry().parse_retry_after(header))
    except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
        return 0.0


def _post_once(
    url: Secret, body: bytes, public_headers: dict[str, str], headers: Mapping[str, Secret]
) -> Response | Failure:
    host = _host(url)
    try:
        raw = requests.post(
            url.reveal(),
            data=body,
            headers=public_headers | {name: value.reveal() for name, value in headers.items()},
            timeout=deadline.remaining(),
            allow_redirects=False,
            stream=True,
        )
    except requests.exceptions.SSLError:
        return Failure(message=f"No trusted TLS connection to {host}")
    except requests.exceptions.ConnectionError:
        return Failure(message=f"No connection to {host}", retryable=True)
    except requests.exceptions.Timeout:
        return Failure(message=f"No answer from {host} in time")
    except (requests.exceptions.RequestException, ValueError) as error:
        kind = type(error).__name__
        return Failure(message=f"The request to {host} failed ({kind})", permanent=True)
    with raw:
        response = Response(status=raw.status_code, text=_read_beginning(raw))
        if 200 <= response.status < 300:
            return response
        return _failure_for(response, host, raw.headers.get("Retry-After", ""))


def _host(url: Secret) -> str | None:
    with contextlib.suppress(ValueError):
        return urlsplit(url.reveal()).hostname
    return None


def _read_beginning(raw: "requests.Response") -> str:
    """Read the body up to the limit, until the deadline."""
    body = b""
    # The status is known already; a truncated body does not change it.
    with contextlib.suppress(requests.exceptions.RequestException):
        for chunk in raw.iter_content(_BODY_LIMIT):
            body += chunk
            if len(body) >= _BODY_LIMIT or deadline.expired():
                break
    return body[:_BODY_LIMIT].decode("utf-8", "replace")


def _failure_for(response: Response, host: str | None, retry_after: str) -> Failure:
    reason = f" ({response.reason})" if response.reason else ""
    retryable = response.status == 429 or response.status >= 500
    return Failure(
        message=f"{host} answered with HTTP {response.status}{reason}",
        retryable=retryable,
        retry_after=retry_after_seconds(retry_after),
        permanent=not retryable,
    )
