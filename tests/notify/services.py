"""All services that notifiers deliver to, for the shared test suite.

A new notifier needs one more entry in ``ALL``.
"""

from dataclasses import dataclass
from typing import Any

from tests.notify import fake_healthchecks, fake_sentry, fake_slack
from tests.notify import fake_mail_server as mail_server
from tests.notify import fake_textfile_collector as textfile_collector
from tests.notify.endpoints import (
    HTTP_FAULTS,
    SECRET,
    Endpoint,
    OpenEndpoint,
    open_log_file,
    state_in_title,
    web_service,
)
from tests.support.http_server import Received

NOTIFIERS = "django_rclone_notify.notifiers"
MONITOR = "nightly"
ALL_STATES = ["started", "succeeded", "recovered", "failed"]


@dataclass(frozen=True)
class Service:
    """One notifier and the fake service it delivers to."""

    name: str
    backend: str
    open: OpenEndpoint
    heartbeat: bool = False
    """Gets every state of backups by default; otherwise failures and recoveries of everything."""
    faults: frozenset[str] = HTTP_FAULTS
    """The faults that its endpoint supports."""
    sends_cause: bool = True
    """Whether it receives the cause of a failure."""

    def channel(self, endpoint: Endpoint, **keys: Any) -> dict[str, Any]:
        """Return an entry of ``DJANGO_RCLONE_NOTIFY``; ``OPTIONS`` extend the endpoint's."""
        options = endpoint.options | keys.pop("OPTIONS", {})
        return {"BACKEND": self.backend, "OPTIONS": options, **keys}


def state_in_body(request: Received) -> str:
    body = request.json()
    return "recovered" if body["recovered"] else str(body["state"])


SLACK = Service(
    name="slack",
    backend=f"{NOTIFIERS}.slack.SlackNotifier",
    open=web_service(
        lambda url: {"webhook_url": f"{url}/services/T1/B1/{SECRET}"},
        fake_slack.state_of,
        fake_slack.webhook,
    ),
)
SLACK_BOT = Service(
    name="slack bot",
    backend=f"{NOTIFIERS}.slack.SlackNotifier",
    open=web_service(
        lambda url: {
            "bot_token": fake_slack.TOKEN,
            "channel": fake_slack.CHANNEL,
            "api_url": f"{url}/api",
        },
        fake_slack.state_of,
        fake_slack.methods,
    ),
)
HEALTHCHECKS = Service(
    name="healthchecks",
    backend=f"{NOTIFIERS}.healthchecks.HealthchecksNotifier",
    open=web_service(
        lambda url: {
            "ping_key": fake_healthchecks.KEY,
            "slug": "nightly",
            "base_url": f"{url}/ping",
        },
        fake_healthchecks.state_of,
        fake_healthchecks.answer,
    ),
    heartbeat=True,
)
SENTRY = Service(
    name="sentry",
    backend=f"{NOTIFIERS}.sentry.SentryNotifier",
    open=web_service(
        lambda url: {"monitor_slug": MONITOR, "dsn": fake_sentry.dsn(url)},
        fake_sentry.state_of,
        fake_sentry.answer,
    ),
    heartbeat=True,
)
WEBHOOK = Service(
    name="webhook",
    backend=f"{NOTIFIERS}.webhook.WebhookNotifier",
    open=web_service(
        lambda url: {
            "url": f"{url}/hooks/{SECRET}",
            "secret": "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
            "headers": {"Authorization": f"Bearer {SECRET}"},
        },
        state_in_body,
    ),
)
APPRISE = Service(
    name="apprise",
    backend=f"{NOTIFIERS}.apprise.AppriseNotifier",
    open=web_service(
        lambda url: {"urls": [f"{url.replace('http://', 'json://')}/{SECRET}"]},
        lambda request: state_in_title(request.json()["title"]),
    ),
)
EMAIL = Service(
    name="email",
    backend=f"{NOTIFIERS}.email.EmailNotifier",
    open=mail_server.open_mail_server,
    faults=mail_server.FAULTS,
)
PROMETHEUS = Service(
    name="prometheus",
    backend=f"{NOTIFIERS}.prometheus.PrometheusNotifier",
    open=textfile_collector.open_textfile_collector,
    heartbeat=True,
    faults=frozenset({"404"}),
    sends_cause=False,
)
LOGGING = Service(
    name="logging",
    backend=f"{NOTIFIERS}.logging.LoggingNotifier",
    open=open_log_file,
    faults=frozenset(),
)
ALL = (SLACK, SLACK_BOT, HEALTHCHECKS, SENTRY, WEBHOOK, APPRISE, EMAIL, PROMETHEUS)
"""Those that deliver to a service that can fail."""
