"""Validators of option values, shared by the constructors of the notifiers.

Each ``require_*`` raises ``InvalidOption``, which names the option, never its value.
"""

import difflib
from collections.abc import Collection
from urllib.parse import urlsplit

from django.db import connections

from .exceptions import InvalidNotifySettings, InvalidOption
from .secrets import Secret, unwrap


def require_text(option: str, value: object) -> str:
    """Return ``value``, a string that is not blank, without surrounding spaces."""
    if not isinstance(value, str) or not value.strip():
        raise InvalidOption(option, "must be a non-empty string")
    return value.strip()


def require_secret(option: str, value: object) -> Secret:
    """Return ``value``, a non-blank string or a ``Secret`` holding one, as a ``Secret``."""
    return Secret(require_text(option, unwrap(value)))


def require_url(option: str, value: object) -> Secret:
    """Return ``value``, an ``http://`` or ``https://`` URL with a host, as a ``Secret``."""
    url = require_secret(option, value)
    if not _is_usable(url):
        hint = "Copy the whole URL from the service, including https://."
        raise InvalidOption(option, "must be a URL that starts with https://", hint)
    return url


def require_flag(option: str, value: object) -> bool:
    """Return ``value``, which must be ``True`` or ``False``."""
    if not isinstance(value, bool):
        raise InvalidOption(option, "must be True or False")
    return value


def require_choice(option: str, value: object, choices: Collection[str]) -> str:
    """Return ``value``, which must be one of ``choices``; the hint names the closest one."""
    if not isinstance(value, str) or value not in choices:
        raise InvalidOption(option, "is unknown", suggestion(str(value), choices))
    return value


def require_database(option: str, value: object, *others: str) -> str:
    """Return ``value``, which must be a database alias of the site or one of ``others``."""
    choices = (*connections, *others)
    if not isinstance(value, str) or value not in choices:
        hint = suggestion(str(value), choices)
        raise InvalidOption(option, f"names the unknown database {value!r}", hint)
    return value


def read_choices(value: object, path: str, choices: Collection[str] | None) -> frozenset[str]:
    """Return the list ``value`` of a setting as a set.

    ``choices`` are all the strings it may contain, ``None`` for any. Raises
    ``InvalidNotifySettings`` with ``path``, the place in the settings.
    """
    if isinstance(value, str):
        raise InvalidNotifySettings(path, "must be a list", f'Write ["{value}"].')
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise InvalidNotifySettings(path, "must be a list", 'Write ["...", "..."].')
    if not value:
        hint = "Nothing would ever be sent. Remove the key to get the default."
        raise InvalidNotifySettings(path, "is empty", hint)
    for item in value:
        if not isinstance(item, str):
            hint = "Put each item in quotes."
            raise InvalidNotifySettings(path, "must contain only strings", hint)
        if choices is not None and item not in choices:
            problem = f"contains the unknown value {item!r}"
            raise InvalidNotifySettings(path, problem, suggestion(item, choices))
    return frozenset(value)


def suggestion(name: str, known: Collection[str]) -> str:
    """Return the hint for an unknown ``name``: the closest of ``known``, and all of them."""
    by_lowercase = {candidate.lower(): candidate for candidate in known}
    closest = difflib.get_close_matches(name.lower(), by_lowercase, n=1)
    question = f'Did you mean "{by_lowercase[closest[0]]}"? ' if closest else ""
    return f"{question}Known: {', '.join(sorted(known)) or 'none'}."


def _is_usable(url: Secret) -> bool:
    try:
        parts = urlsplit(url.reveal())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        return False
    return usable and not any(character.isspace() for character in url.reveal())
