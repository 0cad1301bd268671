"""Checks of option values, shared by the constructors of the notifiers.

Each raises ``InvalidOption``, which names the option and never its value.
"""

from collections.abc import Collection
from urllib.parse import urlsplit

from django.db import connections

from . import words
from .exceptions import InvalidOption
from .secrets import Secret, revealed


def require_text(option: str, value: object) -> str:
    """Return ``value`` if it is a string that is not blank."""
    if not isinstance(value, str) or not value.strip():
        raise InvalidOption(option, "must be a string that is not empty")
    return value.strip()


def require_secret(option: str, value: object) -> Secret:
    """Return ``value``, a string that is not blank or a ``Secret`` with one, as a ``Secret``."""
    return Secret(require_text(option, revealed(value)))


def require_url(option: str, value: object) -> Secret:
    """Return ``value`` if it is an ``http://`` or ``https://`` address with a host.

    It comes back as a ``Secret``, which most addresses here are.
    """
    address = require_secret(option, value)
    if not _is_usable(address):
        hint = "Copy the whole address from the service, https:// included."
        raise InvalidOption(option, "must be an address that starts with https://", hint)
    return address


def require_flag(option: str, value: object) -> bool:
    """Return ``value`` if it is ``True`` or ``False``."""
    if not isinstance(value, bool):
        raise InvalidOption(option, "must be True or False")
    return value


def require_word(option: str, value: object, known: Collection[str]) -> str:
    """Return ``value`` if it is one of ``known``; a typo is told with the nearest word."""
    if not isinstance(value, str) or value not in known:
        raise InvalidOption(option, "is unknown", words.suggestion(str(value), known))
    return value


def require_database(option: str, value: object, *others: str) -> str:
    """Return ``value`` if it is a database alias of the site, or one of ``others``."""
    known = (*connections, *others)
    if not isinstance(value, str) or value not in known:
        hint = words.suggestion(str(value), known)
        raise InvalidOption(option, f"names the unknown database {value!r}", hint)
    return value


def _is_usable(address: Secret) -> bool:
    try:
        parts = urlsplit(address.reveal())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        return False
    return usable and not any(character.isspace() for character in address.reveal())
