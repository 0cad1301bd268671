"""System checks: ``manage.py check`` reports every mistake in DJANGO_RCLONE_NOTIFY.

========  =========================================================
``W001``  Django's error pages would show a secret
``W002``  ``recovered`` is listed, but the cache is not persistent
``W003``  a key is unknown, or its value is invalid
``W004``  ``BACKEND`` is missing, or is not a notifier
``W005``  an option is unknown, missing or invalid
``W006``  a notifier needs a package that is not installed
``W007``  the filters exclude each other: nothing would ever be sent
========  =========================================================

All are warnings: an error would keep ``migrate`` and ``runserver`` from running, for
the sake of a notification. An id is never reused.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from django.core.checks import CheckMessage, Warning
from django.views.debug import get_default_exception_reporter_filter

from . import conf, history
from .channels import Channel
from .exceptions import InvalidBackend, InvalidNotifySettings, InvalidOptions, MissingExtra
from .notifications import NotificationState
from .secrets import describe, texts

_IDS = {
    InvalidNotifySettings: "django_rclone_notify.W003",
    InvalidBackend: "django_rclone_notify.W004",
    InvalidOptions: "django_rclone_notify.W005",
}


def check_channels(**_kwargs: Any) -> Sequence[CheckMessage]:
    """Return one message for each mistake in the settings."""
    try:
        aliases = conf.aliases()
    except InvalidNotifySettings as error:
        return [_message(error)]
    return [message for alias in aliases for message in _channel_messages(alias)]


def leaked_options(alias: str, options: Collection[str]) -> set[str]:
    """Return those of the secret ``options`` of a channel that Django's error reports show.

    Django hides a setting by its name, and the site may have a filter of its own.
    So this asks that filter, and searches the settings it lets through.
    """
    reports = get_default_exception_reporter_filter().get_safe_settings()
    # Not pprint, which Django uses: it splits long strings.
    shown = repr(reports.get(conf.NAME))
    values = conf.raw_options(alias)
    return {
        option
        for option in options
        if any(repr(text)[1:-1] in shown for text in texts(values.get(option)) if text)
    }


def _channel_messages(alias: str) -> Iterator[CheckMessage]:
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
    for option in sorted(leaked_options(alias, notifier.secret_options)):
        yield _leak(alias, option)
    if not channel.filter.is_satisfiable():
        yield _unsatisfiable(channel)
    if conf.wants_recoveries(alias) and not history.is_persistent():
        yield _not_persistent(alias)


def _unsatisfiable(channel: Channel) -> CheckMessage:
    return Warning(
        f'{conf.NAME}["{channel.name}"] would never be notified: DATABASES excludes media '
        "operations, and OPERATIONS lists nothing else",
        hint="Remove DATABASES, or add a database operation such as db_backup.",
        id="django_rclone_notify.W007",
    )


def _leak(alias: str, option: str) -> CheckMessage:
    return Warning(
        f'{conf.NAME}["{alias}"]["OPTIONS"]["{option}"] is a secret, and Django would show it on '
        "debug pages and in error mails to ADMINS",
        hint="Wrap it in Secret(...), from django_rclone_notify.secrets.",
        id="django_rclone_notify.W001",
    )


def _not_persistent(alias: str) -> CheckMessage:
    return Warning(
        f'{conf.NAME}["{alias}"] lists "{NotificationState.RECOVERED}", but the default cache '
        "does not keep the last outcome for the next command",
        hint="Set CACHES to a persistent cache, such as Redis, files or the database.",
        id="django_rclone_notify.W002",
    )


def _message(error: Exception) -> CheckMessage:
    if isinstance(error, MissingExtra):
        return Warning(error.problem, hint=error.hint, id="django_rclone_notify.W006")
    if isinstance(error, InvalidNotifySettings):
        return Warning(f"{error.key} {error.problem}", hint=error.hint, id=_IDS[type(error)])
    return Warning(describe(error), id="django_rclone_notify.W005")
