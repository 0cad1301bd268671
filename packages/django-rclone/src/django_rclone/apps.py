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
        register(checks.check_settings, checks.TAG)
        register(checks.check_rclone, checks.TAG)
        register(checks.check_places, checks.TAG)
        register(checks.check_clients, checks.TAG)
