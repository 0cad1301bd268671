"""The Django app: connects the receiver and registers the checks."""

from django.apps import AppConfig
from django.core.checks import register

from django_rclone.signals import operation_changed
from django_rclone_notify.checks import check_channels
from django_rclone_notify.receivers import deliver


class NotifyConfig(AppConfig):
    """Adds notifications to django-rclone."""

    name = "django_rclone_notify"
    verbose_name = "Backup notifications"

    def ready(self) -> None:
        """Register the system checks and connect ``deliver`` to every state of every operation."""
        register(check_channels)
        operation_changed.connect(deliver, dispatch_uid="django_rclone_notify.deliver")
