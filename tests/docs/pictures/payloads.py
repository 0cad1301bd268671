"""The real output of each notifier about the same night, for the pictures.

Notifiers that use HTTP send to a server on loopback, and the pictures show what it
received: nothing here repeats how a payload is built.
"""

import gzip
import json
import logging
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.mail import EmailMultiAlternatives

from django_rclone.events import Operation, OperationEvent, State
from django_rclone_notify.notifications import Notification
from django_rclone_notify.notifiers.apprise import AppriseNotifier
from django_rclone_notify.notifiers.base import Notifier
from django_rclone_notify.notifiers.email.notifier import EmailNotifier
from django_rclone_notify.notifiers.healthchecks import HealthchecksNotifier
from django_rclone_notify.notifiers.logging import LoggingNotifier
from django_rclone_notify.notifiers.prometheus.notifier import PrometheusNotifier
from django_rclone_notify.notifiers.sentry.notifier import SentryNotifier
from django_rclone_notify.notifiers.slack.notifier import SlackNotifier
from django_rclone_notify.notifiers.webhook import WebhookNotifier
from tests.support.http_server import LoopbackServer, Received

CHECK = "5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278"
KEY = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"

STARTED = OperationEvent(
    operation_id="0d6a2c5e-7f0b-4b51-9d7f-3f3e0f3e9a11",
    operation=Operation.DB_BACKUP,
    state=State.STARTED,
    environment="production",
    host="web-1",
    started_at=datetime(2026, 3, 14, 2, 30, tzinfo=UTC),
    database="default",
    path="db/default-2026-03-14-023000.5f3a9c1e.dump.zst",
)
FAILED = replace(
    STARTED,
    state=State.FAILED,
    duration=72.4,
    error_type="RcloneError",
    error_message=(
        "Database 'default' was not backed up: rclone rcat exited with 1.\n"
        "Failed to rcat: googleapi: Error 403: The user's storage quota has been exceeded"
    ),
    error_hint="The remote is full. Delete what you do not need, or raise the quota.",
)
SUCCEEDED = replace(
    STARTED,
    operation_id="7c1f0b9e-52a4-4c1e-9a57-6b1d9f2c8e44",
    state=State.SUCCEEDED,
    database="archive",
    path="db/archive-2026-03-14-023112.b81d40f7.dump.zst",
    started_at=datetime(2026, 3, 14, 2, 31, 12, tzinfo=UTC),
    duration=185.2,
    size=1_500_000_000,
)


def log_lines() -> list[str]:
    """Return the log lines of a handler that writes time, level and logger before each message."""
    records: list[logging.LogRecord] = []
    logger = logging.getLogger("pictures")
    logger.setLevel(logging.INFO)
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[assignment,method-assign]
    logger.addHandler(handler)
    try:
        for event in (STARTED, FAILED, SUCCEEDED):
            _tell(LoggingNotifier(logger=logger.name), event)
            # The record bears the time of now.
            moment = event.started_at.timestamp() + (event.duration or 0.0)
            records[-1].created, records[-1].name = moment, "backups"
    finally:
        logger.removeHandler(handler)
    layout = logging.Formatter("%(asctime)s %(levelname)-5s %(message)s", "%H:%M:%S")
    layout.converter = lambda seconds: datetime.fromtimestamp(seconds or 0, UTC).timetuple()
    return [layout.format(record) for record in records]


def slack_message() -> dict[str, Any]:
    """Return the message that a webhook of Slack receives."""
    with LoopbackServer() as server:
        _tell(SlackNotifier(webhook_url=f"{server.url}/services/T0/B0/x"), FAILED)
        return dict(server.requests[0].json())


def pings() -> list[Received]:
    """Return the pings of a failed run."""
    with LoopbackServer() as server:
        notifier = HealthchecksNotifier(ping_url=f"{server.url}/{CHECK}")
        _tell(notifier, STARTED, FAILED)
        return server.requests


def envelope_items() -> list[tuple[str, dict[str, Any]]]:
    """Return the items that Sentry receives about a failed run, each with its type."""
    with LoopbackServer() as server:
        dsn = server.url.replace("http://", "http://key@") + "/1"
        _tell(SentryNotifier(monitor_slug="backup-{database}", dsn=dsn), STARTED, FAILED)
        return [item for request in server.requests for item in _items(request)]


def mail() -> EmailMultiAlternatives:
    """Return the mail about a failure."""
    return EmailNotifier(
        to=["ops@example.com"], from_email="Shop <shop@example.com>", subject_prefix="[shop] "
    ).message(Notification(event=FAILED))


def hook() -> Received:
    """Return the request that a webhook receives."""
    with LoopbackServer() as server:
        _tell(WebhookNotifier(url=f"{server.url}/hooks/backups", secret=KEY), FAILED)
        return server.requests[0]


def apprise_message() -> dict[str, Any]:
    """Return the message that Apprise passes to its simplest service."""
    with LoopbackServer() as server:
        _tell(AppriseNotifier(urls=[server.url.replace("http://", "json://")]), FAILED)
        return dict(server.requests[0].json())


def metrics() -> str:
    """Return the files for Prometheus after a night of success and one of failure."""
    yesterday = replace(SUCCEEDED, database="default", started_at=STARTED.started_at - timedelta(1))
    with tempfile.TemporaryDirectory() as folder:
        _tell(PrometheusNotifier(directory=folder), yesterday, FAILED)
        return "".join(path.read_text() for path in sorted(Path(folder).glob("*.prom")))


def _tell(notifier: Notifier, *events: OperationEvent) -> None:
    for event in events:
        notifier.notify(Notification(event=event))


def _items(request: Received) -> list[tuple[str, dict[str, Any]]]:
    body = request.body
    if request.headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    # After a line about the envelope: for each item one about it, and one that is it.
    _, *lines = body.splitlines()
    return [
        (json.loads(about)["type"], json.loads(item))
        for about, item in zip(lines[::2], lines[1::2], strict=True)
    ]
