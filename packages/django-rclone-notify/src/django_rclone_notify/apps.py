"""The Django app: connects the receiver and registers the system checks."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register


class NotifyConfig(AppConfig):
    """Adds notifications to django-rclone."""

    name = "django_rclone_notify"
    verbose_name = "Backup notifications"

    def ready(self) -> None:
        """Register the system checks and connect the receiver."""
        if not _core_has_events():
            register(another_django_rclone)
            return
        # Neither could be imported without events.
        from .checks import check_channels
        from .receivers import connect_receiver

        register(check_channels)
        connect_receiver()


def _core_has_events() -> bool:
    try:
        return find_spec("django_rclone.events") is not None
    except ModuleNotFoundError:
        return False


def another_django_rclone(**_kwargs: Any) -> Sequence[CheckMessage]:
    """Return ``E001``: ``django_rclone`` is a package of the same name that has no events.

    An error, unlike every other finding here: with that package nothing is reported, ever,
    and none of its backups is what this project promises.
    """
    return [
        Error(
            "the package django_rclone that is installed is not the one that "
            "django-rclone-notify extends: another project has the same name on the package index",
            hint="Install both packages of this project in one command, from its wheels or its "
            "source: `pip install ./packages/django-rclone ./packages/django-rclone-notify`.",
            id="django_rclone_notify.E001",
        )
    ]
