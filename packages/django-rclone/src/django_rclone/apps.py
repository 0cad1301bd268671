"""The Django application."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, register


class DjangoRcloneConfig(AppConfig):
    """Registers the system checks."""

    name = "django_rclone"
    verbose_name = "Backups"

    def ready(self) -> None:
        """See ``AppConfig``."""
        register(_check_site, self.name)
        register(_check_deployment, self.name, deploy=True)


def _check_site(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    # Every process of the site starts with ready(), and few of them run checks.
    from . import checks

    return checks.check_site()


def _check_deployment(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    from . import checks

    return checks.check_deployment()
