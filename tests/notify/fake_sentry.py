"""A fake Sentry, which checks envelopes against its documentation.

https://develop.sentry.dev/sdk/data-model/envelopes/
"""

import json
import re
from typing import Any

from sentry_sdk.envelope import Envelope

from tests.notify.endpoints import SECRET, decoded
from tests.support.http_server import Answer, Received

STATES = {"in_progress": "started", "ok": "succeeded", "error": "failed"}


def dsn(url: str) -> str:
    return url.replace("http://", f"http://{SECRET}@") + "/1"


def items(request: Received) -> list[tuple[str, Any]]:
    """Return the type and the payload of every item of an envelope."""
    envelope = Envelope.deserialize(decoded(request))
    return [(str(item.type), json.loads(item.get_bytes())) for item in envelope.items]


def check_in(request: Received) -> dict[str, Any]:
    [(kind, payload)] = items(request)
    assert kind == "check_in"
    return dict(payload)


def issue(request: Received) -> dict[str, Any]:
    [(kind, payload)] = items(request)
    assert kind == "event"
    return dict(payload)


def answer(request: Received) -> Answer:
    """Answer an envelope: 400 for anything that Sentry would reject or truncate."""
    key = f"sentry_key={SECRET}" in request.headers.get("x-sentry-auth", "")
    if request.path != "/api/1/envelope/" or not key:
        return Answer(status=403, body=b'{"detail":"bad sentry DSN"}')
    found = items(request)
    if not found or not all(_RULES[kind](payload) for kind, payload in found):
        return Answer(status=400, body=b'{"detail":"bad envelope"}')
    return Answer(body=b"{}")


def _is_check_in(payload: dict[str, Any]) -> bool:
    return (
        re.fullmatch(r"[0-9a-f]{32}", payload["check_in_id"]) is not None
        and re.fullmatch(r"[a-z0-9_-]{1,50}", payload["monitor_slug"]) is not None
        and payload["status"] in STATES
    )


def _is_event(payload: dict[str, Any]) -> bool:
    return (
        re.fullmatch(r"[0-9a-f]{32}", payload["event_id"]) is not None
        and payload["level"] in ("error", "warning", "info")
        and all(1 <= len(value) <= 200 for value in payload["tags"].values())
        and all(isinstance(part, str) for part in payload["fingerprint"])
        and bool(payload["exception"]["values"][0]["type"])
    )


_RULES = {"check_in": _is_check_in, "event": _is_event}


def state_of(request: Received) -> str | None:
    """Return the state of a check-in; an issue has none."""
    return next(
        (STATES[item["status"]] for kind, item in items(request) if kind == "check_in"), None
    )
