"""System checks: ``manage.py check`` tells what is wrong with DJANGO_RCLONE_NOTIFY.

========  =========================================================
``E001``  a key is unknown, or its value is not usable
``E002``  ``BACKEND`` is missing, or is no notifier
``E003``  an option is unknown, missing or not usable
``E004``  a notifier needs a package that is not installed
``E005``  the filters exclude each other: nothing would ever be sent
``W001``  Django's error pages would show a secret
``W002``  ``recovered`` is wanted, and the cache forgets between commands
========  =========================================================

An id is never used a second time.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Warning

from . import conf, exposure, history
from .channels import Channel
from .exceptions import InvalidBackend, InvalidNotifySettings, InvalidOptions, MissingExtra
from .notifications import NoticeState
from .redaction import told


def check_channels(**_kwargs: Any) -> Sequence[CheckMessage]:
    """Return one message for each mistake in the settings."""
    try:
        aliases = conf.aliases()
    except InvalidNotifySettings as error:
        return [_message(error)]
    return [message for alias in aliases for message in _messages(alias)]


def _messages(alias: str) -> Iterator[CheckMessage]:
    channel, mistakes = conf.examine(alias)
    if channel is None:
        yield from map(_message, mistakes)
        return
    try:
        notifier = channel.build()
    # The constructor may be the site's own, and raise anything.
    except Exception as error:  # noqa: BLE001
        yield _message(error)
        return
    for option in sorted(exposure.exposed(alias, notifier.secret_options)):
        yield _exposed(alias, option)
    yield from _unreachable(channel)
    if conf.wants_recoveries(alias) and not history.outlasts_the_process():
        yield _forgetful(alias)


def _unreachable(channel: Channel) -> Iterator[CheckMessage]:
    if not channel.filter.is_reachable():
        yield Error(
            f'{conf.NAME}["{channel.name}"] would never be notified: DATABASES leaves out media '
            "operations, and OPERATIONS names nothing else",
            hint="Remove DATABASES, or add an operation on databases, such as db_backup.",
            id="django_rclone_notify.E005",
        )


def _exposed(alias: str, option: str) -> CheckMessage:
    return Warning(
        f'{conf.NAME}["{alias}"]["OPTIONS"]["{option}"] is a secret, and Django would show it on '
        "debug pages and in the error mails to ADMINS",
        hint="Wrap it: Secret(...), from django_rclone_notify.secrets.",
        id="django_rclone_notify.W001",
    )


def _forgetful(alias: str) -> CheckMessage:
    return Warning(
        f'{conf.NAME}["{alias}"] wants "{NoticeState.RECOVERED}", but the default cache does not '
        "keep the last outcome until the next command",
        hint="Set CACHES to one that outlasts a process, such as Redis, a file or the database.",
        id="django_rclone_notify.W002",
    )


def _message(error: Exception) -> CheckMessage:
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
