"""The only reader of ``settings.DJANGO_RCLONE_NOTIFY``, and of the label of the site.

The setting is read again for every event, so that a change, for example in a test,
takes effect at once.
"""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import TypeVar

from django.conf import settings

from .channels import Channel, Filter
from .exceptions import InvalidNotifySettings
from .notifications import NotificationState
from .notifiers import loading
from .notifiers.base import ALL_OPERATIONS, ALL_STATES, Notifier
from .options import read_choices, suggestion
from .secrets import texts
from .transport.deadline import DEFAULT_SECONDS

NAME = "DJANGO_RCLONE_NOTIFY"
KEYS = ("BACKEND", "OPTIONS", "STATES", "OPERATIONS", "DATABASES", "ENVIRONMENTS", "TIMEOUT")
MAX_TIMEOUT = 60

Value = TypeVar("Value")


def aliases() -> tuple[str, ...]:
    """Return the names of the configured channels; none if the setting is absent.

    Raises ``InvalidNotifySettings`` if the setting is not a dictionary.
    """
    return tuple(_all_entries())


def environment() -> str:
    """Return the label of this site's environment, as events of django-rclone carry it."""
    core = getattr(settings, "DJANGO_RCLONE", None)
    return str(core.get("ENVIRONMENT", "")) if isinstance(core, Mapping) else ""


def read_channel(alias: str) -> Channel:
    """Return the channel ``alias``. Raises ``InvalidNotifySettings`` for the first mistake."""
    channel, mistakes = examine(alias)
    if channel is None:
        raise mistakes[0]
    return channel


def examine(alias: str) -> tuple[Channel | None, list[InvalidNotifySettings]]:
    """Return the channel ``alias``, or ``None`` and every mistake in its entry."""
    path = f'{NAME}["{alias}"]'
    raw = _all_entries()[alias]
    if not isinstance(raw, Mapping):
        hint = 'Write {"BACKEND": "...", "OPTIONS": {...}}.'
        return None, [InvalidNotifySettings(path, "must be a dictionary", hint)]
    reader = _Reader(path, raw)
    channel = reader.read(alias)
    return (None if reader.mistakes else channel), reader.mistakes


def raw_options(alias: str) -> Mapping[str, object]:
    """Return the options of the channel ``alias`` exactly as in the settings."""
    entry = _all_entries()[alias]
    options = entry.get("OPTIONS") if isinstance(entry, Mapping) else None
    return options if isinstance(options, Mapping) else {}


def wants_recoveries(alias: str) -> bool:
    """Return whether the channel ``alias`` lists recoveries explicitly."""
    entry = _all_entries()[alias]
    states = entry.get("STATES") if isinstance(entry, Mapping) else None
    return isinstance(states, Collection) and NotificationState.RECOVERED in states


def read_timeout(value: object, path: str) -> float:
    """Return the time limit ``value`` in seconds. Raises ``InvalidNotifySettings`` with ``path``."""
    # A bool is an int, and NaN is neither above nor below anything.
    if isinstance(value, (int, float)) and value is not True and 0 < value <= MAX_TIMEOUT:
        return float(value)
    problem = f"must be a number of seconds, above 0 and at most {MAX_TIMEOUT}"
    hint = "A service that hangs delays the end of a command by this much."
    raise InvalidNotifySettings(path, problem, hint)


def _all_entries() -> Mapping[str, object]:
    value = getattr(settings, NAME, None)
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(alias, str) for alias in value):
        hint = 'Write {"ops": {"BACKEND": "...", "OPTIONS": {...}}}.'
        raise InvalidNotifySettings(NAME, "must be a dictionary of named channels", hint)
    return value


def _read_options(value: object, path: str) -> Mapping[str, object]:
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return value
    problem = "must be a dictionary of named options"
    raise InvalidNotifySettings(path, problem, 'Write {"name": value}.')


class _Reader:
    """Reads one entry key by key, and collects the mistakes to report them all at once."""

    def __init__(self, path: str, raw: Mapping[object, object]) -> None:
        self._path = path
        self._raw = raw
        self.mistakes: list[InvalidNotifySettings] = []

    def read(self, alias: str) -> Channel:
        for key in self._raw:
            if key not in KEYS:
                path = f'{self._path}["{key}"]'
                hint = suggestion(str(key), KEYS)
                self.mistakes.append(InvalidNotifySettings(path, "is unknown", hint))
        backend = self._value("BACKEND", loading.import_notifier, Notifier, required=True)
        no_options: Mapping[str, object] = {}
        options = self._value("OPTIONS", _read_options, no_options)
        return Channel(
            name=alias,
            build=partial(loading.construct, backend, options, f'{self._path}["OPTIONS"]'),
            filter=Filter(
                states=self._choices("STATES", ALL_STATES) or backend.default_states,
                operations=self._choices("OPERATIONS", ALL_OPERATIONS)
                or backend.default_operations,
                databases=self._choices("DATABASES", frozenset(settings.DATABASES)),
                environments=self._choices("ENVIRONMENTS", None),
            ),
            timeout=self._value("TIMEOUT", read_timeout, DEFAULT_SECONDS),
            secrets=tuple(texts(options)),
        )

    def _choices(self, key: str, choices: frozenset[str] | None) -> frozenset[str] | None:
        return self._value(key, partial(read_choices, choices=choices), None)

    def _value(
        self,
        key: str,
        read: Callable[[object, str], Value],
        default: Value,
        *,
        required: bool = False,
    ) -> Value:
        if key not in self._raw and not required:
            return default
        try:
            return read(self._raw.get(key), f'{self._path}["{key}"]')
        except InvalidNotifySettings as error:
            self.mistakes.append(error)
            return default
