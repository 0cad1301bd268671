"""The only reader of ``settings.DJANGO_RCLONE_NOTIFY``.

Read anew for every event: a changed setting, also one changed by a test, counts
at once.
"""

from collections.abc import Collection, Mapping
from functools import partial

from django.conf import settings

from . import words
from .channels import Channel, texts
from .exceptions import InvalidBackend, InvalidNotifySettings
from .filters import Filter
from .notifications import NoticeState
from .notifiers import loading as construction
from .notifiers.base import EVERY_OPERATION, EVERY_STATE, Notifier
from .transport.deadline import DEFAULT_SECONDS

NAME = "DJANGO_RCLONE_NOTIFY"
KEYS = ("BACKEND", "OPTIONS", "STATES", "OPERATIONS", "DATABASES", "ENVIRONMENTS", "TIMEOUT")
LONGEST_TIMEOUT = 60


def aliases() -> tuple[str, ...]:
    """Return the names of the configured channels; none when the setting is absent.

    Raises ``InvalidNotifySettings`` when the setting is no dictionary.
    """
    return tuple(_whole())


def read_channel(alias: str) -> Channel:
    """Return the channel ``alias``. Raises ``InvalidNotifySettings`` for the first mistake."""
    channel, mistakes = examine(alias)
    if channel is None:
        raise mistakes[0]
    return channel


def examine(alias: str) -> tuple[Channel | None, list[InvalidNotifySettings]]:
    """Return the channel ``alias``, or ``None`` and every mistake in its entry."""
    path = f'{NAME}["{alias}"]'
    raw = _whole()[alias]
    if not isinstance(raw, Mapping):
        hint = 'Write {"BACKEND": "...", "OPTIONS": {...}}.'
        return None, [InvalidNotifySettings(path, "must be a dictionary", hint)]
    reader = _Reader(path, raw)
    channel = reader.read(alias)
    return (None if reader.mistakes else channel), reader.mistakes


def options_of(alias: str) -> Mapping[str, object]:
    """Return the options of the channel ``alias`` as they stand in the settings."""
    entry = _whole()[alias]
    options = entry.get("OPTIONS") if isinstance(entry, Mapping) else None
    return options if isinstance(options, Mapping) else {}


def wants_recoveries(alias: str) -> bool:
    """Tell whether the channel ``alias`` asks for recoveries in so many words."""
    entry = _whole()[alias]
    states = entry.get("STATES") if isinstance(entry, Mapping) else None
    return isinstance(states, Collection) and NoticeState.RECOVERED in states


def read_timeout(value: object, path: str) -> float:
    """Return the time limit ``value`` in seconds. Raises ``InvalidNotifySettings``, with ``path``."""
    # A bool is an int, and NaN is neither above nor below anything.
    if isinstance(value, (int, float)) and value is not True and 0 < value <= LONGEST_TIMEOUT:
        return float(value)
    problem = f"must be a number of seconds, above 0 and at most {LONGEST_TIMEOUT}"
    hint = "A service that hangs delays the end of a command by that much."
    raise InvalidNotifySettings(path, problem, hint)


def _whole() -> Mapping[str, object]:
    value = getattr(settings, NAME, None)
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(alias, str) for alias in value):
        hint = 'Write {"ops": {"BACKEND": "...", "OPTIONS": {...}}}.'
        raise InvalidNotifySettings(NAME, "must be a dictionary of named channels", hint)
    return value


class _Reader:
    """Reads one entry key by key and remembers each mistake, so that all are told at once."""

    def __init__(self, path: str, raw: Mapping[object, object]) -> None:
        self._path = path
        self._raw = raw
        self.mistakes: list[InvalidNotifySettings] = []

    def read(self, alias: str) -> Channel:
        for key in self._raw:
            if key not in KEYS:
                hint = words.suggestion(str(key), KEYS)
                self._wrong(InvalidNotifySettings(f'{self._path}["{key}"]', "is unknown", hint))
        notifier_class = self._backend()
        options = self._options()
        return Channel(
            name=alias,
            build=partial(
                construction.construct, notifier_class, options, f'{self._path}["OPTIONS"]'
            ),
            filter=self._filter(notifier_class),
            timeout=self._timeout(),
            secrets=tuple(texts(options)),
        )

    def _filter(self, notifier_class: type[Notifier]) -> Filter:
        states = self._words("STATES", EVERY_STATE)
        operations = self._words("OPERATIONS", EVERY_OPERATION)
        return Filter(
            states=notifier_class.default_states if states is None else states,
            operations=notifier_class.default_operations if operations is None else operations,
            databases=self._words("DATABASES", frozenset(settings.DATABASES)),
            environments=self._words("ENVIRONMENTS", None),
        )

    def _timeout(self) -> float:
        try:
            return read_timeout(
                self._raw.get("TIMEOUT", DEFAULT_SECONDS), f'{self._path}["TIMEOUT"]'
            )
        except InvalidNotifySettings as error:
            self._wrong(error)
            return DEFAULT_SECONDS

    def _backend(self) -> type[Notifier]:
        try:
            return construction.import_notifier(
                self._raw.get("BACKEND"), f'{self._path}["BACKEND"]'
            )
        except InvalidBackend as error:
            self._wrong(error)
            return Notifier

    def _options(self) -> Mapping[str, object]:
        options = self._raw.get("OPTIONS", {})
        if isinstance(options, Mapping) and all(isinstance(name, str) for name in options):
            return options
        hint = 'Write {"name": value}.'
        path = f'{self._path}["OPTIONS"]'
        self._wrong(InvalidNotifySettings(path, "must be a dictionary of named options", hint))
        return {}

    def _words(self, key: str, known: frozenset[str] | None) -> frozenset[str] | None:
        if key not in self._raw:
            return None
        try:
            return words.read_words(self._raw[key], f'{self._path}["{key}"]', known)
        except InvalidNotifySettings as error:
            self._wrong(error)
            return None

    def _wrong(self, mistake: InvalidNotifySettings) -> None:
        self.mistakes.append(mistake)
