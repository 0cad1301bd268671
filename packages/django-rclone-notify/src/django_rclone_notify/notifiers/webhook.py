"""JSON to an address of the site's own, signed as Standard Webhooks has it.

https://www.standardwebhooks.com/
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping
from typing import ClassVar

from ..exceptions import InvalidOption
from ..messages import cleaned, cut, title
from ..notifications import Notice
from ..options import require_flag, require_secret, require_url
from ..secrets import Secret
from ..transport import http
from .base import TROUBLE, Notifier

VERSION = 1
"""Grows when a field changes its meaning or goes, not when one is added."""

TEXT_LIMIT = 2_000

_KEY_PREFIX = "whsec_"
_KEY_SIZES = range(24, 65)
# https://www.rfc-editor.org/rfc/rfc9110#name-tokens
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?")
_OURS = ("content-length", "content-type", "host", "transfer-encoding", "user-agent")


class WebhookNotifier(Notifier):
    """Posts each notice as JSON; failures and recoveries, unless ``STATES`` says otherwise.

    ``url`` is the address. ``secret``, of the form ``whsec_`` and base64, signs
    what is sent. ``headers`` are added to each request. All three may be
    ``Secret``. ``include_error`` sends the words of the error: they can hold what
    the database tool said last.

    Raises ``NotifierError`` when the answer is not a 2xx.
    """

    default_states: ClassVar[frozenset[str]] = TROUBLE
    secret_options: ClassVar[frozenset[str]] = frozenset({"url", "secret", "headers"})

    def __init__(
        self,
        *,
        url: str | Secret,
        secret: str | Secret | None = None,
        headers: Mapping[str, str | Secret] | None = None,
        include_error: bool = True,
    ) -> None:
        http.require_requests("webhook")
        self._url = require_url("url", url)
        self._secret = None if secret is None else _require_key(secret)
        self._headers = _require_headers({} if headers is None else headers)
        self._include_error = require_flag("include_error", include_error)

    def notify(self, notice: Notice) -> str:
        """Post ``notice``."""
        body = json.dumps(payload(notice, include_error=self._include_error)).encode()
        message = f"{notice.event.operation_id}-{notice.event.state}"
        headers = self._headers
        if self._secret is not None:
            headers = headers | signed(body, message, int(time.time()), self._secret)
        answer = http.post(self._url, body, content_type="application/json", headers=headers)
        return str(answer)


def payload(notice: Notice, *, include_error: bool) -> dict[str, object]:
    """Return what is posted for ``notice``: every field of the event, units in the names."""
    event = notice.event
    return {
        "version": VERSION,
        "title": title(notice),
        "operation_id": event.operation_id,
        "operation": event.operation,
        "state": event.state,
        "recovered": notice.recovered,
        "environment": _bounded(event.environment),
        "host": _bounded(event.host),
        "database": _bounded(event.database),
        "path": _bounded(event.path),
        "started_at": event.started_at.isoformat(),
        "duration_seconds": event.duration,
        "size_bytes": event.size,
        "error_type": _bounded(event.error_type),
        "error_message": _bounded(event.error_message) if include_error else None,
        "error_hint": event.error_hint,
        "target_state": event.target_state,
    }


def signed(body: bytes, message: str, timestamp: int, secret: Secret) -> dict[str, Secret]:
    """Return the headers that sign ``body``.

    ``message`` is an id, the same whenever the same is sent again. ``timestamp``
    is in seconds since 1970, so that a receiver can refuse what is old.
    """
    content = b"%s.%d.%s" % (message.encode(), timestamp, body)
    digest = hmac.digest(_key(secret), content, hashlib.sha256)
    return {
        "webhook-id": Secret(message),
        "webhook-timestamp": Secret(str(timestamp)),
        "webhook-signature": Secret(f"v1,{base64.b64encode(digest).decode()}"),
    }


def _bounded(text: str | None) -> str | None:
    return None if text is None else cut(cleaned(text), TEXT_LIMIT)


def _key(secret: Secret) -> bytes:
    return base64.b64decode(secret.reveal().removeprefix(_KEY_PREFIX), validate=True)


def _require_key(value: object) -> Secret:
    secret = require_secret("secret", value)
    try:
        size = len(_key(secret)) if secret.reveal().startswith(_KEY_PREFIX) else 0
    except (binascii.Error, ValueError):
        size = 0
    if size not in _KEY_SIZES:
        problem = f"must be {_KEY_PREFIX} and the base64 of 24 to 64 bytes"
        hint = f'Make one: echo "{_KEY_PREFIX}$(openssl rand -base64 32)".'
        raise InvalidOption("secret", problem, hint)
    return secret


def _require_headers(value: object) -> dict[str, Secret]:
    hint = 'Write {"Authorization": "Bearer ..."}.'
    if not isinstance(value, Mapping):
        raise InvalidOption("headers", "must be a dictionary", hint)
    headers = {}
    for name, text in value.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise InvalidOption("headers", "must have names that HTTP allows", hint)
        if name.lower() in _OURS or name.lower().startswith("webhook-"):
            raise InvalidOption("headers", f"must not set {name}, which is ours", hint)
        headers[name] = require_secret("headers", text)
        if not _VALUE.fullmatch(headers[name].reveal()):
            raise InvalidOption("headers", "must have values of one line of ASCII", hint)
    return headers
