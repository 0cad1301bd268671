"""The adapters: how the shared suite reaches each notifier, and what it should have told.

A new notifier is one more entry of ``ALL``.
"""

from tests.notify import healthchecks_rules, sentry_rules, slack_rules
from tests.notify.places import SECRET, Service, web_service

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
ALL = (SLACK, SLACK_BOT, HEALTHCHECKS, SENTRY)
