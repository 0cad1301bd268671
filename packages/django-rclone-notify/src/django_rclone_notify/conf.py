"""The only reader of ``settings.DJANGO_RCLONE_NOTIFY``.

The setting is read again for every event, so that a change, also one made by a
test, takes effect at once.
"""

from collections.abc import Collection, Mapping
from functools import partial

from django.conf import settings

from .channels import Channel, Filter
from .exceptions import InvalidBackend, InvalidNotifySettings
from .notifications import NotificationState
from .notifiers import loading
from .notifiers.base import ALL_OPERATIONS, ALL_STATES, Notifier
from .options import read_choices, suggestion
from .secrets import texts
from .transport.deadline import DEFAULT_SECONDS

NAME = "DJANGO_RCLONE_NOTIFY"
KEYS = ("BACKEND", "OPTIONS", "STATES", "OPERATIONS", "DATABASES", "ENVIRONMENTS", "TIMEOUT")
MAX_TIMEOUT = 60


def aliases() -> tuple[str, ...]:
    """Return the names of the configured channels; none if the setting is absent.

    Raises ``InvalidNotifySettings`` if the setting is not a dictionary.
    """
    return tuple(_all_entries())


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


class _Reader:
    """Reads one entry key by key, and collects the mistakes to report them all at once."""

    def __init__(self, path: str, raw: Mapping[object, object]) -> None:
        self._path = path
        self._raw = raw
        self.mistakes: list[InvalidNotifySettings] = []

    def read(self, alias: str) -> Channel:
        for key in self._raw:
            if key not in KEYS:
                hint = suggestion(str(key), KEYS)
                path = f'{self._path}["{key}"]'
                self.mistakes.append(InvalidNotifySettings(path, "is unknown", hint))
        notifier_class = self._backend()
        options = self._options()
        return Channel(
            name=alias,
            build=partial(loading.construct, notifier_class, options, f'{self._path}["OPTIONS"]'),
            filter=self._filter(notifier_class),
            timeout=self._timeout(),
            secrets=tuple(texts(options)),
        )

    def _filter(self, notifier_class: type[Notifier]) -> Filter:
        return Filter(
            states=self._choices("STATES", ALL_STATES) or notifier_class.default_states,
            operations=self._choices("OPERATIONS", ALL_OPERATIONS)
            or notifier_class.default_operations,
            databases=self._choices("DATABASES", frozenset(settings.DATABASES)),
            environments=self._choices("ENVIRONMENTS", None),
        )

    def _timeout(self) -> float:
        try:
            return read_timeout(
                self._raw.get("TIMEOUT", DEFAULT_SECONDS), f'{self._path}["TIMEOUT"]'
            )
        except InvalidNotifySettings as error:
            self.mistakes.append(error)
            return DEFAULT_SECONDS

    def _backend(self) -> type[Notifier]:
        try:
            return loading.import_notifier(self._raw.get("BACKEND"), f'{self._path}["BACKEND"]')
        except InvalidBackend as error:
            self.mistakes.append(error)
            return Notifier

    def _options(self) -> Mapping[str, object]:
        options = self._raw.get("OPTIONS", {})
        if isinstance(options, Mapping) and all(isinstance(name, str) for name in options):
            return options
        path = f'{self._path}["OPTIONS"]'
        problem = "must be a dictionary of named options"
        self.mistakes.append(InvalidNotifySettings(path, problem, 'Write {"name": value}.'))
        return {}

    def _choices(self, key: str, choices: frozenset[str] | None) -> frozenset[str] | None:
        if key not in self._raw:
            return None
        try:
            return read_choices(self._raw[key], f'{self._path}["{key}"]', choices)
        except InvalidNotifySettings as error:
            self.mistakes.append(error)
            return None
