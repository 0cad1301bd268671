"""System checks: ``manage.py check`` tells what is wrong with DJANGO_RCLONE_NOTIFY.

========  ==================================================
``E001``  a key is unknown, or its value is not usable
``E002``  ``BACKEND`` is missing, or is no notifier
``E003``  an option is unknown, missing or not usable
``E004``  a notifier needs a package that is not installed
========  ==================================================

An id is never used a second time.
"""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error

from django_rclone_notify import conf
from django_rclone_notify.exceptions import (
    InvalidBackend,
    InvalidNotifySettings,
    InvalidOptions,
    MissingExtra,
)
from django_rclone_notify.redaction import told


def check_channels(**_kwargs: Any) -> Sequence[CheckMessage]:
    """Return one error for each mistake in the settings."""
    try:
        aliases = conf.aliases()
    except InvalidNotifySettings as error:
        return [_message(error)]
    return [_message(error) for alias in aliases for error in _mistakes(alias)]


def _mistakes(alias: str) -> list[Exception]:
    channel, mistakes = conf.examine(alias)
    if channel is None:
        return [*mistakes]
    try:
        channel.build()
    # The constructor may be the site's own, and raise anything.
    except Exception as error:  # noqa: BLE001
        return [error]
    return []


def _message(error: Exception) -> Error:
    if isinstance(error, MissingExtra):
        return Error(error.problem, hint=error.hint, id="django_rclone_notify.E004")
    if isinstance(error, InvalidNotifySettings):
        return Error(f"{error.key} {error.problem}", hint=error.hint, id=_id(error))
    return Error(told(error), id="django_rclone_notify.E003")


def _id(error: InvalidNotifySettings) -> str:
    if isinstance(error, InvalidBackend):
        return "django_rclone_notify.E002"
    if isinstance(error, InvalidOptions):
        return "django_rclone_notify.E003"
    return "django_rclone_notify.E001"
