"""The adapters: how the shared suite reaches each notifier, and what it should have told.

A new notifier is one more entry of ``ALL``.
"""

import re

from tests.notify import (
    healthchecks_rules,
    log_place,
    mail_place,
    metrics_place,
    sentry_rules,
    slack_rules,
)
from tests.notify.places import SECRET, Service, web_service
from tests.support.http_server import Answer, Received

NOTIFIERS = "django_rclone_notify.notifiers"
MONITOR = "nightly"
EVERY_STATE = ["started", "succeeded", "recovered", "failed"]

SLACK = Service(
    name="slack",
    backend=f"{NOTIFIERS}.slack.SlackNotifier",
    open=web_service(
        lambda url: {"webhook_url": f"{url}/services/T1/B1/{SECRET}"},
        slack_rules.state_told,
        slack_rules.webhook,
    ),
)
SLACK_BOT = Service(
    name="slack bot",
    backend=f"{NOTIFIERS}.slack.SlackNotifier",
    open=web_service(
        lambda url: {
            "bot_token": slack_rules.TOKEN,
            "channel": slack_rules.CHANNEL,
            "api_url": f"{url}/api",
        },
        slack_rules.state_told,
        slack_rules.methods,
    ),
)
HEALTHCHECKS = Service(
    name="healthchecks",
    backend=f"{NOTIFIERS}.healthchecks.HealthchecksNotifier",
    open=web_service(
        lambda url: {
            "ping_key": healthchecks_rules.KEY,
            "slug": "nightly",
            "base_url": f"{url}/ping",
        },
        healthchecks_rules.state_told,
        healthchecks_rules.answer,
    ),
    heartbeat=True,
)
SENTRY = Service(
    name="sentry",
    backend=f"{NOTIFIERS}.sentry.SentryNotifier",
    open=web_service(
        lambda url: {"monitor_slug": MONITOR, "dsn": sentry_rules.dsn(url)},
        sentry_rules.state_told,
        sentry_rules.answer,
    ),
    heartbeat=True,
)


def state_of_the_body(request: Received) -> str:
    told = request.json()
    return "recovered" if told["recovered"] else str(told["state"])


def state_of_the_title(request: Received) -> str | None:
    state = re.search(r" (started|succeeded again|succeeded|failed) on ", request.json()["title"])
    return state and ("recovered" if state[1].endswith("again") else state[1])


WEBHOOK = Service(
    name="webhook",
    backend=f"{NOTIFIERS}.webhook.WebhookNotifier",
    open=web_service(
        lambda url: {
            "url": f"{url}/hooks/{SECRET}",
            "secret": "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
            "headers": {"Authorization": f"Bearer {SECRET}"},
        },
        state_of_the_body,
        lambda request: Answer(),
    ),
)
APPRISE = Service(
    name="apprise",
    backend=f"{NOTIFIERS}.apprise.AppriseNotifier",
    open=web_service(
        lambda url: {"urls": [f"{url.replace('http://', 'json://')}/{SECRET}"]},
        state_of_the_title,
        lambda request: Answer(),
    ),
)
EMAIL = Service(
    name="email",
    backend=f"{NOTIFIERS}.email.EmailNotifier",
    open=mail_place.open_mail_place,
    troubles=mail_place.TROUBLES,
)
PROMETHEUS = Service(
    name="prometheus",
    backend=f"{NOTIFIERS}.prometheus.PrometheusNotifier",
    open=metrics_place.open_metrics_place,
    heartbeat=True,
    troubles=metrics_place.TROUBLES,
    tells_why=False,
)
LOGGING = Service(
    name="logging",
    backend=f"{NOTIFIERS}.logging.LoggingNotifier",
    open=log_place.open_log_place,
    troubles=frozenset(),
)
ALL = (SLACK, SLACK_BOT, HEALTHCHECKS, SENTRY, WEBHOOK, APPRISE, EMAIL, PROMETHEUS)
"""Those that deliver to a service that can fail."""
