"""Constructing a notifier from its dotted path and options."""

import inspect
from collections.abc import Mapping

from django.utils.module_loading import import_string

from ..exceptions import InvalidBackend, InvalidOption, InvalidOptions
from ..options import suggestion
from .base import Notifier

SHIPPED = (
    "django_rclone_notify.notifiers.apprise.AppriseNotifier",
    "django_rclone_notify.notifiers.dummy.DummyNotifier",
    "django_rclone_notify.notifiers.email.EmailNotifier",
    "django_rclone_notify.notifiers.healthchecks.HealthchecksNotifier",
    "django_rclone_notify.notifiers.logging.LoggingNotifier",
    "django_rclone_notify.notifiers.prometheus.PrometheusNotifier",
    "django_rclone_notify.notifiers.sentry.SentryNotifier",
    "django_rclone_notify.notifiers.slack.SlackNotifier",
    "django_rclone_notify.notifiers.webhook.WebhookNotifier",
)


def import_notifier(backend: object, path: str) -> type[Notifier]:
    """Return the class at the dotted path ``backend``.

    Raises ``InvalidBackend`` with ``path``, the place in the settings.
    """
    if not isinstance(backend, str) or not backend:
        hint = f'For example "{SHIPPED[-1]}".'
        raise InvalidBackend(path, "must be the dotted path of a notifier", hint)
    try:
        found = import_string(backend)
    # A module of the site may raise anything when it is imported.
    except Exception as error:
        problem = f"cannot be imported ({type(error).__name__}: {error})"
        raise InvalidBackend(path, problem, suggestion(backend, SHIPPED)) from error
    if not isinstance(found, type) or not issubclass(found, Notifier) or found is Notifier:
        hint = f"Derive the class from {Notifier.__module__}.Notifier."
        raise InvalidBackend(path, f"is {backend}, which is not a notifier", hint)
    return found


def construct(notifier_class: type[Notifier], options: Mapping[str, object], path: str) -> Notifier:
    """Return a notifier with ``options``.

    Raises ``InvalidOptions``, with ``path``, for an option that is unknown, missing
    or rejected by the constructor, and ``MissingExtra`` if the constructor does.
    """
    _require_signature(notifier_class, options, path)
    try:
        return notifier_class(**options)
    except InvalidOption as error:
        invalid = error
    # Outside the except block: the context would hold the constructor's local variables.
    hint = invalid.hint or f"See the documentation of {notifier_class.__name__}."
    raise InvalidOptions(f'{path}["{invalid.option}"]', invalid.problem, hint)


def _require_signature(
    notifier_class: type[Notifier], options: Mapping[str, object], path: str
) -> None:
    parameters = inspect.signature(notifier_class).parameters.values()
    named = [p for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
    known = [parameter.name for parameter in named]
    takes_any = any(parameter.kind == parameter.VAR_KEYWORD for parameter in parameters)
    for name in options:
        if name not in known and not takes_any:
            raise InvalidOptions(f'{path}["{name}"]', "is unknown", suggestion(name, known))
    for parameter in named:
        if parameter.default is parameter.empty and parameter.name not in options:
            hint = f"{notifier_class.__name__} requires it."
            raise InvalidOptions(f'{path}["{parameter.name}"]', "is missing", hint)
