"""The journal application."""

from django.apps import AppConfig
from django.conf import settings

from django_rclone_notify.notifiers.slack import SlackNotifier
from django_rclone_notify.receivers import connect


class JournalConfig(AppConfig):
    """Connect receivers and notifiers once every application is loaded."""

    name = "journal"

    def ready(self) -> None:
        """Import the receivers, which connects them, and connect a notifier in code."""
        import journal.receivers  # noqa: F401

        if settings.RESTORES_WEBHOOK_URL:
            connect(
                SlackNotifier(webhook_url=settings.RESTORES_WEBHOOK_URL),
                states=["started", "succeeded", "failed"],
                operations=["db_restore", "media_restore"],
                name="restores",
            )
