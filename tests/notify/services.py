"""The services that notifiers talk to, and how to read what they were told."""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.loopback import Received

NOTIFIERS = "django_rclone_notify.notifiers"
SECRET = "T0PsECReT-9f8e7d"
MONITOR = "nightly"


@dataclass(frozen=True)
class Service:
    name: str
    backend: str
    options: Callable[[str], dict[str, Any]]
    """From the server's address to ``OPTIONS``."""
    told: Callable[[Received], str]
    """Which state one request tells."""

    def channel(self, url: str, **keys: Any) -> dict[str, Any]:
        options = self.options(url) | keys.pop("OPTIONS", {})
        return {"BACKEND": self.backend, "OPTIONS": options, **keys}


def _slack_told(request: Received) -> str:
    title = request.json()["text"].splitlines()[0]
    [state] = [word for word in ("started", "succeeded", "failed") if f" {word} on " in title]
    return state


def _healthchecks_told(request: Received) -> str:
    endings = {f"/{SECRET}": "succeeded", "/start": "started", "/fail": "failed"}
    [state] = [state for ending, state in endings.items() if request.path.endswith(ending)]
    return state


def check_in(request: Received) -> dict[str, Any]:
    """Return the check-in of an envelope: one JSON line for it, one per item, one per payload."""
    body = request.body
    if request.headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    _, item, payload = body.splitlines()[:3]
    assert json.loads(item)["type"] == "check_in"
    found: dict[str, Any] = json.loads(payload)
    return found


def _sentry_told(request: Received) -> str:
    states = {"in_progress": "started", "ok": "succeeded", "error": "failed"}
    return states[check_in(request)["status"]]


def sentry_dsn(url: str) -> str:
    return url.replace("http://", f"http://{SECRET}@") + "/1"


SLACK = Service(
    "slack",
    f"{NOTIFIERS}.slack.SlackNotifier",
    lambda url: {"webhook_url": f"{url}/services/T1/B1/{SECRET}"},
    _slack_told,
)
HEALTHCHECKS = Service(
    "healthchecks",
    f"{NOTIFIERS}.healthchecks.HealthchecksNotifier",
    lambda url: {"ping_url": f"{url}/{SECRET}"},
    _healthchecks_told,
)
SENTRY = Service(
    "sentry",
    f"{NOTIFIERS}.sentry.SentryNotifier",
    lambda url: {"monitor_slug": MONITOR, "dsn": sentry_dsn(url)},
    _sentry_told,
)
ALL = (SLACK, HEALTHCHECKS, SENTRY)
EVERY_STATE = ["started", "succeeded", "failed"]
