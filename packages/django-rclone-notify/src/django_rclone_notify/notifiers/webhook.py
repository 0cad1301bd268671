"""JSON to a URL of the site, signed in the format of Standard Webhooks.

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
from ..messages import strip_control_characters, title, truncate
from ..notifications import Notification
from ..options import require_flag, require_secret, require_url
from ..secrets import Secret
from ..transport import http
from .base import PROBLEM_STATES, Notifier

VERSION = 1
"""Incremented when a field is removed or changes its meaning, not when one is added."""

TEXT_LIMIT = 2_000

_KEY_PREFIX = "whsec_"
_KEY_SIZES = range(24, 65)
# https://www.rfc-editor.org/rfc/rfc9110#name-tokens
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?")
_RESERVED_HEADERS = ("content-length", "content-type", "host", "transfer-encoding", "user-agent")


class WebhookNotifier(Notifier):
    """Posts each notification as JSON; failures and recoveries by default.

    ``url`` is the address. ``secret``, which is ``whsec_`` followed by base64, signs
    the body. ``headers`` are added to each request. All three may be ``Secret``.
    ``include_error`` sends the text of the error, which may quote the output of the
    database tool.

    Raises ``NotifierError`` if the answer is not a 2xx.
    """

    default_states: ClassVar[frozenset[str]] = PROBLEM_STATES
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

    def notify(self, notification: Notification) -> str:
        """Post ``notification``."""
        body = json.dumps(payload(notification, include_error=self._include_error)).encode()
        message_id = f"{notification.event.operation_id}-{notification.event.state}"
        headers = self._headers
        if self._secret is not None:
            headers = headers | signature(body, message_id, int(time.time()), self._secret)
        return str(http.post(self._url, body, content_type="application/json", headers=headers))


def payload(notification: Notification, *, include_error: bool) -> dict[str, object]:
    """Return the JSON object: every field of the event, with units in the names."""
    event = notification.event
    return {
        "version": VERSION,
        "title": title(notification),
        "operation_id": event.operation_id,
        "operation": event.operation,
        "state": event.state,
        "recovered": notification.recovered,
        "environment": _bounded(event.environment),
        "host": _bounded(event.host),
        "database": _bounded(event.database),
        "path": _bounded(event.path),
        "started_at": event.started_at.isoformat(),
        "duration_seconds": event.duration,
        "size_bytes": event.size,
        "files": event.files,
        "added": event.added,
        "changed": event.changed,
        "deleted": event.deleted,
        "left_out": event.left_out,
        "sent": event.sent,
        "error_type": _bounded(event.error_type),
        "error_message": _bounded(event.error_message) if include_error else None,
        "error_hint": _bounded(event.error_hint) if include_error else None,
        "target_state": event.target_state,
    }


def signature(body: bytes, message_id: str, timestamp: int, secret: Secret) -> dict[str, Secret]:
    """Return the headers that sign ``body``.

    ``message_id`` is the same for each attempt to send the same message.
    ``timestamp`` is in seconds since 1970, so that a receiver can reject old messages.
    """
    content = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    digest = hmac.digest(_key(secret), content, hashlib.sha256)
    return {
        "webhook-id": Secret(message_id),
        "webhook-timestamp": Secret(str(timestamp)),
        "webhook-signature": Secret(f"v1,{base64.b64encode(digest).decode()}"),
    }


def _bounded(text: str | None) -> str | None:
    return None if text is None else truncate(strip_control_characters(text), TEXT_LIMIT)


def _key(secret: Secret) -> bytes:
    return base64.b64decode(secret.reveal().removeprefix(_KEY_PREFIX), validate=True)


def _require_key(value: object) -> Secret:
    secret = require_secret("secret", value)
    try:
        size = len(_key(secret)) if secret.reveal().startswith(_KEY_PREFIX) else 0
    except (binascii.Error, ValueError):
        size = 0
    if size not in _KEY_SIZES:
        problem = f"must be {_KEY_PREFIX} followed by the base64 of 24 to 64 bytes"
        hint = f'Create one: echo "{_KEY_PREFIX}$(openssl rand -base64 32)".'
        raise InvalidOption("secret", problem, hint)
    return secret


def _require_headers(value: object) -> dict[str, Secret]:
    hint = 'Write {"Authorization": "Bearer ..."}.'
    if not isinstance(value, Mapping):
        raise InvalidOption("headers", "must be a dictionary", hint)
    headers = {}
    for name, text in value.items():
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            raise InvalidOption("headers", "must have valid HTTP header names", hint)
        if name.lower() in _RESERVED_HEADERS or name.lower().startswith("webhook-"):
            raise InvalidOption("headers", f"must not set {name}, which the notifier sets", hint)
        headers[name] = require_secret("headers", text)
        if not _HEADER_VALUE.fullmatch(headers[name].reveal()):
            raise InvalidOption("headers", "must have values of one line of ASCII", hint)
    return headers
