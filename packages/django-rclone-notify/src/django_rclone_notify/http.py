"""The one place that talks HTTP: time limit, retries, status, and silence about the URL."""

import contextlib
import logging
import math
import re
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

from django_rclone_notify import __version__
from django_rclone_notify.exceptions import MissingExtra
from django_rclone_notify.retries import Failure, persist

try:
    import requests
except ImportError:
    requests = None  # type: ignore[assignment]

USER_AGENT = f"django-rclone-notify/{__version__}"

_ANSWER_LIMIT = 500
_REASON = re.compile(r"[a-z]+(_[a-z]+)*")


def require_requests(extra: str) -> None:
    """Raise ``MissingExtra``, naming ``extra``, when ``requests`` is not installed."""
    if requests is None:
        raise MissingExtra("requests", extra)


def post(url: str, body: bytes, *, content_type: str, timeout: float) -> str:
    """Send ``body`` to ``url`` and return the beginning of the answer.

    ``timeout`` is in seconds, for all attempts together. Refused and broken
    connections, 429 and 5xx are tried again. An answer that does not come in
    time is not: the service may have taken the message, and would show it twice.
    Redirects are not followed: they would turn the POST into a GET.

    Raises ``NotifierError``, which names the host and never the URL.
    """
    headers = {"Content-Type": content_type, "User-Agent": USER_AGENT}

    def attempt(remaining: float) -> str | Failure:
        with _quiet_urllib3():
            return _post_once(url, body, headers, remaining)

    return persist(attempt, timeout=timeout)


def _post_once(url: str, body: bytes, headers: dict[str, str], timeout: float) -> str | Failure:
    host = urlsplit(url).hostname
    try:
        response = requests.post(
            url, data=body, headers=headers, timeout=timeout, allow_redirects=False, stream=True
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
        answer = _beginning(response)
        return answer if 200 <= response.status_code < 300 else _refusal(response, answer, host)


def _beginning(response: "requests.Response") -> str:
    # The status line has told the outcome; a body that breaks off changes nothing.
    with contextlib.suppress(requests.exceptions.RequestException):
        return next(response.iter_content(_ANSWER_LIMIT), b"").decode("utf-8", "replace")
    return ""


def _refusal(response: "requests.Response", answer: str, host: str | None) -> Failure:
    status = response.status_code
    # Slack answers with one word such as "channel_is_archived". Anything longer
    # may repeat what was sent, the URL included.
    reason = f" ({answer})" if _REASON.fullmatch(answer) and len(answer) <= 40 else ""
    again = status == 429 or status >= 500
    return Failure(
        message=f"{host} answered with HTTP {status}{reason}",
        again=again,
        pause=_seconds(response.headers.get("Retry-After", "")),
        permanent=not again,
    )


def _seconds(retry_after: str) -> float:
    try:
        seconds = float(retry_after)
    except ValueError:
        return 0.0
    return max(seconds, 0.0) if math.isfinite(seconds) else 0.0


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
