"""The Django app: connects the receiver and registers the system checks."""

from django.apps import AppConfig
from django.core.checks import register

from .checks import check_channels
from .receivers import connect_receiver


class NotifyConfig(AppConfig):
    """Adds notifications to django-rclone."""

    name = "django_rclone_notify"
    verbose_name = "Backup notifications"

    def ready(self) -> None:
        """Register the system checks and connect the receiver."""
        register(check_channels)
        connect_receiver()
