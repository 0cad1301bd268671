"""The Django application."""

from django.apps import AppConfig
from django.core.checks import register

from . import checks


class DjangoRcloneConfig(AppConfig):
    """Registers the system checks."""

    name = "django_rclone"
    verbose_name = "Backups"

    def ready(self) -> None:
        """See ``AppConfig``."""
        for check in (checks.check_settings, checks.check_rclone, checks.check_clients):
            register(check, checks.TAG)
